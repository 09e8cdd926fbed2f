/** What a run costs by its fuel, and what becomes of bills and of ends that others do not come to. */
import { describe, expect, it } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import { amount } from "../../src/base/money.ts";
import { replay } from "../../src/exchange/replay.ts";
import { wantOf } from "../../src/exchange/wants.ts";
import { recoverAddress } from "../../src/kernels/signature.ts";
import { balanceOf, recoveryOf, totalOf } from "../../src/payment/books.ts";
import { creditOf, heldOf, owedBy } from "../../src/payment/payment.ts";
import type { Outcome } from "../../src/protocol/fuel.ts";
import type { Signer } from "../../src/protocol/signer.ts";
import { invoiceDigest, NO_OUTPUT, receiptDigest, saltedHash } from "../../src/protocol/typed-data.ts";
import { type Counter, openCounter, saidOf } from "./counter.ts";
import {
  ARM,
  accept,
  BOARD,
  bid,
  CAMERA,
  FUEL,
  funded,
  GATEWAY,
  hash32,
  MARKET,
  manifest,
  offer,
  offerTerms,
  outcome,
  ROBOT,
  RULES,
  result,
  SALT,
  taskOfOffer,
  voucherOf,
} from "./stage.ts";

type Terms = NonNullable<Parameters<typeof offerTerms>[1]>;

/** A third of the limit: at a rate of 901 that is 301, rounded up from 300.33…. */
const THIRD = Math.floor(FUEL / 3);

async function opened(draw = () => 0.99): Promise<Counter> {
  const counter = openCounter({ draw, limits: { onResult: amount(5_000n) } });
  await counter.observe(funded([ROBOT, BOARD, ARM, CAMERA], 100_000n));
  return counter;
}

/** A task of ROBOT's with a bid of each rate, awarded to the least. */
async function awarded(
  counter: Counter,
  rates: readonly (readonly [Signer, bigint])[],
  change: Terms = {},
): Promise<Hex> {
  const terms = offerTerms("o-1", { voucher: await voucherOf(ROBOT, 2_200n), ...change });
  const task = taskOfOffer(ROBOT, terms);
  await counter.send(ROBOT, "offer", await offer(ROBOT, terms));
  await counter.tell({ topic: "blobsHere", task });
  for (const [provider, rate] of rates)
    await counter.send(provider, "bid", await bid(provider, "b-1", task, rate));
  counter.clock.set(counter.clock.now() + 100);
  await counter.tell({ topic: "due", task });
  return task;
}

/** The same with two bids, of which the check budget could pay the second. */
function twoBids(counter: Counter, checkBudget = 600n): Promise<Hex> {
  const rates = [
    [BOARD, 300n],
    [ARM, 600n],
  ] as const;
  return awarded(counter, rates, { checkBudget: amount(checkBudget) });
}

const taskOf = (counter: Counter, task: Hex) => counter.state.market.tasks.get(task);

const wantIn = (counter: Counter, task: Hex) => wantOf(taskOf(counter, task) ?? expect.fail("no task"))?.want;

function awardOf(counter: Counter, task: Hex, provider: Signer): Hex {
  const { run, check } = taskOf(counter, task) ?? {};
  return [run, check].find((one) => one?.provider === provider.address)?.award ?? hash32(0);
}

async function accepts(counter: Counter, task: Hex, provider: Signer) {
  const award = awardOf(counter, task, provider);
  await counter.send(provider, "accept", await accept(provider, "a-1", task, award));
  return award;
}

async function delivers(counter: Counter, task: Hex, provider: Signer, ran: Partial<Outcome> = {}) {
  const award = await accepts(counter, task, provider);
  await counter.send(provider, "result", await result(provider, "r-1", task, award, ran));
  expect(counter.refused).toEqual([]);
}

async function inspected(counter: Counter, task: Hex, passed = true) {
  const award = taskOf(counter, task)?.run?.award ?? hash32(0);
  await counter.tell({ topic: "inspected", task, award, passed, reason: "checked" });
}

