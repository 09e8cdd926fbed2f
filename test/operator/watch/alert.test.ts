/** The rules: each at both sides of its border, on the page and in Prometheus alike. */
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { instant } from "../../../src/base/clock.ts";
import { alertAnswer } from "../../../src/operator/api/alert.ts";
import { OVER } from "../../../src/operator/disk/disk-watch.ts";
import { AlertBoard } from "../../../src/operator/watch/alert/board.ts";
import { alertClerks } from "../../../src/operator/watch/alert/clerk.ts";
import { RULE_NAMES, RULES, type RuleName } from "../../../src/operator/watch/alert/rules.ts";
import { Meter } from "../../../src/operator/watch/metrics/meter.ts";
import { metricsText } from "../../../src/operator/watch/metrics/metrics-text.ts";
import { alertFile, alertName, alertTable } from "../../../src/operator/watch/monitoring/alert-file.ts";
import type { Vitals } from "../../../src/operator/watch/vitals.ts";
import { readExposition } from "./exposition.ts";
import { fires } from "./promql.ts";
import {
  account,
  ago,
  device,
  endingLane,
  HOUR,
  ill,
  MINUTE,
  NEIGHBOUR,
  NOW,
  OWNER,
  spend,
  well,
} from "./vitals-fixture.ts";

/** What just does not, and what just does make an alert of each rule. */
const BORDERS: Readonly<Record<RuleName, readonly [fine: Vitals, ill: Vitals]>> = {
  journalBroken: [
    ill("journal", { intact: null }),
    ill("journal", { intact: false, broken: { index: 44, why: "its text does not have its hash" } }),
  ],
  laneEnding: [
    well({ endingLanes: [endingLane({ closesAt: instant(NOW + 6 * HOUR) })] }),
    well({ endingLanes: [endingLane({ closesAt: instant(NOW + 6 * HOUR - 1_000) })] }),
  ],
  settlementOverdue: [
    ill("settlement", { waitingSince: ago(12 * HOUR) }),
    ill("settlement", { waitingSince: ago(12 * HOUR + 1_000) }),
  ],
  stopped: [well(), well({ stopped: { reason: "a key was seen", since: ago(MINUTE) } })],
  halted: [well(), well({ halted: { reason: "by the operator", since: ago(MINUTE) } })],
  gasLow: [ill("wallet", { settlementsLeft: 3 }), ill("wallet", { settlementsLeft: 2 })],
  chainStale: [
    ill("chain", { head: { block: 100, time: ago(120_000) } }),
    ill("chain", { head: { block: 100, time: ago(121_000) } }),
  ],
  clockOff: [well({ clockOffsetMs: -30_000 }), well({ clockOffsetMs: -31_000 })],
  diskLow: [
    well({ disk: { freeBytes: 10e9, sizeBytes: 100e9, reserveBytes: 64e6 } }),
    well({ disk: { freeBytes: 9.9e9, sizeBytes: 100e9, reserveBytes: 64e6 } }),
  ],
  deviceSilent: [
    well({ devices: [device({ state: "silent", since: ago(5 * MINUTE) })] }),
    well({ devices: [device({ state: "silent", since: ago(5 * MINUTE + 1_000) })] }),
  ],
  resultsRejected: [
    well({ verdicts: { accepted: 95, rejected: 5 } }),
    well({ verdicts: { accepted: 94, rejected: 6 } }),
  ],
  spendHigh: [
    well({ spending: [spend({ spent: 800_000n })] }),
    well({ spending: [spend({ spent: 800_001n })] }),
  ],
};

const FIGURES = {
  ...{ process_cpu_seconds_total: 1, process_resident_memory_bytes: 1, process_virtual_memory_bytes: null },
  ...{ process_heap_bytes: 1, process_open_fds: null, process_max_fds: null, process_start_time_seconds: 1 },
  nodejs_eventloop_lag_seconds: null,
};

function namesOn(vitals: Vitals): string[] {
  const board = new AlertBoard({ vitals: () => vitals });
  return [...new Set(board.alerts({ owner: null }).map(({ rule }) => rule))];
}

