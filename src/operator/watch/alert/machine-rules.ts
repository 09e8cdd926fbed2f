/** Rules about machines and books: the journal, devices, answers, the chain's node, the disk and the clock. */
import { OVER } from "../../disk/disk-watch.ts";
import { bytesText } from "../../disk/free-bytes.ts";
import type { DeviceVital, Vitals } from "../vitals.ts";
import { ASK, moneyText, percentText, type Rule, spanText } from "./rule.ts";

/** How long a device may be away. */
const SILENT_MS = 5 * 60_000;

/** Part of the verdicts of an hour from which on it is told, and below which it is over. */
const REJECTED = { on: 0.05, off: 0.04 } as const;

/** Age of the newest block from which on it is told, and below which it is over. */
const STALE_MS = { on: 120_000, off: 60_000 } as const;

/** Part of the disk that is free, below which it is told, and from which on it is over. */
const FREE = { on: 0.1, off: 0.11 } as const;

/** How far the clock may be off, and from where on it is right again. */
const OFF_MS = { on: 30_000, off: 25_000 } as const;

/** An entry is not what was written: nothing in the books can be trusted from there on. */
export const journalBroken: Rule = {
  severity: "page",
  when: "an entry of the journal is not what was written",
  expression: "hirewire_journal_intact == 0",
  costs: "Nothing in the books can be relied on from that entry on.",
  mend: "hirewire journal verify, then hirewire restore FROM of the newest backup that holds",
  find: ({ journal }) => {
    if (journal.intact !== false) return [];
    const { index, why } = journal.broken ?? { index: 0, why: "it could not be read" };
    return [
      {
        subject: null,
        concern: {
          owners: {
            what: `journal entry ${index} does not hold: ${ASK}`,
            facts: { entry: String(index), why: ASK },
          },
        },
        since: journal.verifiedAt,
        what: `journal entry ${index} does not hold: ${why}`,
        costs: "nothing in the books can be relied on from that entry on",
        mend: "hirewire stop-paying, then hirewire restore FROM of the newest backup that holds",
        facts: { entry: String(index), why },
        remedy: { kind: "action", name: "verify", subject: String(index) },
      },
    ];
  },
};

/** A device of the roster is away: it is not in session, which ends by itself once nothing is heard of it. */
export const deviceSilent: Rule = {
  severity: "warning",
  when: `nothing is heard of an enrolled device for ${SILENT_MS / 60_000} min`,
  expression: `time() - hirewire_device_silent_since_timestamp_seconds > ${SILENT_MS / 1_000}`,
  costs: "It earns nothing, and its tasks wait.",
  mend: "look at its cable, power and network; hirewire devices disable NAME if it is meant to be off",
  find: ({ at, devices }) =>
    devices
      .filter(({ state, since }) => state === "silent" && at - since > SILENT_MS)
      .map((device) => ({
        subject: device.device,
        concern: { owner: device.owner },
        since: device.since,
        what: `${device.name} is silent for ${spanText(at - device.since)}`,
        costs: "it earns nothing, and its tasks wait",
        mend: `${whereToLook(device)}; hirewire devices disable ${device.name} if it is meant to be off`,
        facts: {
          device: device.name,
          silent: spanText(at - device.since),
          link: device.link ?? "",
          heardAt: device.heardAt === null ? "" : String(device.heardAt),
        },
        remedy: { kind: "page", name: "device", subject: device.device },
      })),
};

function whereToLook({ link }: DeviceVital): string {
  return link === "serial" ? "look at its cable and power" : "look at its power and network";
}

