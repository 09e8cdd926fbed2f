/** Work that is paid for when it is done: invoices, restarts in between, cancellations, and a payer that leaves. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Order } from "../../../devices/robot/order.ts";
import type { Robot } from "../../../devices/robot/robot.ts";
import { balanceOf } from "../../../src/payment/books.ts";
import { creditOf, owedBy } from "../../../src/payment/payment.ts";
import { PRICE, planJob, WholeMarket } from "../../stories/whole-market.ts";
import { Backstage, expectChainAgrees, expectConserved, LANE_DEPOSIT, quick, received } from "./backstage.ts";
import { Gate } from "./gate.ts";

/** What a run costs, and what of it its provider gets. */
const ASKS = 500n;
const GETS = 490n;

let market: WholeMarket;
let stage: Backstage;
let buyer: Robot;
let walletPath: string;
/** Closed, the buyer pays nothing: it cannot see its lane. */
let purse: Gate;
/** What was paid into the buyer's lane for it to look again. */
let pennies: bigint;

beforeEach(async () => {
  market = await WholeMarket.open((config) => {
    quick(config);
    config.limits.on_result = "1.00";
    config.market.accept_ms = 60_000;
  });
  stage = new Backstage(market);
  purse = new Gate();
  pennies = 0n;
  walletPath = join(stage.folder(), "buyer.wallet.json");
  buyer = await openBuyer();
});
afterEach(() => market.close());

function openBuyer(): Promise<Robot> {
  return market.robot("buyer", false, { walletPath, lanes: purse.reader(market.lanes()) });
}

function hire(number: number, more: Partial<Order> = {}, robot: Robot = buyer) {
  const order = { ...planJob(number), maxPrice: PRICE };
  return robot.hire({ ...order, payment: "result", ...more });
}

/** The buyer's second process: its first one makes no offer while a payment is under way. */
function openOther(): Promise<Robot> {
  return market.robot("buyer", false, { slot: "1" });
}

/** Two tasks paid in advance, and what they have left over given back. */
async function makeHistory(): Promise<void> {
  for (const number of [101, 102]) expect((await hire(number, { payment: "prepaid" })).spent).toBe(ASKS);
  expect(await buyer.payout()).toBe(ASKS);
}

/** What the buyer has read of its lane counts no longer once its deposit grows; and it is not told again. */
async function shutPurse(): Promise<void> {
  purse.close();
  pennies += 1n;
  await stage.depositLane(buyer.address, market.world.gateway, 1n);
  await expect.poll(() => buyer.terms?.lane.deposit, { timeout: 20_000 }).toBe(LANE_DEPOSIT + pennies);
}

async function restartGateway(): Promise<void> {
  const { port } = market.gateway;
  await market.gateway.stop();
  market.gateway = await market.startGateway(port);
}

function owed(): bigint {
  return owedBy(market.gateway.state.payment, buyer.address);
}

function signed(): bigint | undefined {
  return market.gateway.state.payment.incoming.get(buyer.address)?.signed;
}

async function happened(kind: "invoiced" | "paid" | "accepted" | "awarded" | "ended", times: number) {
  await expect.poll(() => market.of(kind).length, { timeout: 20_000 }).toBe(times);
}

/** Everything that was signed is on the chain, and everybody has what they earned. */
async function expectSettled(providers: readonly Robot[]): Promise<void> {
  const { gateway, world } = market;
  await gateway.settle();
  await expectChainAgrees(gateway.state, gateway.market, stage.chain);
  for (const robot of providers) expect(await stage.vaultOf(robot.address)).toBe(received(robot));
  const lane = await stage.lane(buyer.address, world.gateway);
  const incoming = balanceOf(gateway.state.payment.books, `in:${buyer.address}`);
  expect(lane).toMatchObject({ settled: incoming, deposit: LANE_DEPOSIT + pennies });
  expect(market.broken).toEqual([]);
}

