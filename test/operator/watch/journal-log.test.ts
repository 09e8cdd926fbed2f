/** Lines from the journal: one task can be followed through every room, and at info there is one line for it. */
import { describe, expect, it } from "vitest";
import type { Hex } from "../../../src/base/bytes.ts";
import { instant } from "../../../src/base/clock.ts";
import { refuse } from "../../../src/base/refusal.ts";
import type { Entry } from "../../../src/journal/journal.ts";
import { memoryJournal } from "../../../src/journal/memory-journal.ts";
import { type Level, type LogLine, logLine, logQuery } from "../../../src/operator/api/log.ts";
import { JournalLog, type JournalLogOptions } from "../../../src/operator/watch/log/journal-log.ts";
import { allAt, Log } from "../../../src/operator/watch/log/log.ts";
import { VoucherTraces } from "../../../src/operator/watch/log/voucher-traces.ts";
import { FACT_KINDS } from "../../../src/protocol/facts.ts";
import { buildLife } from "../../journal/life.ts";
import { BOARD, CHECKER, gateway, MARKET, ROBOT, START } from "../../journal/signed-facts.ts";
import { ManualClock } from "../../settlement/manual-clock.ts";

const NAMES = new Map<Hex, string>([
  [gateway.address, "gateway"],
  [ROBOT.address, "robot-1"],
  [BOARD.address, "board-3"],
  [CHECKER.address, "checker"],
]);

/** Each offer is a record that its requester's command has caused. */
async function signedLife() {
  const life = await buildLife();
  const drafts = life.drafts.map((draft) => {
    const by = draft.facts.find((fact) => fact.kind === "offered")?.requester ?? null;
    return { ...draft, cause: { ...draft.cause, by, topic: "offer", id: "offer-1" } };
  });
  return { ...life, entries: memoryJournal().append(drafts) };
}

/** Signed once. */
const LIFE = signedLife();

function newJournalLog(level: Level, entries: readonly Entry[], known: JournalLogOptions["tasks"] = []) {
  const tasks = new Map<Hex, ReturnType<JournalLogOptions["taskOf"]>>();
  for (const { at, facts } of entries) {
    for (const fact of facts) {
      if (fact.kind === "offered") tasks.set(fact.task, { ...fact, offeredAt: instant(at) });
    }
  }
  const clock = new ManualClock();
  const log = new Log({ clock, levels: allAt(level), form: "json", write: null });
  const journalLog = new JournalLog({
    ...{ log, clock, decimals: 6, gateway: gateway.address, lanes: [], tasks: known },
    nameOf: (account) => NAMES.get(account) ?? account,
    taskOf: (id) => tasks.get(id),
  });
  const lines = (asked: object = {}): LogLine[] => log.ring.find(logQuery.parse({ limit: 1_000, ...asked }));
  return { log, journalLog, lines, clock };
}