/** Answers are wrong more often than accidents explain: somebody cheats, or a machine is broken. */
export const resultsRejected: Rule = {
  severity: "warning",
  when: `more than ${percentText(REJECTED.on)} % of the verdicts of 1 h reject the answer`,
  expression: [
    'sum by (instance) (increase(hirewire_verifications_total{verdict="rejected"}[1h]))',
    `/ sum by (instance) (increase(hirewire_verifications_total[1h])) > ${REJECTED.on}`,
  ].join(" "),
  costs: "Rejected work is not paid, and its requesters wait longer.",
  mend: "hirewire tasks: see who delivered what was rejected; hirewire devices disable NAME",
  find: ({ verdicts }, isOn) => {
    const total = verdicts.accepted + verdicts.rejected;
    const part = total === 0 ? 0 : verdicts.rejected / total;
    if (part <= (isOn(null) ? REJECTED.off : REJECTED.on)) return [];
    const { rejected } = verdicts;
    return [
      {
        subject: null,
        concern: "gateway",
        since: null,
        what: `${rejected} of ${total} answers of the last hour were rejected`,
        costs: "rejected work is not paid, and its requesters wait longer",
        mend: "see who delivered them; hirewire devices disable NAME",
        facts: { rejected: String(rejected), total: String(total), percent: percentText(part) },
        remedy: { kind: "page", name: "log", subject: null },
      },
    ];
  },
};

/** The node shows no new block: closes, deposits and claims are not seen. */
export const chainStale: Rule = {
  severity: "warning",
  when: `the chain's newest block is older than ${STALE_MS.on / 60_000} min (not on play money)`,
  expression: `time() - hirewire_chain_head_timestamp_seconds > ${STALE_MS.on / 1_000}`,
  costs: "A lane that closes meanwhile is seen late; nothing can be claimed.",
  mend: "hirewire doctor; another node in chain.rpc",
  find: (vitals, isOn) => {
    const { at, chain, isPlayMoney, unsettled } = vitals;
    if (chain.head === null || isPlayMoney) return [];
    const { block, time } = chain.head;
    if (at - time <= (isOn(null) ? STALE_MS.off : STALE_MS.on)) return [];
    const amount = moneyText(vitals, unsettled.incoming);
    return [
      {
        subject: null,
        concern: "gateway",
        since: time,
        what: `the chain's newest block ${block} is ${spanText(at - time)} old`,
        costs: `closes are seen late and nothing is claimed: ${amount} waits`,
        mend: "hirewire doctor; another node in chain.rpc",
        facts: { block: String(block), age: spanText(at - time), amount },
        remedy: { kind: "page", name: "logs", subject: null },
      },
    ];
  },
};

/** Below the reserve no offers are taken; on a full disk the journal cannot grow, and the gateway ends. */
export const diskLow: Rule = {
  severity: "warning",
  when: `less than ${percentText(FREE.on)} % of the data folder's disk is free, or less than the reserve`,
  expression: `hirewire_disk_free_bytes / hirewire_disk_size_bytes < ${FREE.on} or hirewire_disk_free_bytes < hirewire_disk_reserve_bytes`,
  costs: "Below the reserve new offers are not taken; on a full disk the gateway stops.",
  mend: "make room, or set data to a larger disk",
  find: ({ disk }, isOn) => {
    if (disk === null || disk.sizeBytes === 0) return [];
    const part = disk.freeBytes / disk.sizeBytes;
    const isReached = disk.freeBytes < disk.reserveBytes;
    const isNear = isOn(null) && disk.freeBytes < OVER * disk.reserveBytes;
    if (!isReached && !isNear && part >= (isOn(null) ? FREE.off : FREE.on)) return [];
    const [free, reserve] = [bytesText(disk.freeBytes), bytesText(disk.reserveBytes)];
    const what = isReached
      ? `new offers are not taken: ${free} of the disk are free, the reserve is ${reserve}`
      : `${percentText(part)} % of the disk is free: ${free}`;
    const costs = isReached
      ? "nothing new is earned; on a full disk the gateway stops"
      : `below ${reserve} new offers are not taken; on a full disk the gateway stops`;
    return [
      {
        subject: null,
        concern: "gateway",
        since: null,
        ...{ what, costs },
        mend: "make room, or set data to a larger disk",
        facts: { percent: percentText(part), free, reserve, isReached: String(isReached) },
        remedy: { kind: "page", name: "settings", subject: null },
      },
    ];
  },
};