describe("payment on result", { timeout: 90_000 }, () => {
  it("is for those who have paid before, and survives restarts on either side of the voucher", async () => {
    const first = await market.provider("first", ASKS);
    await expect(hire(1)).rejects.toMatchObject({ facts: { code: "exposure_limit" } });
    await makeHistory();

    // the invoice is paid without anybody being asked
    const plain = await hire(2);
    expect(plain).toMatchObject({ state: "paid", spent: ASKS, credit: 0n, provider: first.address });
    expect(plain.invoice).toMatchObject({ price: ASKS, provider: first.address });
    expect(plain.output?.length).toBeGreaterThan(0);

    // the gateway is restarted between invoice and voucher; the provider has its money all the while
    await shutPurse();
    const late = hire(3);
    await happened("invoiced", 2);
    await expect.poll(() => received(first)).toBe(4n * GETS);
    expect(owed()).toBe(ASKS);
    const other = await openOther();
    await expect(hire(4, {}, other)).rejects.toMatchObject({ facts: { code: "payment_due" } });
    await other.close();
    await restartGateway();
    expect(owed()).toBe(ASKS);
    purse.open();
    expect(await late).toMatchObject({ state: "paid", spent: ASKS });
    expect(owed()).toBe(0n);

    // the requester is restarted between signing and sending
    await shutPurse();
    const lost = hire(5);
    const ended = expect(lost).rejects.toMatchObject({ code: "link_lost" });
    await happened("invoiced", 3);
    const before = buyer.wallet.signed;
    const { port } = market.gateway;
    await market.gateway.stop();
    purse.open();
    await expect.poll(() => savedTotal()).toBe(before + ASKS);
    await buyer.close();
    await ended;
    market.gateway = await market.startGateway(port);
    expect(owed()).toBe(ASKS);
    buyer = await openBuyer();
    await happened("paid", 5);
    expect(owed()).toBe(0n);
    expect([buyer.wallet.signed, signed()]).toEqual([before + ASKS, before + ASKS]);
    await expect.poll(() => buyer.wallet.offers.size).toBe(0);

    expect((await hire(6)).state).toBe("paid");
    expect(market.of("paid").map(({ price }) => price)).toEqual(Array(6).fill(ASKS));
    await expect.poll(() => received(first)).toBe(6n * GETS);
    await expectSettled([first]);
    expect(await stage.vaultOf(buyer.address)).toBe(ASKS);
  });

  it("pays whoever had begun when it is cancelled", async () => {
    const gate = new Gate();
    const executor = await market.executor();
    const first = await market.provider("first", ASKS, gate.runs(executor));
    await makeHistory();
    gate.close();
    const cancel = new AbortController();
    const answer = hire(1, { signal: cancel.signal });
    await happened("accepted", 3);
    cancel.abort();
    expect(await answer).toMatchObject({ state: "cancelled", spent: ASKS, output: null });
    await expect.poll(() => received(first)).toBe(3n * GETS);
    await expect.poll(() => owed()).toBe(0n);
    expect(market.of("debtPaid").map(({ amount }) => amount)).toEqual([ASKS]);
    expect(signed()).toBe(1_500n + ASKS);
    gate.open();
    expect((await hire(2)).state).toBe("paid");
    await expect.poll(() => received(first)).toBe(4n * GETS);
    expect(creditOf(market.gateway.state.payment, buyer.address)).toBe(0n);
    await expect.poll(() => buyer.wallet.offers.size).toBe(0);
    await expectSettled([first]);
  });

  it("of a payer that leaves: what nobody has begun is cancelled, what is done is paid and claimed at once", async () => {
    const inFirst = new Gate();
    const lanes = inFirst.reader(market.lanes());
    const executor = await market.executor();
    const first = await market.provider("first", ASKS, executor, 4, { lanes });
    await makeHistory();
    inFirst.close();
    const idle = hire(1, { maxPrice: ASKS as typeof PRICE });
    await happened("awarded", 3);
    const second = await market.provider("second", 400n, executor);
    await shutPurse();
    const done = hire(2, { maxPrice: ASKS as typeof PRICE });
    await happened("invoiced", 1);
    // the first one's purse is shut, also for the order to close
    const other = await openOther();
    await stage.requestClose(other);
    expect(await idle).toMatchObject({ state: "cancelled", spent: 0n, output: null });
    expect(market.of("ended").map(({ reason }) => reason)).toEqual(["its requester's lane is closing"]);
    await expect(hire(3, {}, other)).rejects.toMatchObject({ facts: { code: "lane_closing" } });
    expect(owed()).toBe(400n);
    purse.open();
    expect(await done).toMatchObject({ state: "paid", spent: 400n, provider: second.address });
    expect(owed()).toBe(0n);
    await expect
      .poll(async () => (await stage.lane(buyer.address, market.world.gateway)).settled, { timeout: 20_000 })
      .toBe(buyer.wallet.signed);
    inFirst.open();
    expectConserved(market.gateway.state);
    await expectSettled([first, second]);
  });
});

/** What the buyer's wallet file says that it has signed. */
function savedTotal(): bigint {
  return BigInt((JSON.parse(readFileSync(walletPath, "utf8")) as { signed: string }).signed);
}
