/** Failure test 10: a gateway that takes money and gives nothing gets no more than its buyer has meant to risk. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { chainLanes } from "../../../devices/robot/chain-lanes.ts";
import type { RobotEvent } from "../../../devices/robot/events.ts";
import { connect, type Robot } from "../../../devices/robot/robot.ts";
import { fromHex, type Hex, toHex } from "../../../src/base/bytes.ts";
import { instant } from "../../../src/base/clock.ts";
import { amount } from "../../../src/base/money.ts";
import type { Outgoing } from "../../../src/exchange/outbox.ts";
import { addressOfKey, randomKey } from "../../../src/kernels/signature.ts";
import { DEFAULT_RULES } from "../../../src/market/rules.ts";
import { keySigner, type Signer } from "../../../src/protocol/signer.ts";
import { acceptDigest, bidDigest, resultDigest } from "../../../src/protocol/typed-data.ts";
import type { Call } from "../../../src/settlement/chain.ts";
import { finalizeClose, requestCloseWithSig, withdrawWithSig } from "../../../src/settlement/vault-calls.ts";
import { ManualClock } from "../../devices/robot/manual-clock.ts";
import { echoModule, UNIT_RATE } from "../../devices/robot/run-terms.ts";
import { hash32, laneSeen, RULES } from "../../exchange/stage.ts";
import { type Actor, startWorld, type World } from "../../settlement/world.ts";
import { Hub, MAKER } from "./hub.ts";

const DEPOSIT = 10_000n;
const PRICE = amount(1_000n);
/** What the buyer's owner is ready to lose to a gateway. */
const LIMIT = amount(4_500n);
const FEE = amount(7n);
/** Of the lane that a plain deposit opens. */
const WINDOW_SECONDS = 86_400;
/** A task's deadline, and how long after it a robot gives up. */
const OVERDUE_MS = 121_000;

/** All that a buyer gets for its money, and all that a seller does. */
const EVERYTHING: readonly Outgoing["topic"][] = [
  "announce",
  "award",
  "payment",
  "receipt",
  "answer",
  "invoice",
];

let world: World;
let thief: Actor;
let stranger: Actor;
let hub: Hub;
let robot: Robot;
let buyer: Signer;
let clock: ManualClock;
/** What the gateway keeps to itself. */
let withheld: readonly Outgoing["topic"][];
const events: RobotEvent[] = [];

beforeEach(async () => {
  world = await startWorld();
  [thief, stranger] = world.others as [Actor, Actor];
  const key = randomKey();
  buyer = keySigner(key);
  clock = new ManualClock(Date.now());
  withheld = EVERYTHING;
  const { chainId, vault, token, local, owner } = world;
  const market = { chainId, vault, token, gateway: addressOfKey(fromHex(thief.privateKey)) };
  await world.send(owner, token, "mint", [owner.address, DEPOSIT]);
  await world.send(owner, token, "approve", [vault, DEPOSIT]);
  await world.send(owner, vault, "depositLane", [buyer.address, thief.address, token, DEPOSIT]);
  hub = await Hub.open({
    ...{ market, signer: keySigner(fromHex(thief.privateKey)), clock, devices: new Map([["buyer", buyer]]) },
    withholds: ({ topic }) => withheld.includes(topic),
    meter: DEFAULT_RULES.meter,
  });
  await hub.observe([
    { ...laneSeen(buyer.address, thief.address, DEPOSIT), token } as ReturnType<typeof laneSeen>,
  ]);
  const where = { broker: `mqtt://127.0.0.1:${hub.broker.port}`, manufacturer: MAKER, serialNumber: "buyer" };
  robot = await connect({
    file: { version: 1, name: "buyer", key: toHex(key), ...where, ...market },
    lanes: chainLanes({ urls: [local.url], chainId, vault, confirmations: 1 }),
    ...{ creditLimit: LIMIT, clock },
  });
  events.length = 0;
  robot.listen((event) => events.push(event));
}, 60_000);
afterEach(async () => {
  await robot.close();
  await hub.stop();
  await world.local.stop();
});

function hire(number: number): Promise<unknown> {
  const input = new TextEncoder().encode(`job ${number}`);
  return robot.hire({ firmware: echoModule(), input, fuelLimit: Number(PRICE), maxPrice: PRICE });
}

/** A call that somebody else pays the gas for. */
async function relay({ to, data }: Call): Promise<void> {
  const call = { from: stranger.address, to, data, gas: "0xf4240" };
  expect(await world.rpc("eth_sendTransactionSync", [call])).toMatchObject({ status: "0x1" });
}

/** Every voucher that the thief has been given, claimed; what it got. */
async function steal(): Promise<bigint> {
  const newest = hub.state.payment.incoming.get(buyer.address)?.newest;
  if (!newest) throw new Error("there is nothing to steal");
  const before = await world.vaultOf(thief);
  expect((await world.claim(thief, [newest])).ok).toBe(true);
  return (await world.vaultOf(thief)) - before;
}

const SELLER = keySigner(randomKey());