/** The rules that fire on what the metrics show. */
function firedBy(vitals: Vitals): string[] {
  const meter = new Meter({ decimals: 6, lanes: [], transactions: new Map(), taskOf: () => undefined });
  const verdicts = (["accepted", "rejected"] as const).flatMap((verdict) =>
    Array.from({ length: vitals.verdicts[verdict] }, () => verdict),
  );
  const task = `0x${"01".repeat(16)}` as const;
  const cause = { by: null, topic: "", id: "", digest: "", refused: null };
  const facts = verdicts.map((verdict) => ({ kind: "verified" as const, task, verdict, rechecked: false }));
  meter.noteEntries([{ index: 1, at: NOW, cause, facts, previous: "0x", hash: "0x", text: "" }]);
  const text = metricsText({ vitals, meter, figures: FIGURES, node: "24.15.0" });
  const metrics = readExposition(text);
  return RULE_NAMES.filter((name) => fires(RULES[name].expression, metrics, vitals.at));
}

describe("the rules", () => {
  it("say nothing of a gateway that is well", () => {
    expect(namesOn(well())).toEqual([]);
    expect(firedBy(well())).toEqual([]);
  });

  it.each(RULE_NAMES)("%s begins at its border, on the page and in Prometheus", (name) => {
    const [fine, ill] = BORDERS[name];
    expect(namesOn(fine)).toEqual([]);
    expect(firedBy(fine)).toEqual([]);
    expect(namesOn(ill)).toEqual([name]);
    expect(firedBy(ill)).toEqual([name]);
  });

  it.each(RULE_NAMES)("%s says what, since when, what it costs and what mends it", (name) => {
    const board = new AlertBoard({ vitals: () => BORDERS[name][1] });
    const [row] = alertAnswer.parse({ at: NOW, alerts: board.alerts({ owner: null }) }).alerts;
    expect(row?.id.startsWith(name)).toBe(true);
    expect(row?.severity).toBe(RULES[name].severity);
    for (const words of [row?.what, row?.costs, row?.mend]) expect(words?.length).toBeGreaterThan(10);
    // a page that says it in another language has nothing but these
    for (const value of Object.values(row?.facts ?? {})) expect(value).not.toMatch(/undefined|NaN|null/);
  });

  it("know nothing of a chain that makes up its time", () => {
    const play = ill("chain", { head: { block: 100, time: ago(HOUR) } });
    expect(namesOn({ ...play, isPlayMoney: true, clockOffsetMs: null })).toEqual([]);
    expect(firedBy({ ...play, isPlayMoney: true, clockOffsetMs: null })).toEqual([]);
  });

  it("know nothing of what was not read yet", () => {
    const blind = {
      ...well(),
      ...{ chain: { id: 1, head: null, finalized: null, readAt: null }, clockOffsetMs: null, disk: null },
      ...{
        verdicts: { accepted: 0, rejected: 0 },
        spending: [],
        devices: [],
        store: { bytes: null, writtenBytes: null },
      },
      wallet: { vault: null, lanes: 0n, gas: null, gasPrice: null, settlementsLeft: null, gasAlarm: 3 },
    };
    expect(namesOn(blind)).toEqual([]);
    expect(firedBy(blind)).toEqual([]);
  });

  it("tell of a disk below the reserve though a tenth of it is free, as offers are refused then", () => {
    const disk = (freeBytes: number, second = 0) =>
      well({
        at: instant(NOW + 1_000 * second),
        disk: { freeBytes, sizeBytes: 200e6, reserveBytes: 64e6 },
      });
    let vitals = disk(64e6);
    const board = new AlertBoard({ vitals: () => vitals });
    const said = () => board.alerts({ owner: null }).map(({ what, costs }) => `${what}; ${costs}`);
    expect([said(), firedBy(vitals)]).toEqual([[], []]);
    vitals = disk(64e6 - 1, 1);
    expect(said()).toEqual([
      "new offers are not taken: 64.0 MB of the disk are free, the reserve is 64.0 MB; nothing new is earned; on a full disk the gateway stops",
    ]);
    expect(firedBy(vitals)).toEqual(["diskLow"]);
    // it is over where the gateway takes offers again
    vitals = disk(64e6 * OVER - 1, 2);
    expect(said()[0]).toMatch(/^35 % of the disk is free: 70.4 MB; below 64.0 MB new offers/);
    vitals = disk(64e6 * OVER, 3);
    expect(said()).toEqual([]);
  });

  it.each([
    ["clock_jumped", "new offers are not taken: this machine's clock was set", "set"],
    ["clock_unsynchronized", "new offers are not taken: this machine's clock is not synchronised", "unset"],
  ] as const)("tell of %s, on play money too", (clockObstacle, what, way) => {
    const vitals = well({ clockObstacle, isPlayMoney: true, clockOffsetMs: null });
    const board = new AlertBoard({ vitals: () => vitals });
    expect(board.alerts({ owner: null })).toMatchObject([{ rule: "clockOff", what, facts: { way } }]);
    expect(firedBy(vitals)).toEqual(["clockOff"]);
  });

  it("find one thing for each device, lane and limit", () => {
    const silent = [1, 2].map((at) =>
      device({ device: account(at), name: `d${at}`, state: "silent", since: ago(HOUR) }),
    );
    const lanes = [
      endingLane({ closesAt: instant(NOW + HOUR) }),
      endingLane({ id: `${account(2)}-out`, closesAt: ago(1) }),
    ];
    const spending = [
      spend({ spent: 900_000n }),
      spend({ kind: "owner", who: OWNER, spent: 900_000n, name: OWNER }),
    ];
    const board = new AlertBoard({ vitals: () => well({ devices: silent, endingLanes: lanes, spending }) });
    const ids = board.alerts({ owner: null }).map(({ id }) => id);
    expect(new Set(ids).size).toBe(6);
  });

  it("count a cap of nothing as used by the first unit", () => {
    expect(namesOn(well({ spending: [spend({ spent: 0n, cap: 0n })] }))).toEqual([]);
    expect(namesOn(well({ spending: [spend({ spent: 1n, cap: 0n })] }))).toEqual(["spendHigh"]);
  });
});