async function refereed(counter: Counter, task: Hex, own: Outcome | null) {
  const award = taskOf(counter, task)?.run?.award ?? hash32(0);
  await counter.tell({ topic: "refereed", task, award, outcome: own, reason: "own run" });
}

/** What each has been promised on its lane. */
const earned = (counter: Counter) =>
  [BOARD, ARM, CAMERA].map(({ address }) => balanceOf(counter.state.payment.books, `out:${address}`));

function expectSquare({ state, journal }: Counter) {
  const { books } = state.payment;
  const sum = (sort: Parameters<typeof totalOf>[1]) => totalOf(books, sort);
  expect(sum("in") + sum("owed") + recoveryOf(books)).toBe(
    sum("out") + sum("credit") + sum("held") + sum("fee"),
  );
  expect(replay(journal, MARKET)).toEqual(state);
}

describe("a run that burns a part of its limit", () => {
  it("costs rate times fuel, rounded up; the rest of what was set aside comes back", async () => {
    const counter = await opened();
    const task = await awarded(counter, [[BOARD, 901n]]);
    expect(taskOf(counter, task)?.run, "the most").toMatchObject({ price: 901n, fee: 18n });
    await delivers(counter, task, BOARD, { fuel: THIRD });
    expect(taskOf(counter, task)?.run, "what it costs").toMatchObject({ price: 301n, fee: 6n, fuel: THIRD });
    await inspected(counter, task);
    const said = counter.heard();
    const answer = { state: "paid", verdict: "ok", output: hash32(0x07), fuel: THIRD };
    expect(saidOf(said, "answer")).toMatchObject({ ...answer, spent: 301n, credit: 1_899n });
    const { version: _, signature, ...receipt } = saidOf(said, "receipt");
    expect(receipt).toMatchObject({ fuel: THIRD, rate: 901n, price: 301n, fee: 6n, verdict: "ok", meter: 7 });
    expect(recoverAddress(receiptDigest(MARKET, receipt), signature)).toBe(GATEWAY.address);
    expect(earned(counter)).toEqual([295n, 0n, 0n]);
    expect(heldOf(counter.state.payment, ROBOT.address)).toBe(0n);
    expectSquare(counter);
  });

  it("costs one unit at least, whatever the rate", async () => {
    const counter = await opened();
    const task = await awarded(counter, [[BOARD, 0n]]);
    await delivers(counter, task, BOARD, { fuel: 0 });
    await inspected(counter, task);
    expect(saidOf(counter.heard(), "answer")).toMatchObject({ state: "paid", spent: 1n, fuel: 0 });
    expect(earned(counter)).toEqual([1n, 0n, 0n]);
    expectSquare(counter);
  });

  it("is billed the whole limit when it is called off: nobody can check what it had burnt", async () => {
    const counter = await opened();
    const task = await awarded(counter, [[BOARD, 901n]], { fuelLimit: FUEL / 2 });
    await accepts(counter, task, BOARD);
    await counter.send(ROBOT, "cancel", { version: 1, id: "c-1", task });
    const said = { state: "cancelled", verdict: null, spent: 451n, fuel: FUEL / 2, output: null };
    expect(saidOf(counter.heard(), "answer")).toMatchObject(said);
    expect(earned(counter)).toEqual([442n, 0n, 0n]);
    expectSquare(counter);
  });

  it("is free when it is called off before anybody has accepted", async () => {
    const counter = await opened();
    const task = await awarded(counter, [[BOARD, 901n]]);
    await counter.send(ROBOT, "cancel", { version: 1, id: "c-1", task });
    expect(saidOf(counter.heard(), "answer")).toMatchObject({ state: "cancelled", spent: 0n, fuel: 0 });
    expectSquare(counter);
  });
});

