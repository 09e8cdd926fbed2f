/** The emergency switch: what is signed while paying is stopped, and what comes of what was earned meanwhile. */
import { describe, expect, it } from "vitest";
import { amount } from "../../src/base/money.ts";
import { replay, saveSnapshot } from "../../src/exchange/replay.ts";
import { seal } from "../../src/exchange/seal.ts";
import { memoryJournal } from "../../src/journal/memory-journal.ts";
import { totalOf } from "../../src/payment/books.ts";
import { creditOf, wagesOf } from "../../src/payment/payment.ts";
import type { Fact } from "../../src/protocol/facts.ts";
import { type Counter, openCounter, saidOf } from "./counter.ts";
import {
  ARM,
  accept,
  BOARD,
  bid,
  CART,
  FUEL,
  funded,
  GATEWAY,
  laneSeen,
  MARKET,
  offer,
  offerTerms,
  ROBOT,
  result,
  START,
  voucherOf,
} from "./stage.ts";
import { announced, awardOf, prepaid, running, TASK } from "./way.ts";

const STOP = { topic: "stopPaying", reason: "a key is lost" } as const;
const RESUME = { topic: "resumePaying", reason: "it is found" } as const;

/** 500 for the whole limit, fee of two in a hundred. */
const PAY = 490n;

async function open(journal = memoryJournal()): Promise<Counter> {
  const counter = openCounter({ journal, state: replay(journal, MARKET) });
  if (journal.head().index === 0) await counter.observe(funded([ROBOT, CART, BOARD, ARM], 10_000n));
  return counter;
}

const answer = async (counter: Counter) => {
  const ran = { verdict: "ok" as const, fuel: FUEL };
  await counter.send(BOARD, "result", await result(BOARD, "r-1", TASK, awardOf(counter), ran));
};

/** The verdict falls: the answer is right. */
const judged = (counter: Counter) =>
  counter.tell({ topic: "inspected", task: TASK, award: awardOf(counter), passed: true, reason: "valid" });

const facts = (counter: Counter): Fact[] => [...counter.journal.entries(0)].flatMap((entry) => entry.facts);

const stateOf = ({ state }: Counter) => state.market.tasks.get(TASK)?.state;