/** Deadlines, invoices and logins are by this machine's clock. */
export const clockOff: Rule = {
  severity: "warning",
  when: `this machine's clock is not synchronised, was set, or is ${OFF_MS.on / 1_000} s off the chain's (not on play money)`,
  expression: `abs(hirewire_clock_offset_seconds) > ${OFF_MS.on / 1_000} or hirewire_clock_trusted == 0`,
  costs: "Devices are refused, and deadlines end too early or too late.",
  mend: "sudo timedatectl set-ntp true",
  find: ({ clockOffsetMs, clockObstacle, at }, isOn) => {
    const off = Math.abs(clockOffsetMs ?? 0);
    const isOff = off > (isOn(null) ? OFF_MS.off : OFF_MS.on);
    if (clockObstacle === null && !isOff) return [];
    const by = spanText(off);
    const way = (clockOffsetMs ?? 0) > 0 ? "ahead" : "behind";
    const said = { subject: null, concern: "gateway", since: null } as const;
    const mend = "sudo timedatectl set-ntp true";
    const remedy = { kind: "page", name: "settings", subject: null } as const;
    if (clockObstacle === null) {
      const what = `this machine's clock is ${by} ${way === "ahead" ? "ahead of" : "behind"} the chain's`;
      const costs = "devices are refused, and deadlines end too early or too late";
      return [{ ...said, what, costs, mend, facts: { by, way, at: String(at) }, remedy }];
    }
    const isSet = clockObstacle === "clock_jumped";
    const what = `new offers are not taken: this machine's clock ${isSet ? "was set" : "is not synchronised"}`;
    const costs = isSet
      ? "nothing new is earned until what is open is over, for ten minutes at most"
      : "nothing new is earned, and nothing that is announced is awarded";
    return [
      { ...said, what, costs, mend, facts: { by, way: isSet ? "set" : "unset", at: String(at) }, remedy },
    ];
  },
};

/** The operator, or the gateway itself, takes no offers. */
export const halted: Rule = {
  severity: "warning",
  when: "no new offers are taken",
  expression: "hirewire_halted == 1",
  costs: "Nothing new is earned.",
  mend: "hirewire resume",
  find: ({ halted }) =>
    halted === null
      ? []
      : [
          {
            subject: null,
            concern: { owners: { what: `no new offers are taken: ${ASK}`, facts: { reason: ASK } } },
            since: halted.since,
            what: `no new offers are taken: ${halted.reason}`,
            costs: "nothing new is earned",
            mend: "hirewire resume",
            facts: { reason: halted.reason },
            remedy: { kind: "action", name: "resume", subject: null },
          },
        ],
};

/** The operator has everything that costs money stand still. */
export const stopped: Rule = {
  severity: "warning",
  when: "no voucher is signed and no claim is sent",
  expression: "hirewire_stopped == 1",
  costs: "Nobody is paid, and what is not claimed can be lost when a payer closes its lane.",
  mend: "hirewire resume-paying",
  find: (vitals: Vitals) => {
    const { stopped, unsettled } = vitals;
    if (stopped === null) return [];
    const amount = moneyText(vitals, unsettled.incoming);
    return [
      {
        subject: null,
        concern: { owners: { what: `nothing is paid and claimed: ${ASK}`, facts: { reason: ASK } } },
        since: stopped.since,
        what: `nothing is paid and claimed: ${stopped.reason}`,
        costs: "nobody is paid, and what is not claimed can be lost when a payer closes its lane",
        mend: "hirewire resume-paying",
        facts: { reason: stopped.reason, amount },
        remedy: { kind: "action", name: "resumePaying", subject: null },
      },
    ];
  },
};