describe("a second opinion", () => {
  const always = () => 0;

  it("is asked only of whom the check budget pays for a whole limit, and costs its own fuel", async () => {
    const counter = await opened(always);
    const rates = [
      [BOARD, 300n],
      [ARM, 401n],
      [CAMERA, 402n],
    ] as const;
    const task = await awarded(counter, rates, { fuelLimit: FUEL / 2, checkBudget: amount(200n) });
    await delivers(counter, task, BOARD, { fuel: THIRD });
    await inspected(counter, task);
    expect(taskOf(counter, task)?.check, "201 would be the most").toBeNull();

    const other = await opened(always);
    const paid = await awarded(other, rates, { fuelLimit: FUEL / 2, checkBudget: amount(201n) });
    await delivers(other, paid, BOARD, { fuel: THIRD });
    await inspected(other, paid);
    expect(taskOf(other, paid)?.check).not.toBeNull();
    const second = taskOf(other, paid)?.check?.provider === ARM.address ? ARM : CAMERA;
    await delivers(other, paid, second, { fuel: THIRD });
    const said = other.heard();
    expect(saidOf(said, "answer")).toMatchObject({ state: "paid", rechecked: true, spent: 100n + 134n });
    expect(saidOf(said, "receipt")).toMatchObject({ price: 234n, checks: 134n, fuel: THIRD, rate: 300n });
    expect(earned(other)).toEqual([98n, 132n, 0n]);
    expectSquare(other);
  });

  it("finds a wrong bill on the same output: it is not paid, the right one is", async () => {
    const counter = await opened(always);
    const task = await twoBids(counter);
    await delivers(counter, task, BOARD, { fuel: FUEL });
    await inspected(counter, task);
    await delivers(counter, task, ARM, { fuel: THIRD });
    const word = [...counter.journal.entries()].flatMap(({ facts }) => facts).at(-1);
    expect(word).toMatchObject({ kind: "checked", passed: false, reason: "another bill of fuel" });
    expect(wantIn(counter, task)).toBe("referee");
    await refereed(counter, task, outcome({ fuel: THIRD }));
    expect(saidOf(counter.heard(), "answer")).toMatchObject({
      ...{ state: "paid", provider: ARM.address, fuel: THIRD, spent: 200n, rechecked: true },
    });
    expect(earned(counter)).toEqual([0n, 196n, 0n]);
    expect(taskOf(counter, task)?.out).toEqual([BOARD.address]);
    expectSquare(counter);
  });

  it("is the gateway's own where nothing is to be spent on checks: a wrong bill is found out all the same", async () => {
    const counter = await opened(always);
    const task = await awarded(counter, [[BOARD, 300n]], { checkBudget: amount(0n) });
    await delivers(counter, task, BOARD, { fuel: FUEL });
    await inspected(counter, task);
    expect(wantIn(counter, task)).toBe("referee");
    await refereed(counter, task, outcome({ fuel: THIRD }));
    expect(saidOf(counter.heard(), "answer")).toMatchObject({ state: "rejected", spent: 0n });
    expect(earned(counter)).toEqual([0n, 0n, 0n]);
    expectSquare(counter);
  });

  it("of the gateway's own alone rejects a wrong bill, and the next bidder gets the task", async () => {
    const counter = await opened(always);
    const task = await twoBids(counter, 1n);
    await delivers(counter, task, BOARD, { fuel: THIRD - 1 });
    await inspected(counter, task);
    await refereed(counter, task, outcome({ fuel: THIRD }));
    expect(taskOf(counter, task)).toMatchObject({ state: "awarded", run: { provider: ARM.address } });
    expect(earned(counter)).toEqual([0n, 0n, 0n]);
    expectSquare(counter);
  });
});

