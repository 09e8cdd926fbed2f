/** Laws of money and of tasks, over random lives: whatever devices, chain and clock do, they hold at each record. */
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import { instant } from "../../src/base/clock.ts";
import { decideDue, firstDue } from "../../src/exchange/course.ts";
import { type Command, type Decision, decide } from "../../src/exchange/decide.ts";
import { replay, saveSnapshot } from "../../src/exchange/replay.ts";
import { apply, emptyState } from "../../src/exchange/state.ts";
import { memoryJournal } from "../../src/journal/memory-journal.ts";
import { heldFor, taskOf } from "../../src/market/market.ts";
import { answerOf, isOpen, type TaskState, TRANSITIONS } from "../../src/market/task.ts";
import { balanceOf, recoveryOf, totalOf } from "../../src/payment/books.ts";
import { roomOf } from "../../src/payment/lane.ts";
import { creditOf, wagesOf } from "../../src/payment/payment.ts";
import { type Fact, postingsOf } from "../../src/protocol/facts.ts";
import {
  anyLife,
  anyLongLife,
  commandOf,
  contextOf,
  type Life,
  newLife,
  PROVIDERS,
  REQUESTERS,
  record,
  type Step,
  signVouchers,
} from "./life.ts";
import { MARKET, RULES } from "./stage.ts";

beforeAll(signVouchers);

/** Decides and applies one command, and checks what only a single step can show. */
function take(life: Life, command: Command, coin: boolean): Decision {
  const { state } = life;
  // the whole state is large: one step in eight is compared, each sort of step often enough over all lives
  const before = life.ids % 8 === 0 ? structuredClone(state) : null;
  const decision = decide(state, command, contextOf(life, coin));
  if (before) expect(isDeepStrictEqual(state, before), "decide changed the state").toBe(true);
  const { facts, refused } = decision;
  if (refused) {
    // besides what a kept voucher makes good: invoices, and credit above the limit
    const kept = new Set(["voucherReceived", "paid", "debtPaid", "creditPaidOut"]);
    expect(facts.map(({ kind }) => kind).filter((kind) => !kept.has(kind))).toEqual([]);
    expect(facts.length === 0 || command.topic === "offer").toBe(true);
  }
  if (facts.length === 0) return decision;
  const wasStopped = state.payment.stopped !== null;
  const wasOut = new Set(state.disabled);
  const lanes = new Map([...state.payment.incoming, ...state.payment.outgoing]);
  const tasks = new Map(state.market.tasks);
  record(life, facts, command, refused);
  expect(postingsOf(facts).reduce((sum, { change }) => sum + change, 0n)).toBe(0n);
  for (const [key, lane] of [...state.payment.incoming, ...state.payment.outgoing]) {
    const old = lanes.get(key);
    if (old && old.epoch === lane.epoch && old.payee === lane.payee) {
      expect(lane.signed >= old.signed, "signed fell").toBe(true);
    }
  }
  for (const [id, task] of state.market.tasks) expectLegal(tasks.get(id)?.state ?? "offered", task.state);
  expectMoney(life);
  expectBills(life, facts);
  expectStopped(life, facts, wasStopped, wasOut);
  return decision;
}

/** While paying is stopped nothing is promised, and what has been earned stays credit; nobody who is kept out is awarded. */
function expectStopped(
  { state }: Life,
  facts: readonly Fact[],
  wasStopped: boolean,
  wasOut: ReadonlySet<Hex>,
) {
  for (const fact of facts) {
    if (fact.kind === "awarded") expect(wasOut.has(fact.provider), "an award to one that is out").toBe(false);
    if (!wasStopped) continue;
    expect(["awarded", "creditPaidOut"], "while nothing is paid").not.toContain(fact.kind);
    expect("legs" in fact ? fact.legs : [], "a voucher while nothing is paid").toEqual([]);
  }
  for (const [device, wages] of state.payment.wages) {
    expect(wages > 0n && wages <= creditOf(state.payment, device), "wages above credit").toBe(true);
  }
}