/** Somebody does the work, and the gateway says in its own books that it was paid. */
async function haveDone(task: Hex): Promise<void> {
  const { chainId, vault, token } = world;
  const market = { chainId, vault, token, gateway: thief.address };
  const say = { version: 1 as const, task };
  const offered = { rate: UNIT_RATE, expires: instant(clock.now() + 30_000), task };
  const by = SELLER.address;
  await hub.tell({ topic: "blobsHere", task });
  const signed = await SELLER.sign(bidDigest(market, offered));
  await hub.submit(by, "bid", { version: 1, id: `b-${task}`, ...offered, signature: signed });
  clock.advance(RULES.bidWindowMs);
  await hub.tell({ topic: "due", task });
  const award = hub.state.market.tasks.get(task)?.run?.award;
  if (!award) throw new Error("nothing was awarded");
  const accepted = await SELLER.sign(acceptDigest(market, award));
  await hub.submit(by, "accept", { ...say, id: `a-${task}`, award, signature: accepted });
  const done = { verdict: "ok" as const, output: hash32(7), outputBytes: 8, fuel: Number(PRICE) };
  const terms = { award, ...done };
  const signature = await SELLER.sign(resultDigest(market, terms));
  await hub.submit(by, "result", { ...say, id: `r-${task}`, ...terms, signature });
  await hub.tell({ topic: "inspected", task, award, passed: true, reason: "valid" });
  expect(hub.state.market.tasks.get(task)?.state).toBe("paid");
}

const refused = (code: string) =>
  expect.objectContaining({ code: "refused", facts: expect.objectContaining({ code }) });

describe("10 a malicious hub", () => {
  it("10 malicious hub: loss within the limit, detected, and an exit by a stranger's hand without gas", async () => {
    const offered = () => events.filter((event) => event.kind === "task" && event.step === "offered").length;
    const hired = [1, 2, 3, 4].map(hire);
    const ends = Promise.allSettled(hired);
    await expect.poll(offered).toBe(4);
    // the fifth would be more than its owner has meant to risk, and so is every other one
    await expect(hire(5)).rejects.toThrow(refused("exposure_limit"));
    clock.advance(OVERDUE_MS);
    for (const end of await ends)
      expect(end).toMatchObject({ status: "rejected", reason: { code: "timed_out" } });
    const overdue = events.filter((event) => event.kind === "gatewayOverdue");
    expect(overdue).toHaveLength(4);
    for (const event of overdue) expect(event).toMatchObject({ need: PRICE, exposure: 4n * PRICE });
    await expect(hire(6)).rejects.toThrow(refused("exposure_limit"));
    // from here on nobody asks the gateway
    await hub.stop();
    const deadline = (await world.now()) + 30 * WINDOW_SECONDS;
    const close = await robot.exitOrder(deadline);
    await relay(requestCloseWithSig(world.vault, close, close));
    const loss = await steal();
    expect(loss).toBe(4n * PRICE);
    expect(loss).toBeLessThanOrEqual(LIMIT);
    await world.pass(WINDOW_SECONDS);
    await relay(finalizeClose(world.vault, close));
    const safe: Hex = `0x${"5afe".repeat(10)}`;
    const rest = DEPOSIT - loss;
    const order = await robot.withdrawOrder({ amount: amount(rest - FEE), to: safe, deadline }, FEE);
    await relay(withdrawWithSig(world.vault, order, order));
    expect(await world.tokensOf(safe)).toBe(rest - FEE);
    expect(await world.vaultOf(stranger)).toBe(FEE);
    expect(await world.client.getBalance({ address: buyer.address })).toBe(0n);
    expect(await world.client.getTransactionCount({ address: buyer.address })).toBe(0);
    // what was signed before the close is void in the lane's next life
    await expect(steal()).resolves.toBe(0n);
    expect(await world.tokensOf(world.vault)).toBe(loss + FEE);
  });

  it("10 malicious hub: closing again and again what the buyer's order has closed gets nobody anything", async () => {
    const hired = hire(1).catch(() => undefined);
    await expect.poll(() => hub.state.payment.incoming.get(buyer.address)?.signed).toBe(PRICE);
    const deadline = (await world.now()) + 30 * WINDOW_SECONDS;
    const close = await robot.exitOrder(deadline);
    const call = requestCloseWithSig(world.vault, close, close);
    await relay(call);
    const again = await world.rpc("eth_sendTransactionSync", [
      { from: thief.address, to: call.to, data: call.data, gas: "0xf4240" },
    ]);
    expect(again).toMatchObject({ status: "0x0" });
    await world.pass(WINDOW_SECONDS);
    await relay(finalizeClose(world.vault, close));
    // the thief came too late for its one voucher
    expect(await steal()).toBe(0n);
    const order = await robot.withdrawOrder({ amount: amount(DEPOSIT), to: stranger.address, deadline });
    await relay(withdrawWithSig(world.vault, order, order));
    expect(await world.tokensOf(stranger.address)).toBe(DEPOSIT);
    await robot.close();
    await hired;
  });

  it("10 malicious hub: withholds the seller's voucher and the receipt: found out, and within the limit", async () => {
    withheld = ["announce", "award", "payment", "receipt"];
    const { token } = world;
    const back = laneSeen(thief.address, SELLER.address, DEPOSIT);
    await hub.observe([{ ...back, token } as typeof back]);
    const steps = () => events.filter((event) => event.kind === "task" && event.step === "offered");
    const hired: Promise<unknown>[] = [];
    for (let number = 1; number <= 4; number++) {
      hired.push(hire(number).catch(() => undefined));
      await expect.poll(() => steps().length).toBe(number);
      const step = steps().at(-1);
      if (step?.kind === "task") await haveDone(step.task);
      const missing = () => events.filter((event) => event.kind === "breached");
      await expect.poll(() => missing().length).toBe(number);
      expect(missing().at(-1)).toMatchObject({ side: "requester", breach: "receipt_missing" });
    }
    // an answer without its receipt explains nothing: all of it counts as lost
    expect(robot.wallet.exposure).toBe(4n * PRICE);
    await expect(hire(5)).rejects.toThrow(refused("exposure_limit"));
    expect(await steal()).toBe(4n * PRICE);
    await robot.close();
    await Promise.all(hired);
  });
});