describe("a run that ends without an output", () => {
  const trap = { verdict: "trap", fuel: THIRD } as const;

  it("has nothing for the checker to see: the gateway runs it itself at once, without a draw", async () => {
    const counter = await opened();
    const task = await twoBids(counter);
    await delivers(counter, task, BOARD, trap);
    expect(taskOf(counter, task)?.check, "another bidder's word would not do").toBeNull();
    expect(wantIn(counter, task)).toBe("referee");
    const { index } = counter.journal.head();
    await inspected(counter, task);
    expect(counter.journal.head().index, "no word of a checker is heard").toBe(index);
  });

  it("is paid for exactly its fuel once the gateway's own run has come to the same", async () => {
    const counter = await opened();
    const task = await twoBids(counter);
    await delivers(counter, task, BOARD, trap);
    await refereed(counter, task, outcome(trap));
    const said = counter.heard();
    expect(saidOf(said, "answer")).toMatchObject({
      ...{ state: "paid", verdict: "trap", output: null, outputBytes: 0, fuel: THIRD },
      ...{ spent: 100n, rechecked: true },
    });
    const { version: _, signature, ...receipt } = saidOf(said, "receipt");
    expect(receipt).toMatchObject({ verdict: "trap", output: null, checks: 0n });
    expect(recoverAddress(receiptDigest(MARKET, receipt), signature)).toBe(GATEWAY.address);
    expect(earned(counter)).toEqual([98n, 0n, 0n]);
    expectSquare(counter);
  });

  it("at the whole limit is not paid for on the word of two providers in league", async () => {
    const counter = await opened(() => 0);
    const task = await twoBids(counter);
    const claimed = { verdict: "trap", fuel: FUEL } as const;
    await delivers(counter, task, BOARD, claimed);
    await refereed(counter, task, outcome({ fuel: THIRD }));
    expect(taskOf(counter, task)).toMatchObject({ state: "awarded", run: { provider: ARM.address } });
    await delivers(counter, task, ARM, claimed);
    await refereed(counter, task, outcome({ fuel: THIRD }));
    expect(saidOf(counter.heard(), "answer")).toMatchObject({ state: "rejected", spent: 0n });
    expect(earned(counter)).toEqual([0n, 0n, 0n]);
    expectSquare(counter);
  });

  it.each(["out-of-fuel", "stack", "bad-output"] as const)(
    "as %s is paid when the gateway's own run ends the same",
    async (verdict) => {
      const counter = await opened();
      const task = await awarded(counter, [[BOARD, 300n]], { checkBudget: amount(0n) });
      const ran = { verdict, fuel: FUEL };
      await delivers(counter, task, BOARD, ran);
      expect(wantIn(counter, task)).toBe("referee");
      await refereed(counter, task, outcome(ran));
      expect(saidOf(counter.heard(), "answer")).toMatchObject({ state: "paid", verdict, spent: 300n });
      expectSquare(counter);
    },
  );

  it("is not paid where the gateway's own run tells nothing: the hold goes back", async () => {
    const counter = await opened();
    const task = await awarded(counter, [[BOARD, 300n]]);
    await delivers(counter, task, BOARD, trap);
    await refereed(counter, task, null);
    const said = { state: "refunded", verdict: null, spent: 0n, fuel: 0 };
    expect(saidOf(counter.heard(), "answer")).toMatchObject(said);
    expect(earned(counter)).toEqual([0n, 0n, 0n]);
    expect(creditOf(counter.state.payment, ROBOT.address)).toBe(2_200n);
    expectSquare(counter);
  });

  it.each([
    ["another end", outcome({ verdict: "out-of-fuel", fuel: THIRD })],
    ["another bill", outcome({ verdict: "trap", fuel: THIRD + 1 })],
    ["an output", outcome({ fuel: THIRD })],
  ])("is not paid where the gateway's own run comes to %s", async (_, own) => {
    const counter = await opened();
    const task = await awarded(counter, [[BOARD, 300n]]);
    await delivers(counter, task, BOARD, trap);
    await refereed(counter, task, own);
    expect(saidOf(counter.heard(), "answer")).toMatchObject({ state: "rejected", spent: 0n });
    expect(earned(counter)).toEqual([0n, 0n, 0n]);
    expectSquare(counter);
  });

  it("as the second of two runs is paid only where the gateway's own confirms it", async () => {
    const counter = await opened(() => 0);
    const task = await twoBids(counter);
    await delivers(counter, task, BOARD, { fuel: THIRD });
    await inspected(counter, task);
    await delivers(counter, task, ARM, trap);
    await refereed(counter, task, outcome(trap));
    expect(saidOf(counter.heard(), "answer")).toMatchObject({ state: "paid", verdict: "trap", spent: 200n });
    expect(earned(counter)).toEqual([0n, 196n, 0n]);
    expectSquare(counter);
  });

  it("is not judged by a gateway whose cost table has changed meanwhile", async () => {
    const before = await opened();
    const task = await awarded(before, [[BOARD, 300n]]);
    await delivers(before, task, BOARD, trap);
    const rules = { ...RULES, meter: { ...RULES.meter, costs: hash32(0xc1) } };
    const after = openCounter({ journal: before.journal, state: replay(before.journal, MARKET), rules });
    await refereed(after, task, outcome({ ...trap, fuel: THIRD + 1 }));
    expect(saidOf(after.heard(), "answer")).toMatchObject({ state: "refunded", spent: 0n });
  });

  it("on result is invoiced over a salt and nothing, and owed like any other", async () => {
    const counter = await opened();
    const first = await awarded(counter, [[BOARD, 1_000n]], { checkBudget: amount(0n) });
    await delivers(counter, first, BOARD);
    await inspected(counter, first);
    counter.heard();
    const terms = offerTerms("o-2", { payment: "result", checkBudget: amount(0n) });
    await counter.send(ROBOT, "payout", { version: 1, id: "p-1" });
    await counter.send(ROBOT, "offer", await offer(ROBOT, terms));
    const task = taskOfOffer(ROBOT, terms);
    await counter.tell({ topic: "blobsHere", task });
    await counter.send(ARM, "bid", await bid(ARM, "b-1", task, 901n));
    counter.clock.set(counter.clock.now() + 100);
    await counter.tell({ topic: "due", task });
    await delivers(counter, task, ARM, trap);
    await refereed(counter, task, outcome(trap));
    const said = counter.heard();
    const { version: _, accept: __, outputBytes, signature, ...invoice } = saidOf(said, "invoice");
    expect(recoverAddress(invoiceDigest(MARKET, ROBOT.address, invoice), signature)).toBe(GATEWAY.address);
    expect(invoice).toMatchObject({ verdict: "trap", fuel: THIRD, rate: 901n, price: 301n });
    expect([invoice.saltedOutput, outputBytes]).toEqual([saltedHash(SALT, NO_OUTPUT), 0]);
    expect(owedBy(counter.state.payment, ROBOT.address)).toBe(301n);
    await counter.send(ROBOT, "voucher", { version: 1, id: "v-1", voucher: await voucherOf(ROBOT, 2_501n) });
    expect(saidOf(counter.heard(), "answer")).toMatchObject({
      ...{ state: "paid", verdict: "trap", output: null, salt: SALT, spent: 301n, fuel: THIRD },
    });
    expectSquare(counter);
  });
});

describe("a manifest", () => {
  it("reaches every bidder with the announce, the awarded one with its award, and is kept", async () => {
    const counter = await opened();
    const signed = await manifest(CAMERA);
    const task = await awarded(counter, [[BOARD, 300n]], { manifest: signed });
    const said = counter.heard();
    for (const topic of ["announce", "award"] as const) expect(saidOf(said, topic).manifest).toEqual(signed);
    expect(taskOf(counter, task)?.manifest).toEqual(signed);
    expectSquare(counter);
  });

  it("is absent where the offer had none; how the run is metered is always told", async () => {
    const counter = await opened();
    await awarded(counter, [[BOARD, 300n]]);
    const said = counter.heard();
    const metered = { profile: "task/1", memoryMiB: 1, fuelLimit: FUEL, meter: 7, costs: hash32(0xc0) };
    for (const topic of ["announce", "award"] as const) {
      expect(saidOf(said, topic)).toMatchObject(metered);
      expect(saidOf(said, topic)).not.toHaveProperty("manifest");
    }
    expect(saidOf(said, "award")).toMatchObject({ rate: 300n, feeBasisPoints: 200 });
  });
});