/** One record may move a task several steps, each along the table. */
function expectLegal(from: TaskState, to: TaskState) {
  if (from === to) return;
  const reached = new Set<TaskState>([from]);
  for (let steps = 0; steps < 4; steps++) {
    for (const state of [...reached]) for (const next of TRANSITIONS[state]) reached.add(next);
  }
  expect(reached, `${from} -> ${to}`).toContain(to);
}

function expectMoney(life: Life) {
  const { payment, market } = life.state;
  const { books } = payment;
  const sum = (sort: "in" | "out" | "credit" | "held" | "owed" | "fee") => totalOf(books, sort);
  expect(sum("in") + sum("owed") + recoveryOf(books)).toBe(
    sum("out") + sum("credit") + sum("held") + sum("fee"),
  );
  for (const [account, balance] of books.balances) {
    if (account === "recovery") continue;
    expect(
      account.startsWith("in:") || account.startsWith("owed:") ? balance >= 0n : balance <= 0n,
      account,
    ).toBe(true);
  }
  const held = new Map<Hex, bigint>();
  for (const task of market.tasks.values()) {
    if (!isOpen(task) || task.payment === "result") continue;
    held.set(task.requester, (held.get(task.requester) ?? 0n) + task.maxPrice + task.checkBudget);
  }
  for (const { address } of REQUESTERS) {
    expect(balanceOf(books, `held:${address}`)).toBe(held.get(address) ?? 0n);
  }
  for (const lane of [...payment.incoming.values(), ...payment.outgoing.values()]) {
    expect(lane.signed <= lane.deposit, "signed above the deposit").toBe(true);
    expect(lane.settled <= lane.signed, "settled above signed").toBe(true);
    expect(lane.newest === null || lane.newest.cumulative === lane.signed).toBe(true);
  }
  expectDebts(life);
  for (const { address } of PROVIDERS) {
    const lane = payment.outgoing.get(address);
    const promised = (lane?.signed ?? 0n) + heldFor(market, address);
    expect(promised <= (lane?.deposit ?? 0n), "more awarded than the lane can pay").toBe(true);
  }
  for (const [address, lane] of payment.outgoing) {
    expect(lane.signed, "another sum is signed than booked").toBe(balanceOf(books, `out:${address}`));
  }
}

/**
 * What is paid is rate × fuel rounded up, never above what was set aside; a run without an output is paid once the
 * gateway's own has come to the same.
 */
function expectBills({ state }: Life, facts: readonly Fact[]) {
  const costOf = (rate: bigint, fuel: number) => {
    const exact = rate * BigInt(fuel);
    return exact === 0n ? 1n : (exact + 10n ** 12n - 1n) / 10n ** 12n;
  };
  for (const fact of facts) {
    if (fact.kind !== "paid" && fact.kind !== "invoiced") continue;
    const task = taskOf(state.market, fact.task);
    const answer = answerOf(task, fact.provider);
    if (!answer) throw new Error("paid for no answer");
    expect(fact.fuel).toBe(answer.fuel);
    const cost = costOf(answer.rate, answer.fuel);
    expect(fact.price - fact.checks, "not what the fuel costs").toBe(cost);
    expect(cost <= costOf(answer.rate, task.fuelLimit), "more than was set aside for the run").toBe(true);
    expect(fact.price <= task.maxPrice + task.checkBudget, "more than was held").toBe(true);
    const other = answer === task.run ? task.check : task.run;
    const { referee } = task.evidence;
    if (answer.verdict !== "ok") {
      const { verdict, output, fuel } = answer;
      expect(task.rechecked, "an unconfirmed failure is paid").toBe(true);
      expect(referee, "a failure is paid on a provider's word").toEqual({ verdict, output, fuel });
    }
    const same = [other, referee === "none" ? null : referee].filter((one) => one?.verdict);
    const agrees = same.some((one) => one?.output === answer.output && one.fuel === answer.fuel);
    expect(same.length === 0 || agrees, "a bill that every second run contradicts is paid").toBe(true);
  }
}