describe("while paying is stopped", () => {
  it("a verdict still falls, and what it pays becomes credit of whoever has earned it", async () => {
    const counter = await open();
    await running(counter);
    await answer(counter);
    await counter.tell(STOP);
    counter.heard();
    await judged(counter);
    expect(stateOf(counter)).toBe("paid");
    const said = counter.heard();
    expect(said.map(({ topic }) => topic)).toEqual(["receipt", "receipt", "answer"]);
    expect(saidOf(said, "answer")).toMatchObject({ state: "paid", spent: 500n });
    expect(facts(counter).filter(({ kind }) => kind === "paid")).toMatchObject([{ legs: [], price: 500n }]);
    const { payment } = counter.state;
    expect(payment.outgoing.get(BOARD.address)?.signed).toBe(0n);
    expect([creditOf(payment, BOARD.address), wagesOf(payment, BOARD.address)]).toEqual([PAY, PAY]);
    expect(totalOf(payment.books, "fee")).toBe(10n);
  });

  it("an on-result answer is invoiced, its provider credited, and the requester's voucher taken", async () => {
    const limits = { onResult: amount(5_000n) };
    const counter = openCounter({ limits });
    await counter.observe(funded([ROBOT, BOARD], 10_000n));
    await running(counter);
    await answer(counter);
    await judged(counter);
    // it has paid once, so it may pay on result
    const terms = offerTerms("o-2", { payment: "result", maxPrice: amount(500n), checkBudget: amount(0n) });
    await counter.send(ROBOT, "offer", await offer(ROBOT, terms));
    const second = [...counter.state.market.tasks.keys()].at(-1) ?? TASK;
    await counter.tell({ topic: "blobsHere", task: second });
    await counter.send(BOARD, "bid", await bid(BOARD, "b-2", second, 500n));
    counter.clock.set(counter.clock.now() + 100);
    await counter.tell({ topic: "due", task: second });
    const award = counter.state.market.tasks.get(second)?.run?.award ?? "0x";
    await counter.send(BOARD, "accept", await accept(BOARD, "a-2", second, award));
    const ran = { verdict: "ok" as const, fuel: FUEL };
    await counter.send(BOARD, "result", await result(BOARD, "r-2", second, award, ran));
    await counter.tell(STOP);
    await counter.tell({ topic: "inspected", task: second, award, passed: true, reason: "valid" });
    expect(counter.refused).toEqual([]);
    // 700 of the first voucher were credit, so the invoice is paid at once
    expect(counter.state.market.tasks.get(second)?.state).toBe("paid");
    expect(facts(counter).filter(({ kind }) => kind === "invoiced")).toMatchObject([{ legs: [] }]);
    expect(wagesOf(counter.state.payment, BOARD.address)).toBe(PAY);
    const voucher = await voucherOf(ROBOT, 2_000n);
    await counter.send(ROBOT, "voucher", { version: 1, id: "v-9", voucher });
    expect(counter.state.payment.incoming.get(ROBOT.address)?.signed).toBe(2_000n);
  });

  it("work that is called off is credited as well", async () => {
    const counter = await open();
    await running(counter);
    await counter.tell(STOP);
    await counter.send(ROBOT, "cancel", { version: 1, id: "c-1", task: TASK });
    expect(stateOf(counter)).toBe("cancelled");
    expect(wagesOf(counter.state.payment, BOARD.address)).toBe(PAY);
  });

  it("nobody is awarded, not even whose bid stands, until paying goes on", async () => {
    const counter = await open();
    await announced(counter);
    await counter.send(BOARD, "bid", await bid(BOARD, "b-1", TASK, 500n));
    await counter.tell(STOP);
    counter.clock.set(START + 100);
    await counter.tell({ topic: "due", task: TASK });
    expect(stateOf(counter)).toBe("announced");
    await counter.send(ARM, "bid", await bid(ARM, "b-1", TASK, 400n));
    expect(saidOf(counter.heard(), "refusal")).toMatchObject({
      code: "gateway_stopped",
      hint: expect.stringMatching(/payments/),
    });
    await counter.tell(RESUME);
    await counter.tell({ topic: "reopened", task: TASK, from: counter.clock.now() });
    counter.clock.set(START + 200);
    await counter.tell({ topic: "due", task: TASK });
    expect(counter.state.market.tasks.get(TASK)?.run?.provider).toBe(BOARD.address);
  });

  it("no second provider is awarded for a check: the gateway's own run speaks", async () => {
    const counter = openCounter({ draw: () => 0 });
    await counter.observe(funded([ROBOT, BOARD, ARM], 10_000n));
    await announced(counter);
    await counter.send(BOARD, "bid", await bid(BOARD, "b-1", TASK, 100n));
    await counter.send(ARM, "bid", await bid(ARM, "b-1", TASK, 150n));
    counter.clock.set(START + 100);
    await counter.tell({ topic: "due", task: TASK });
    await counter.send(BOARD, "accept", await accept(BOARD, "a-1", TASK, awardOf(counter)));
    await answer(counter);
    await counter.tell(STOP);
    await judged(counter);
    const task = counter.state.market.tasks.get(TASK);
    expect([task?.state, task?.check]).toEqual(["delivered", null]);
  });

  it("a repeated word changes nothing, and keeps the first reason", async () => {
    const counter = await open();
    await counter.tell(RESUME);
    await counter.tell(STOP);
    await counter.tell({ ...STOP, reason: "another" });
    await counter.tell(RESUME);
    await counter.tell(RESUME);
    const kinds = facts(counter).filter(({ kind }) => kind.startsWith("paying"));
    expect(kinds).toEqual([
      { kind: "payingStopped", reason: "a key is lost" },
      { kind: "payingResumed", reason: "it is found" },
    ]);
  });

  it("what a bug decides all the same is not signed", async () => {
    const counter = await open();
    await counter.tell(STOP);
    const { voucher } = { voucher: await voucherOf(GATEWAY, 10n, { payee: BOARD.address }) };
    const postings = [] as const;
    const fact: Fact = {
      ...{ kind: "creditPaidOut", device: BOARD.address, amount: amount(10n) },
      ...{ voucher, postings: [...postings] },
    };
    const sealed = seal(counter.state, MARKET, GATEWAY, [fact]);
    await expect(sealed).rejects.toThrow(expect.objectContaining({ code: "impossible" }));
  });
});

