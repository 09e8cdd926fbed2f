import { describe, expect, it } from "vitest";
import { amount } from "../../src/base/money.ts";
import { balanceOf, recoveryOf } from "../../src/payment/books.ts";
import { creditOf, owedBy } from "../../src/payment/payment.ts";
import { reconcile } from "../../src/payment/reconcile.ts";
import { openCounter } from "../exchange/counter.ts";
import {
  BOARD,
  GATEWAY,
  laneSeen,
  MARKET,
  offer,
  offerTerms,
  ROBOT,
  taskOfOffer,
  voucherOf,
} from "../exchange/stage.ts";

async function signed(cumulative: bigint) {
  const counter = openCounter();
  await counter.observe([incoming()]);
  await counter.send(ROBOT, "voucher", {
    version: 1,
    id: "v-1",
    voucher: await voucherOf(ROBOT, cumulative),
  });
  return counter;
}

const incoming = (change: Parameters<typeof laneSeen>[3] = {}) =>
  laneSeen(ROBOT.address, GATEWAY.address, 1_500n, change);
const closed = () => laneSeen(ROBOT.address, GATEWAY.address, 0n, { epoch: 1 });

describe("the books and the chain", () => {
  it("take back the credit of vouchers that a close has made void", async () => {
    const counter = await signed(1_500n);
    expect(creditOf(counter.state.payment, ROBOT.address)).toBe(1_500n);
    await counter.observe([closed()]);
    expect(creditOf(counter.state.payment, ROBOT.address)).toBe(0n);
    expect(recoveryOf(counter.state.payment.books)).toBe(0n);
    await counter.send(ROBOT, "offer", await offer(ROBOT, offerTerms("o-1")));
    expect(counter.refused.map(({ refusal }) => refusal.refused)).toEqual(["credit_short"]);
  });

  it("are owed what was held or spent of them, and a hold that comes back is no money to take away", async () => {
    const counter = await signed(1_500n);
    const terms = offerTerms("o-1");
    await counter.send(ROBOT, "offer", await offer(ROBOT, terms));
    const held = balanceOf(counter.state.payment.books, `held:${ROBOT.address}`);
    expect(held).toBeGreaterThan(0n);
    await counter.observe([closed()]);
    expect(creditOf(counter.state.payment, ROBOT.address)).toBe(0n);
    expect(owedBy(counter.state.payment, ROBOT.address)).toBe(held);
    expect(recoveryOf(counter.state.payment.books)).toBe(0n);
    const task = taskOfOffer(ROBOT, terms);
    await counter.send(ROBOT, "cancel", { version: 1, id: "c-1", task });
    expect(creditOf(counter.state.payment, ROBOT.address)).toBe(held);
    await counter.observe([laneSeen(GATEWAY.address, ROBOT.address, 9_000n)]);
    await counter.send(ROBOT, "payout", { version: 1, id: "p-1" });
    await counter.tell({ topic: "payOut", device: ROBOT.address, all: true });
    expect(counter.refused.map(({ refusal }) => refusal.refused)).toEqual(["payment_due"]);
    expect(counter.state.payment.outgoing.get(ROBOT.address)?.signed).toBe(0n);
    // with the next offer it makes good what it owes
    await counter.send(ROBOT, "offer", await offer(ROBOT, offerTerms("o-2")));
    expect(owedBy(counter.state.payment, ROBOT.address)).toBe(0n);
    expect(creditOf(counter.state.payment, ROBOT.address)).toBe(0n);
  });

  it("write off what an old journal has of them", async () => {
    const counter = await signed(1_500n);
    await counter.send(ROBOT, "offer", await offer(ROBOT, offerTerms("o-1")));
    const held = balanceOf(counter.state.payment.books, `held:${ROBOT.address}`);
    await counter.tell({ topic: "halt", reason: "restored" });
    await counter.observe([closed()]);
    expect(owedBy(counter.state.payment, ROBOT.address)).toBe(0n);
    expect(recoveryOf(counter.state.payment.books)).toBe(held);
  });

  it("agree about what was claimed before the close", async () => {
    const counter = await signed(1_500n);
    await counter.observe([incoming({ settled: 1_500n })]);
    await counter.observe([closed()]);
    expect(creditOf(counter.state.payment, ROBOT.address)).toBe(1_500n);
  });

  it("count a voucher that was claimed without being seen here", async () => {
    const counter = await signed(100n);
    await counter.observe([incoming({ settled: 700n })]);
    expect(creditOf(counter.state.payment, ROBOT.address)).toBe(700n);
    expect(balanceOf(counter.state.payment.books, `in:${ROBOT.address}`)).toBe(700n);
  });

  it("count a claim on the gateway that its journal does not know as taken from it", async () => {
    const counter = openCounter();
    await counter.observe([laneSeen(GATEWAY.address, BOARD.address, 900n, { settled: 40n })]);
    expect(recoveryOf(counter.state.payment.books)).toBe(40n);
    expect(balanceOf(counter.state.payment.books, `out:${BOARD.address}`)).toBe(40n);
  });

  it("have nothing to square for lanes of others, of other tokens, and of the past", async () => {
    const counter = await signed(100n);
    const lane = {
      payer: ROBOT.address,
      payee: GATEWAY.address,
      token: MARKET.token,
      epoch: 0,
      settled: amount(0n),
    };
    const { payment } = counter.state;
    expect(reconcile(payment, MARKET, lane)).toBeNull();
    expect(reconcile(payment, MARKET, { ...lane, token: `0x${"99".repeat(20)}`, epoch: 4 })).toBeNull();
    await counter.observe([closed()]);
    expect(reconcile(payment, MARKET, { ...lane, settled: amount(9n) })).toBeNull();
  });
});