/**
 * Every open invoice is owed, nobody owes more than the limit besides what its closes have made void, and a hidden output
 * stays so until it is paid for.
 */
function expectDebts(life: Life) {
  const { market, payment } = life.state;
  const { books } = payment;
  const invoiced = new Map<Hex, bigint>();
  for (const { state, requester, invoice, end } of market.tasks.values()) {
    if (state !== "invoiced") continue;
    invoiced.set(requester, (invoiced.get(requester) ?? 0n) + (invoice?.price ?? 0n));
    expect(end).toBeNull();
  }
  for (const { address } of REQUESTERS) {
    const owed = balanceOf(books, `owed:${address}`);
    expect(owed >= (invoiced.get(address) ?? 0n)).toBe(true);
    expect(owed <= 800n || owed <= 800n + voidedOf(life, address), "owes more than the limit").toBe(true);
  }
}

function voidedOf({ records }: Life, payer: Hex): bigint {
  const reconciled = records.flatMap(({ facts }) => facts.filter(({ kind }) => kind === "laneReconciled"));
  const debts = postingsOf(reconciled).filter(({ account }) => account === `owed:${payer}`);
  return debts.reduce((sum, { change }) => sum + change, 0n);
}

/** Whatever was switched off is on again. */
const OPENED: readonly Step[] = ["resume", "resumePaying"].map((what) => ({
  ...{ what, who: 0, task: 0, sum: 0, coin: true },
}));

const AT_ONCE = () => instant(0);

function live(steps: readonly Step[]): Life {
  const life = newLife();
  for (const step of steps) {
    const command = commandOf(life, step);
    if (command) take(life, command, step.coin);
  }
  return life;
}

describe("at every record of any life", () => {
  it("money is neither made nor lost, holds are those of open tasks, and nobody signs too much", () => {
    fc.assert(
      fc.property(anyLife, (steps) => void live(steps)),
      { numRuns: 200 },
    );
  });

  it("lives get far: tasks are paid, re-run, rejected, refunded and given up", () => {
    const seen = new Set<string>();
    for (const steps of fc.sample(anyLongLife, { numRuns: 80, seed: 3 })) {
      const { records, state } = live(steps);
      let isStopped = false;
      for (const { facts } of records) {
        if (facts.some(({ kind }) => kind === "payingStopped")) isStopped = true;
        if (facts.some(({ kind }) => kind === "payingResumed")) isStopped = false;
        if (isStopped && facts.some(({ kind }) => kind === "paid" || kind === "invoiced"))
          seen.add("earned while stopped");
      }
      for (const { end } of state.market.tasks.values()) seen.add(`paid for ${end?.verdict}`);
      for (const { facts, cause } of records) {
        if (cause.refused) seen.add("voucher kept");
        for (const fact of facts) {
          seen.add(fact.kind);
          if (fact.kind === "ended") seen.add(fact.state);
          if (fact.kind === "paid") seen.add(`${fact.legs.length} legs`);
          if (fact.kind === "withdrawn") seen.add(fact.how);
          if (fact.kind === "checked") seen.add(fact.reason);
        }
      }
    }
    const wanted = ["paid", "1 legs", "2 legs", "claimed", "checked", "outvoted", "declined", "forfeited"];
    const more = ["accept_timeout", "run_timeout", "rejected", "refunded", "cancelled", "expired"];
    const money = ["invoiced", "creditPaidOut", "debtPaid", "halted", "resumed", "laneReconciled"];
    const switches = [
      "payingStopped",
      "payingResumed",
      "deviceDisabled",
      "deviceEnabled",
      "earned while stopped",
    ];
    const runs = [
      "paid for ok",
      "paid for trap",
      "another verdict",
      "another output",
      "another bill of fuel",
    ];
    const all = [...wanted, ...more, ...money, ...switches, ...runs, "voucher kept"];
    expect(all.filter((name) => !seen.has(name))).toEqual([]);
  });
});