describe("when paying goes on", () => {
  async function earned(counter: Counter): Promise<void> {
    await running(counter);
    await answer(counter);
    await counter.tell(STOP);
    await judged(counter);
  }

  const payOut = (counter: Counter, device = BOARD.address) =>
    counter.tell({ topic: "payOut", device, all: false });

  it("what was earned goes out on the lane, once", async () => {
    const counter = await open();
    await earned(counter);
    await payOut(counter);
    expect(counter.state.payment.outgoing.get(BOARD.address)?.signed).toBe(0n);
    await counter.tell(RESUME);
    counter.heard();
    await payOut(counter);
    const said = counter.heard();
    expect(saidOf(said, "payment")).toMatchObject({ task: null, amount: PAY, voucher: { cumulative: PAY } });
    await payOut(counter);
    expect(counter.heard()).toEqual([]);
    const { payment } = counter.state;
    expect(payment.outgoing.get(BOARD.address)?.signed).toBe(PAY);
    expect([creditOf(payment, BOARD.address), payment.wages.size]).toEqual([0n, 0]);
  });

  it("and after a restart too, from the journal and from a snapshot", async () => {
    for (const hasSnapshot of [false, true]) {
      const journal = memoryJournal();
      const first = await open(journal);
      await earned(first);
      if (hasSnapshot) saveSnapshot(journal, first.state);
      const again = await open(journal);
      expect(again.state.payment.stopped).toBe("a key is lost");
      again.clock.set(first.clock.now());
      await again.tell(RESUME);
      await payOut(again);
      expect(again.state.payment.outgoing.get(BOARD.address)?.signed).toBe(PAY);
    }
  });

  it("one that hires too gets what it has earned, and keeps what it has brought", async () => {
    const counter = await open();
    await counter.send(BOARD, "voucher", { version: 1, id: "v-1", voucher: await voucherOf(BOARD, 300n) });
    await earned(counter);
    expect(creditOf(counter.state.payment, BOARD.address)).toBe(300n + PAY);
    await counter.tell(RESUME);
    await payOut(counter);
    expect(counter.state.payment.outgoing.get(BOARD.address)?.signed).toBe(PAY);
    expect(creditOf(counter.state.payment, BOARD.address)).toBe(300n);
  });

  it("what it has spent of that meanwhile is pay no more", async () => {
    const counter = await open();
    await earned(counter);
    await counter.tell(RESUME);
    const terms = offerTerms("o-b", { maxPrice: amount(400n), checkBudget: amount(0n) });
    await counter.send(BOARD, "offer", await offer(BOARD, terms));
    expect(wagesOf(counter.state.payment, BOARD.address)).toBe(PAY - 400n);
    await counter.send(BOARD, "voucher", { version: 1, id: "v-1", voucher: await voucherOf(BOARD, 1_000n) });
    await payOut(counter);
    expect(counter.state.payment.outgoing.get(BOARD.address)?.signed).toBe(PAY - 400n);
    expect(creditOf(counter.state.payment, BOARD.address)).toBe(1_000n);
  });

  it("a lane without room pays as far as it goes, and the rest when it has more", async () => {
    const counter = await open();
    await earned(counter);
    await counter.observe([laneSeen(GATEWAY.address, BOARD.address, 200n)]);
    await counter.tell(RESUME);
    await payOut(counter);
    expect(wagesOf(counter.state.payment, BOARD.address)).toBe(PAY - 200n);
    await counter.observe([laneSeen(GATEWAY.address, BOARD.address, 1_000n)]);
    await payOut(counter);
    expect(counter.state.payment.outgoing.get(BOARD.address)?.signed).toBe(PAY);
    expect(counter.state.payment.wages.size).toBe(0);
  });

  it("credit above a device's limit goes back to it again", async () => {
    const counter = openCounter({ limits: { credit: amount(1_000n) } });
    await counter.observe(funded([ROBOT, BOARD], 10_000n));
    await counter.tell(STOP);
    await prepaid(counter);
    expect(saidOf(counter.heard(), "refusal").code).toBe("gateway_stopped");
    const voucher = await voucherOf(ROBOT, 2_000n);
    await counter.send(ROBOT, "voucher", { version: 1, id: "v-2", voucher });
    expect(creditOf(counter.state.payment, ROBOT.address)).toBe(2_000n);
    await counter.tell(RESUME);
    await counter.send(ROBOT, "voucher", { version: 1, id: "v-3", voucher: await voucherOf(ROBOT, 2_001n) });
    expect(creditOf(counter.state.payment, ROBOT.address)).toBe(0n);
  });

  it("while it is halted as well nothing goes out: its books may be old", async () => {
    const counter = await open();
    await earned(counter);
    await counter.tell({ topic: "halt", reason: "restored" });
    await counter.tell(RESUME);
    await payOut(counter);
    expect(wagesOf(counter.state.payment, BOARD.address)).toBe(PAY);
    await counter.tell({ topic: "resume", reason: "reconciled" });
    await payOut(counter);
    expect(wagesOf(counter.state.payment, BOARD.address)).toBe(0n);
  });
});

describe("a device that is kept out", () => {
  const out = (device = BOARD.address) => [{ kind: "deviceDisabled", device }] as const;

  it("gets no award for a bid that stands, and the next one does", async () => {
    const counter = await open();
    await announced(counter);
    await counter.send(BOARD, "bid", await bid(BOARD, "b-1", TASK, 300n));
    await counter.send(ARM, "bid", await bid(ARM, "b-1", TASK, 500n));
    await counter.observe(out());
    counter.clock.set(START + 100);
    await counter.tell({ topic: "due", task: TASK });
    expect(counter.state.market.tasks.get(TASK)?.run?.provider).toBe(ARM.address);
    expect(replay(counter.journal, MARKET)).toEqual(counter.state);
  });

  it("loses what it was working on as if it had vanished, and keeps what it has earned", async () => {
    const counter = await open();
    await running(counter);
    await counter.observe(out());
    counter.clock.set(START + 60_000);
    await counter.tell({ topic: "due", task: TASK });
    expect(stateOf(counter)).toBe("forfeited");
    const lane = counter.state.payment.outgoing.get(BOARD.address);
    expect(lane?.deposit).toBe(10_000n);
  });

  it("bids again once it is let in", async () => {
    const counter = await open();
    await announced(counter);
    await counter.observe(out());
    await counter.send(BOARD, "bid", await bid(BOARD, "b-1", TASK, 300n));
    expect(counter.refused.map(({ refusal }) => refusal.refused)).toEqual(["hub_capacity"]);
    await counter.observe([{ kind: "deviceEnabled", device: BOARD.address }]);
    await counter.send(BOARD, "bid", await bid(BOARD, "b-2", TASK, 300n));
    expect(counter.refused).toHaveLength(1);
  });
});
