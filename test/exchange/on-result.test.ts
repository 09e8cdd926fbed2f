import { describe, expect, it } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import { instant } from "../../src/base/clock.ts";
import { amount } from "../../src/base/money.ts";
import { firstDue } from "../../src/exchange/course.ts";
import { replay } from "../../src/exchange/replay.ts";
import { recoverAddress } from "../../src/kernels/signature.ts";
import { balanceOf } from "../../src/payment/books.ts";
import { creditOf, owedBy } from "../../src/payment/payment.ts";
import type { Fact } from "../../src/protocol/facts.ts";
import { invoiceDigest, receiptDigest, saltedHash } from "../../src/protocol/typed-data.ts";
import { type Counter, openCounter, saidOf } from "./counter.ts";
import {
  accept,
  BOARD,
  bid,
  funded,
  GATEWAY,
  hash32,
  laneSeen,
  MARKET,
  offer,
  offerTerms,
  ROBOT,
  RULES,
  result,
  SALT,
  START,
  taskOfOffer,
  voucherOf,
} from "./stage.ts";

const OUTPUT = hash32(0x07);

/** A market in which ROBOT has paid 2,000 for earlier work, all that it signed. */
async function trusted(onResult = 5_000n): Promise<Counter> {
  const counter = openCounter({ limits: { onResult: amount(onResult) } });
  await counter.observe(funded([ROBOT, BOARD], 10_000n));
  const voucher = await voucherOf(ROBOT, 2_000n);
  await work(counter, "o-0", { voucher, maxPrice: amount(2_000n), checkBudget: amount(0n) }, 2_000n);
  counter.heard();
  return counter;
}

async function work(
  counter: Counter,
  id: string,
  change: Parameters<typeof offerTerms>[1],
  price = 500n,
): Promise<Hex> {
  const task = await running(counter, id, change, price);
  const award = awardOf(counter, task);
  await counter.send(BOARD, "result", await result(BOARD, `r-${id}`, task, award));
  await counter.tell({ topic: "inspected", task, award, passed: true, reason: "valid" });
  return task;
}

async function running(
  counter: Counter,
  id: string,
  change: Parameters<typeof offerTerms>[1],
  price = 500n,
): Promise<Hex> {
  const terms = offerTerms(id, { deadline: instant(counter.clock.now() + 60_000), ...change });
  const task = taskOfOffer(ROBOT, terms);
  await counter.send(ROBOT, "offer", await offer(ROBOT, terms));
  await counter.tell({ topic: "blobsHere", task });
  await counter.send(BOARD, "bid", await bid(BOARD, `b-${id}`, task, price));
  counter.clock.set(counter.clock.now() + 100);
  await counter.tell({ topic: "due", task });
  await counter.send(BOARD, "accept", await accept(BOARD, `a-${id}`, task, awardOf(counter, task)));
  return task;
}

const awardOf = (counter: Counter, task: Hex) =>
  counter.state.market.tasks.get(task)?.run?.award ?? hash32(0);
const stateOf = (counter: Counter, task: Hex) => counter.state.market.tasks.get(task)?.state;