describe("the end of any life", () => {
  it("replays to the same state, from records and from a journal's text", () => {
    fc.assert(
      fc.property(anyLife, (steps) => {
        const { state, records } = live(steps);
        const again = emptyState();
        for (const one of records) apply(again, MARKET, one);
        expect(again).toEqual(state);
        const journal = memoryJournal();
        for (const { at, cause, facts } of records) journal.append([{ at, cause, facts }]);
        expect(replay(journal, MARKET)).toEqual(state);
      }),
      { numRuns: 60 },
    );
  });

  it("is the same from a snapshot, wherever it was taken, as from a full replay", () => {
    fc.assert(
      fc.property(anyLife, fc.double({ min: 0, max: 1, noNaN: true }), (steps, part) => {
        const { state, records } = live(steps);
        const journal = memoryJournal();
        const cut = Math.floor(records.length * part);
        const append = (some: typeof records) => {
          for (const { at, cause, facts } of some) journal.append([{ at, cause, facts }]);
        };
        append(records.slice(0, cut));
        saveSnapshot(journal, replay(journal, MARKET));
        append(records.slice(cut));
        expect(journal.newestSnapshot()?.index).toBe(cut);
        // a replay that reads what the snapshot covers would hide what the snapshot lacks
        const rest = { ...journal, entries: (after = 0) => journal.entries(Math.max(after, cut)) };
        expect(replay(rest, MARKET)).toEqual(state);
      }),
      { numRuns: 60 },
    );
  });

  it("comes by itself: deadlines alone end every open task and give back every hold", () => {
    fc.assert(
      fc.property(anyLife, fc.boolean(), (steps, coin) => {
        const life = live(steps);
        let beats = 0;
        for (
          let due = firstDue(life.state, RULES.inputMs, AT_ONCE);
          due;
          due = firstDue(life.state, RULES.inputMs, AT_ONCE)
        ) {
          life.now = instant(Math.max(life.now, due.at));
          const { facts } = take(life, { topic: "due", task: due.task }, coin);
          expect(facts.length, "a deadline that changes nothing would be due for ever").toBeGreaterThan(0);
          expect(beats++).toBeLessThan(500);
        }
        expect(totalOf(life.state.payment.books, "held")).toBe(0n);
      }),
      { numRuns: 100 },
    );
  });

  it("pays all that was earned: once it may pay and lanes have room, no wages are left", () => {
    fc.assert(
      fc.property(anyLife, (steps) => {
        const life = live([...steps, ...OPENED]);
        const { payment } = life.state;
        for (const { address: device } of PROVIDERS) {
          const before = { wages: wagesOf(payment, device), credit: creditOf(payment, device) };
          const lane = payment.outgoing.get(device);
          const room = lane ? roomOf(lane) - heldFor(life.state.market, device) : 0n;
          take(life, { topic: "payOut", device, all: false }, true);
          const paid = before.credit - creditOf(payment, device);
          const due = before.wages < room ? before.wages : room;
          expect(paid >= due, "less than its wages were paid").toBe(true);
          expect(wagesOf(payment, device)).toBe(before.wages > paid ? before.wages - paid : 0n);
        }
      }),
      { numRuns: 100 },
    );
  });

  it("is not hurried: nothing is due before its time", () => {
    fc.assert(
      fc.property(anyLife, (steps) => {
        const life = live(steps);
        const first = firstDue(life.state, RULES.inputMs, AT_ONCE);
        for (const task of life.state.market.tasks.values()) {
          if (first && first.at <= life.now) return;
          expect(decideDue(life.state, contextOf(life, true), task)).toEqual([]);
        }
      }),
      { numRuns: 60 },
    );
  });
});