describe("the board", () => {
  /** The same a little later: the chain goes on as well. */
  const later = (vitals: Vitals, ms: number): Vitals => {
    const { head } = vitals.chain;
    const next = head && { ...head, time: instant(head.time + ms) };
    return { ...vitals, at: instant(NOW + ms), chain: { ...vitals.chain, head: next } };
  };

  it("remembers since when", () => {
    let vitals = well({ clockOffsetMs: 40_000 });
    const board = new AlertBoard({ vitals: () => vitals });
    expect(board.alerts({ owner: null })[0]?.since).toBe(NOW);
    vitals = later(well({ clockOffsetMs: 50_000 }), 10 * MINUTE);
    expect(board.alerts({ owner: null })[0]?.since).toBe(NOW);
    vitals = later(well(), 20 * MINUTE);
    expect(board.alerts({ owner: null })).toEqual([]);
    vitals = later(well({ clockOffsetMs: 40_000 }), 30 * MINUTE);
    expect(board.alerts({ owner: null })[0]?.since).toBe(NOW + 30 * MINUTE);
  });

  it.each<[RuleName, Vitals, Vitals, Vitals]>([
    [
      "gasLow",
      BORDERS.gasLow[1],
      ill("wallet", { settlementsLeft: 3 }),
      ill("wallet", { settlementsLeft: 4 }),
    ],
    [
      "chainStale",
      BORDERS.chainStale[1],
      ill("chain", { head: { block: 101, time: ago(61_000) } }),
      ill("chain", { head: { block: 102, time: ago(60_000) } }),
    ],
    ["clockOff", BORDERS.clockOff[1], well({ clockOffsetMs: 26_000 }), well({ clockOffsetMs: 25_000 })],
    [
      "diskLow",
      BORDERS.diskLow[1],
      well({ disk: { freeBytes: 10.9e9, sizeBytes: 100e9, reserveBytes: 64e6 } }),
      well({ disk: { freeBytes: 11e9, sizeBytes: 100e9, reserveBytes: 64e6 } }),
    ],
    [
      "resultsRejected",
      BORDERS.resultsRejected[1],
      well({ verdicts: { accepted: 955, rejected: 45 } }),
      well({ verdicts: { accepted: 96, rejected: 4 } }),
    ],
    [
      "spendHigh",
      BORDERS.spendHigh[1],
      well({ spending: [spend({ spent: 760_000n })] }),
      well({ spending: [spend({ spent: 750_000n })] }),
    ],
  ])("%s ends a little later than it begins, so that it does not flap", (name, begun, between, over) => {
    let vitals = begun;
    const changes: string[] = [];
    const board = new AlertBoard({ vitals: () => vitals, onChange: () => changes.push("changed") });
    const rules = () => board.alerts({ owner: null }).map(({ rule }) => rule);
    expect(rules()).toEqual([name]);
    vitals = later(between, 1_000);
    expect(rules()).toEqual([name]);
    vitals = later(over, 2_000);
    expect(rules()).toEqual([]);
    vitals = later(between, 3_000);
    expect(rules()).toEqual([]);
    expect(changes).toHaveLength(2);
  });

  it("shows first what should wake somebody, then what is oldest", () => {
    const silent = device({ state: "silent", since: ago(2 * HOUR) });
    const vitals = { ...ill("journal", { intact: false }), devices: [silent], clockOffsetMs: 60_000 };
    const board = new AlertBoard({ vitals: () => vitals });
    const rules = board.alerts({ owner: null }).map(({ rule }) => rule);
    expect(rules).toEqual(["journalBroken", "deviceSilent", "clockOff"]);
  });

  it("tells an owner its own business and what concerns everybody, and nothing of its neighbour", async () => {
    const others = { device: account(2), name: "secret-robot", owner: NEIGHBOUR };
    const vitals = {
      ...ill("journal", { intact: false, broken: { index: 3, why: "the books of secret-robot" } }),
      ...{ clockOffsetMs: 60_000, halted: { reason: "secret-robot cheats", since: ago(1) } },
      stopped: { reason: "nobody's lane is off", since: ago(1) },
      unsettled: { incoming: 123_456_789n, outgoing: 0n, lanes: 77 },
      devices: [
        device({ state: "silent", since: ago(HOUR) }),
        device({ ...others, state: "silent", since: ago(HOUR) }),
      ],
      endingLanes: [
        endingLane({ closesAt: instant(NOW + HOUR) }),
        endingLane({ ...others, id: `${account(2)}-in`, closesAt: instant(NOW + HOUR) }),
      ],
      spending: [
        spend({ spent: 900_000n }),
        spend({ kind: "device", who: account(2), name: "secret-robot", owner: NEIGHBOUR, spent: 900_000n }),
        spend({ kind: "device", who: account(3), name: "nobody's", owner: null, spent: 900_000n }),
      ],
    } satisfies Vitals;
    const board = new AlertBoard({ vitals: () => vitals });
    const clock = { now: () => NOW };
    const viewer = { name: "fleet", role: "operator", owner: OWNER } as const;
    const answer = await alertClerks({ board, clock }).alerts({ params: {}, input: {} }, viewer);
    const { alerts } = alertAnswer.parse(answer);
    expect(alerts.map(({ rule }) => rule).toSorted()).toEqual([
      "deviceSilent",
      "halted",
      "journalBroken",
      "laneEnding",
      "spendHigh",
      "stopped",
    ]);
    // nor why the gateway stands still, nor how much waits on everybody's lanes
    expect(JSON.stringify(alerts)).not.toMatch(/secret-robot|nobody's|0202020202|123\.456789/);
    // what an action does it does for the whole gateway, which is not this owner's
    expect(alerts.filter(({ remedy }) => remedy?.kind === "action")).toEqual([]);
    expect(board.alerts({ owner: null })).toHaveLength(11);
  });
});

describe("the documents of the rules", () => {
  it("give Prometheus the same rules, each with what its page says", () => {
    const { groups } = parse(alertFile()) as { groups: { name: string; rules: Record<string, unknown>[] }[] };
    expect(groups).toHaveLength(1);
    const rules = groups[0]?.rules ?? [];
    expect(rules.map(({ alert }) => alert)).toEqual(RULE_NAMES.map(alertName));
    expect(rules.map(({ expr }) => expr)).toEqual(RULE_NAMES.map((name) => RULES[name].expression));
    for (const { annotations } of rules) {
      expect(Object.keys(annotations as object)).toEqual(["summary", "costs", "mend"]);
    }
  });

  it("have a row for each rule", () => {
    const rows = alertTable().trim().split("\n").slice(2);
    expect(rows.map((row) => /^\| `(\w+)` \| (page|warning) \|/.exec(row)?.[1])).toEqual(RULE_NAMES);
    for (const row of rows) expect(row.split(" | ")).toHaveLength(5);
  });
});