describe("pay on result", () => {
  it("pays the provider at the verdict, and tells the requester the output once it has signed", async () => {
    const counter = await trusted();
    const task = await work(counter, "o-1", { payment: "result" });
    expect(stateOf(counter, task)).toBe("invoiced");
    expect(owedBy(counter.state.payment, ROBOT.address)).toBe(500n);
    const said = counter.heard();
    expect(said.find((one) => one.topic === "payment")).toMatchObject({ to: BOARD.address });
    expect(said.filter((one) => one.topic === "receipt").map(({ to }) => to)).toEqual([BOARD.address]);
    expect(said.some((one) => one.topic === "answer")).toBe(false);
    const { version: _, accept: theirs, outputBytes: __, signature, ...invoice } = saidOf(said, "invoice");
    expect(recoverAddress(invoiceDigest(MARKET, ROBOT.address, invoice), signature)).toBe(GATEWAY.address);
    expect(invoice).toMatchObject({ task, provider: BOARD.address, price: 500n, fee: 10n, checks: 0n });
    expect(invoice.saltedOutput).toBe(saltedHash(SALT, OUTPUT));
    expect(theirs).toBe(counter.state.market.tasks.get(task)?.run?.accept);
    // whatever the requester has heard so far, the output's hash is in none of it
    const heard = said.filter(({ to }) => to === ROBOT.address);
    expect(
      JSON.stringify(heard, (_key, value) => (typeof value === "bigint" ? `${value}` : value)),
    ).not.toContain(OUTPUT.slice(2));

    await counter.send(ROBOT, "voucher", { version: 1, id: "v-1", voucher: await voucherOf(ROBOT, 2_500n) });
    const after = counter.heard();
    expect(saidOf(after, "answer")).toMatchObject({
      task,
      state: "paid",
      output: OUTPUT,
      salt: SALT,
      spent: 500n,
    });
    const { version: ___, signature: signed, ...receipt } = saidOf(after, "receipt");
    expect(recoverAddress(receiptDigest(MARKET, receipt), signed)).toBe(GATEWAY.address);
    expect(owedBy(counter.state.payment, ROBOT.address)).toBe(0n);
    expect(creditOf(counter.state.payment, ROBOT.address)).toBe(0n);
    expect(replay(counter.journal, MARKET)).toEqual(counter.state);
  });

  it("takes no new offer from whoever owes, and says the invoice again until it is paid", async () => {
    const counter = await trusted();
    const task = await work(counter, "o-1", { payment: "result" });
    const voucher = await voucherOf(ROBOT, 2_400n);
    await counter.send(ROBOT, "offer", await offer(ROBOT, offerTerms("o-2", { voucher })));
    expect(counter.refused.at(-1)?.refusal.refused).toBe("payment_due");
    expect(stateOf(counter, task), "400 do not pay for 500").toBe("invoiced");
    expect(creditOf(counter.state.payment, ROBOT.address), "but they are kept").toBe(400n);
    counter.heard();
    const terms = offerTerms("o-1", { payment: "result", deadline: instant(START + 100 + 60_000) });
    await counter.send(ROBOT, "offer", await offer(ROBOT, terms));
    expect(saidOf(counter.heard(), "invoice").task).toBe(task);
    await counter.send(ROBOT, "voucher", { version: 1, id: "v-9", voucher: await voucherOf(ROBOT, 2_500n) });
    expect(stateOf(counter, task)).toBe("paid");
  });

  it("waits for its money for as long as that takes: an unpaid invoice is never due", async () => {
    const counter = await trusted();
    const task = await work(counter, "o-1", { payment: "result" });
    expect(firstDue(counter.state, RULES.inputMs, () => START)).toBeNull();
    counter.clock.set(counter.clock.now() + 86_400_000);
    const { index } = counter.journal.head();
    await counter.tell({ topic: "due", task });
    expect(counter.journal.head().index).toBe(index);
    await counter.send(ROBOT, "voucher", { version: 1, id: "v-1", voucher: await voucherOf(ROBOT, 2_500n) });
    expect(stateOf(counter, task)).toBe("paid");
  });

  it("is answered at once where credit covers it", async () => {
    const counter = await trusted();
    await counter.send(ROBOT, "voucher", { version: 1, id: "v-1", voucher: await voucherOf(ROBOT, 3_000n) });
    const task = await work(counter, "o-1", { payment: "result" });
    expect(stateOf(counter, task)).toBe("paid");
    expect(creditOf(counter.state.payment, ROBOT.address)).toBe(500n);
  });

  it("trusts a requester with no more than it has paid before, nor the operator's limit", async () => {
    const counter = await trusted(1_500n);
    const sizes = async (id: string, maxPrice: bigint) => {
      const terms = offerTerms(id, {
        payment: "result",
        maxPrice: amount(maxPrice),
        checkBudget: amount(0n),
      });
      await counter.send(ROBOT, "offer", await offer(ROBOT, terms));
      return counter.refused.at(-1)?.refusal.refused;
    };
    expect(await sizes("o-1", 1_501n)).toBe("exposure_limit");
    counter.refused.length = 0;
    expect(await sizes("o-2", 1_000n)).toBeUndefined();
    expect(await sizes("o-3", 501n), "what is open counts").toBe("exposure_limit");
    const rich = await trusted(50_000n);
    await rich.send(
      ROBOT,
      "offer",
      await offer(
        ROBOT,
        offerTerms("o-4", { payment: "result", maxPrice: amount(2_001n), checkBudget: amount(0n) }),
      ),
    );
    expect(rich.refused.at(-1)?.refusal.refused).toBe("exposure_limit");
  });

  it("cancelled under way pays the provider, and is owed and made good without an invoice", async () => {
    const counter = await trusted();
    const task = await running(counter, "o-1", { payment: "result" });
    counter.heard();
    await counter.send(ROBOT, "cancel", { version: 1, id: "c-1", task });
    const said = counter.heard();
    expect(saidOf(said, "answer")).toMatchObject({ state: "cancelled", spent: 500n, output: null });
    expect(saidOf(said, "payment")).toMatchObject({ task, amount: 490n });
    expect(owedBy(counter.state.payment, ROBOT.address)).toBe(500n);
    await counter.send(ROBOT, "voucher", { version: 1, id: "v-1", voucher: await voucherOf(ROBOT, 2_500n) });
    expect(owedBy(counter.state.payment, ROBOT.address)).toBe(0n);
    expect(replay(counter.journal, MARKET)).toEqual(counter.state);
  });

  it("for a payer that is leaving ends what it could not sign for in time, and nothing else", async () => {
    const counter = await trusted();
    const prepaid = await voucherOf(ROBOT, 3_200n);
    const safe = await running(counter, "o-1", { voucher: prepaid });
    const lost = await running(counter, "o-2", { payment: "result" });
    const closeAt = Math.floor(counter.clock.now() / 1_000) + 10;
    await counter.observe([laneSeen(ROBOT.address, GATEWAY.address, 10_000n, { closeAt })]);
    expect(stateOf(counter, safe)).toBe("running");
    expect(stateOf(counter, lost)).toBe("cancelled");
    expect(balanceOf(counter.state.payment.books, `held:${ROBOT.address}`)).toBe(1_200n);
    const pays = await voucherOf(ROBOT, 3_700n);
    await counter.send(ROBOT, "voucher", { version: 1, id: "v-1", voucher: pays });
    expect(owedBy(counter.state.payment, ROBOT.address), "while its lane can still be claimed").toBe(0n);
  });
});