describe("the lines of a journal", () => {
  it("are, at info, one for each task at its end and one for each settlement", async () => {
    const { entries } = await LIFE;
    const { journalLog, lines } = newJournalLog("info", entries);
    journalLog.entries(entries);
    const all = lines();
    expect(all.map(({ room, msg }) => `${room}: ${msg}`)).toEqual([
      "market: task paid",
      "market: task declined",
      "settlement: settled",
      "market: task paid",
      "market: task cancelled",
    ]);
    expect(all.every(({ level }) => level === "info")).toBe(true);
    expect(all[0]?.facts).toMatchObject({
      ...{ requester: "robot-1", provider: "board-3", price: "0.001500", fee: "0.000010", took: "8.000 s" },
    });
    expect(all[2]?.facts).toMatchObject({
      lanes: "3",
      incoming: "0.012500",
      outgoing: "0.001490",
      block: "44",
    });
  });

  it("follow one task through every room, from its offer to the transaction that settles its vouchers", async () => {
    const { entries, paid } = await LIFE;
    const { journalLog, lines } = newJournalLog("debug", entries);
    journalLog.entries(entries);
    const own = lines({ trace: paid });
    expect(own.map(({ room, msg }) => `${room}: ${msg}`)).toEqual([
      "link: heard",
      "payment: voucher taken",
      "market: offer taken",
      "market: announced",
      "market: bid",
      "market: awarded",
      "market: accepted",
      "firmware: run started",
      "firmware: run delivered",
      "market: awarded",
      "market: accepted",
      "firmware: run delivered",
      "verdict: checked",
      "verdict: verdict",
      "payment: paid",
      "payment: voucher signed",
      "payment: voucher signed",
      "market: task paid",
      "settlement: voucher settled",
      "settlement: voucher settled",
      "settlement: voucher settled",
    ]);
    expect(new Set(own.map(({ trace_id }) => trace_id))).toEqual(new Set([paid.slice(2, 34)]));
    expect(new Set(own.map(({ span_id }) => span_id)).size).toBe(own.length);
    for (const { span_id } of own) expect(span_id).toMatch(/^[0-9a-f]{16}$/);
    const settled = own.filter(({ msg }) => msg === "voucher settled");
    expect(settled.map(({ facts }) => [facts["payer"], facts["payee"]])).toEqual([
      ["robot-1", "gateway"],
      ["gateway", "board-3"],
      ["gateway", "checker"],
    ]);
    expect(new Set(settled.map(({ facts }) => facts["transaction"])).size).toBe(1);
  });

  it("know after a restart for which tasks the vouchers are that are claimed then", async () => {
    const { entries, paid } = await LIFE;
    const paidUpTo = [{ payee: BOARD.address, role: "run", epoch: 0, cumulative: 990n, amount: 990n }];
    const known = [{ id: paid, end: { paidUpTo }, invoice: null }] as never;
    const { journalLog, lines } = newJournalLog("debug", entries, known);
    journalLog.entries(entries.filter(({ facts }) => facts.some(({ kind }) => kind === "claimed")));
    expect(lines({ trace: paid }).map(({ msg, facts }) => [msg, facts["payee"]])).toEqual([
      ["voucher settled", "board-3"],
    ]);
  });

  it("have a line of its own for every kind of fact, whose facts are text", async () => {
    const { entries } = await LIFE;
    const { journalLog, lines } = newJournalLog("debug", entries);
    for (const entry of entries) {
      const before = lines().length;
      journalLog.entries([entry]);
      expect(lines().length, entry.facts.map(({ kind }) => kind).join()).toBeGreaterThanOrEqual(
        before + entry.facts.length,
      );
    }
    const kinds = new Set(entries.flatMap(({ facts }) => facts.map(({ kind }) => kind)));
    expect([...kinds].toSorted()).toEqual([...FACT_KINDS].toSorted());
    for (const line of lines()) {
      logLine.parse(line);
      for (const value of Object.values(line.facts)) expect(value).not.toMatch(/undefined|\[object|null/);
    }
    // signatures and raw transactions are nobody's reading
    expect(JSON.stringify(lines())).not.toMatch(/[0-9a-f]{130}|02f8/);
  });

  it("tell the same of the same journal", async () => {
    const { entries } = await LIFE;
    const [one, other] = [newJournalLog("debug", entries), newJournalLog("debug", entries)];
    one.journalLog.entries(entries);
    for (const entry of entries) other.journalLog.entries([entry]);
    expect(other.lines()).toEqual(one.lines());
  });

  it("say nothing where nobody listens", async () => {
    const { entries } = await LIFE;
    const { journalLog, lines } = newJournalLog("warn", entries);
    journalLog.entries(entries);
    expect(lines()).toEqual([]);
  });

  it("tell what a claim has paid since the claim before it, and of a lane's new life from nothing on", async () => {
    const { entries } = await LIFE;
    const { journalLog, lines } = newJournalLog("info", entries);
    const lane = {
      payer: ROBOT.address,
      payee: gateway.address,
      token: MARKET.token,
      deposit: 0n,
      closeAt: 0,
      window: 1,
    };
    const claim = (epoch: number, settled: bigint) => {
      const fact = { kind: "claimed", transaction: "0xc0", block: 1, gasUsed: 1n, gasCost: 1n };
      const lanes = [{ ...lane, epoch, settled }];
      journalLog.entries([
        { index: 1, at: START, cause: { by: null }, facts: [{ ...fact, lanes }] } as never,
      ]);
    };
    claim(0, 100n);
    claim(0, 150n);
    claim(1, 30n);
    expect(lines().map(({ facts }) => facts["incoming"])).toEqual(["0.000100", "0.000050", "0.000030"]);
  });
});

describe("what the link says", () => {
  it("is sessions and refusals, at debug alone", async () => {
    const { journalLog, lines, clock, log } = newJournalLog("debug", []);
    journalLog.session("began", { device: ROBOT.address, origin: "/dev/ttyUSB0" });
    journalLog.session("ended", { device: ROBOT.address, origin: "/dev/ttyUSB0" });
    journalLog.refused(refuse("bad_json"), ROBOT.address, "offer");
    for (let times = 0; times < 99; times++) journalLog.refused(refuse("bad_schema"), null, "");
    await clock.advance(1_000);
    const all = lines();
    expect(
      all.slice(0, 3).map(({ msg, facts }) => [msg.split(":")[0], facts["device"], facts["code"]]),
    ).toEqual([
      ["session began", "robot-1", undefined],
      ["session ended", "robot-1", undefined],
      ["refused", "robot-1", "bad_json"],
    ]);
    // a stranger who sends rubbish fills no log: twenty in a second, and how many more there were
    expect(all).toHaveLength(2 + 20 + 1);
    expect(all.at(-1)?.facts).toEqual({ code: "bad_schema", times: "80" });
    log.setLevel(null, "info");
    journalLog.session("began", { device: ROBOT.address, origin: "x" });
    journalLog.refused(refuse("bad_json"), ROBOT.address, "offer");
    expect(lines()).toHaveLength(all.length);
  });
});

describe("vouchers that wait for their claim", () => {
  const lane = { payer: ROBOT.address, payee: gateway.address };
  const other = { payer: gateway.address, payee: BOARD.address };
  const signed = (task: Hex, cumulative: bigint, epoch = 0) => ({ task, epoch, cumulative });

  it("are told once, up to what was claimed, in the life they are of", () => {
    const traces = new VoucherTraces();
    traces.add(lane, signed("0x01", 10n));
    traces.add(lane, signed("0x02", 20n));
    traces.add(lane, signed("0x03", 5n, 1));
    traces.add(other, signed("0x04", 10n));
    const claimed = (epoch: number, settled: bigint) =>
      traces.claimed({ ...lane, epoch, settled }).map(({ task }) => task);
    expect(claimed(0, 10n)).toEqual(["0x01"]);
    expect(claimed(0, 10n)).toEqual([]);
    expect(claimed(1, 100n)).toEqual(["0x03"]);
    expect(claimed(0, 100n)).toEqual([]);
    expect(traces.claimed({ ...other, epoch: 0, settled: 10n })).toHaveLength(1);
  });

  it("are forgotten, the oldest of the lane that was not used for the longest time first, when there are too many", () => {
    const traces = new VoucherTraces();
    traces.add(other, signed("0x04", 1n));
    for (let at = 1; at <= 8_192; at++) traces.add(lane, signed("0x01", BigInt(at)));
    expect(traces.claimed({ ...other, epoch: 0, settled: 1n })).toEqual([]);
    expect(traces.claimed({ ...lane, epoch: 0, settled: 10_000n })).toHaveLength(8_192);
  });
});