describe("two tasks that one look at the chain ends", () => {
  const doomed = async (counter: Counter, seen: readonly Fact[]) => {
    const terms = { payment: "result", maxPrice: amount(600n), checkBudget: amount(0n) } as const;
    const tasks = [await running(counter, "o-1", terms), await running(counter, "o-2", terms)];
    const closeAt = Math.floor(counter.clock.now() / 1_000) + 10;
    counter.heard();
    await counter.observe([laneSeen(ROBOT.address, GATEWAY.address, 10_000n, { closeAt }), ...seen]);
    expect(tasks.map((task) => stateOf(counter, task))).toEqual(["cancelled", "cancelled"]);
    expect(owedBy(counter.state.payment, ROBOT.address)).toBe(1_000n);
    expect(replay(counter.journal, MARKET)).toEqual(counter.state);
  };
  const { address: board } = BOARD;

  it("pay their provider for both, one voucher on top of the other", async () => {
    const counter = await trusted();
    await doomed(counter, []);
    const vouchers = counter.heard().flatMap((one) => (one.topic === "payment" ? [one.message.voucher] : []));
    expect(vouchers.map(({ cumulative }) => cumulative)).toEqual([1_960n + 490n, 1_960n + 980n]);
    expect(counter.state.payment.outgoing.get(board)?.signed).toBe(1_960n + 980n);
    expect(balanceOf(counter.state.payment.books, `out:${board}`)).toBe(1_960n + 980n);
  });

  it("leave credit where the same look shows that the provider's lane is closing", async () => {
    const counter = await trusted();
    await doomed(counter, [laneSeen(GATEWAY.address, board, 10_000n, { closeAt: 1_900_000_000 })]);
    expect(counter.state.payment.outgoing.get(board)?.signed).toBe(1_960n);
    expect(creditOf(counter.state.payment, board)).toBe(980n);
  });
});

describe("a prepaid task", () => {
  it("cancelled under way costs the provider's whole price and gives the rest back", async () => {
    const counter = await trusted();
    const task = await running(counter, "o-1", { voucher: await voucherOf(ROBOT, 3_200n) });
    await counter.send(ROBOT, "cancel", { version: 1, id: "c-1", task });
    const said = counter.heard();
    expect(saidOf(said, "answer")).toMatchObject({ state: "cancelled", spent: 500n, credit: 700n });
    expect(balanceOf(counter.state.payment.books, `out:${BOARD.address}`)).toBe(1_960n + 490n);
    expect(balanceOf(counter.state.payment.books, `held:${ROBOT.address}`)).toBe(0n);
    expect(replay(counter.journal, MARKET)).toEqual(counter.state);
  });
});
