import { describe, expect, it } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import { instant } from "../../src/base/clock.ts";
import { amount } from "../../src/base/money.ts";
import { replay } from "../../src/exchange/replay.ts";
import { balanceOf, recoveryOf } from "../../src/payment/books.ts";
import { creditOf } from "../../src/payment/payment.ts";
import type { Signer } from "../../src/protocol/signer.ts";
import { voucherPayer } from "../../src/protocol/voucher.ts";
import { type Counter, openCounter, saidOf } from "./counter.ts";
import {
  accept,
  BOARD,
  bid,
  CART,
  funded,
  GATEWAY,
  laneSeen,
  MARKET,
  offer,
  offerTerms,
  ROBOT,
  taskOfOffer,
  voucherOf,
} from "./stage.ts";

const OWNER = "0x00000000000000000000000000000000000000aa" as const;

const NO_TASK: Hex = `0x${"77".repeat(16)}`;

const enrol = ({ address: device }: Signer, name: string) =>
  ({ kind: "deviceEnrolled", device, owner: OWNER, name, manufacturer: "m", serialNumber: name }) as const;

/** A task of ROBOT's that BOARD has accepted for 500. */
async function running(counter: Counter, terms: ReturnType<typeof offerTerms>): Promise<Hex> {
  const { id } = terms;
  const task = taskOfOffer(ROBOT, terms);
  await counter.send(ROBOT, "offer", await offer(ROBOT, terms));
  await counter.tell({ topic: "blobsHere", task });
  await counter.send(BOARD, "bid", await bid(BOARD, `b-${id}`, task, 500n));
  counter.clock.set(counter.clock.now() + 100);
  await counter.tell({ topic: "due", task });
  const award = counter.state.market.tasks.get(task)?.run?.award ?? NO_TASK;
  await counter.send(BOARD, "accept", await accept(BOARD, `a-${id}`, task, award));
  return task;
}

/** A task of ROBOT's that is called off under way, and paid for by then. */
async function cancelled(counter: Counter, id: string, payment: "prepaid" | "result", signed: bigint) {
  const voucher = await voucherOf(ROBOT, signed);
  const deadline = instant(counter.clock.now() + 60_000);
  const sizes = { payment, maxPrice: amount(500n), checkBudget: amount(0n), deadline };
  const terms = offerTerms(id, payment === "prepaid" ? { ...sizes, voucher } : sizes);
  const task = await running(counter, terms);
  await counter.send(ROBOT, "cancel", { version: 1, id: `c-${id}`, task });
  await counter.send(ROBOT, "voucher", { version: 1, id: `v-${id}`, voucher });
  expect(counter.refused).toEqual([]);
}

async function market(limits: Parameters<typeof openCounter>[0]): Promise<Counter> {
  const counter = openCounter(limits);
  await counter.observe(funded([ROBOT, CART, BOARD], 100_000n));
  return counter;
}

async function offers(
  counter: Counter,
  by: Signer,
  id: string,
  maxPrice: bigint,
  signed: bigint,
  deadlineMs = 60_000,
): Promise<void> {
  const voucher = await voucherOf(by, signed);
  const deadline = instant(counter.clock.now() + deadlineMs);
  const sizes = { maxPrice: amount(maxPrice), checkBudget: amount(0n), deadline };
  await counter.send(by, "offer", await offer(by, offerTerms(id, { ...sizes, voucher })));
}

const lastRefused = (counter: Counter) => counter.refused.at(-1)?.refusal.refused;

describe("a budget of the day", () => {
  it("counts what is held, gives back what was not spent, and begins anew at midnight UTC", async () => {
    const counter = await market({ limits: { devicePerDay: () => amount(1_000n) } });
    await offers(counter, ROBOT, "o-1", 600n, 600n);
    await offers(counter, ROBOT, "o-2", 401n, 1_001n);
    expect(lastRefused(counter)).toBe("budget_exceeded");
    const [first] = [...counter.state.market.tasks.keys()];
    if (!first) throw new Error("no task");
    await counter.send(ROBOT, "cancel", { version: 1, id: "c-1", task: first });
    counter.refused.length = 0;
    await offers(counter, ROBOT, "o-3", 1_000n, 1_001n);
    expect(lastRefused(counter)).toBeUndefined();
    await offers(counter, ROBOT, "o-4", 1n, 1_002n);
    expect(lastRefused(counter)).toBe("budget_exceeded");
    counter.clock.set(counter.clock.now() + 86_400_000);
    counter.refused.length = 0;
    await offers(counter, ROBOT, "o-5", 1_000n, 2_002n);
    expect(lastRefused(counter)).toBeUndefined();
  });

  it("is no larger for a hold of yesterday that comes back", async () => {
    const counter = await market({ limits: { devicePerDay: () => amount(1_000n) } });
    await offers(counter, ROBOT, "o-1", 1_000n, 1_000n, 80_000_000);
    counter.clock.set(counter.clock.now() + 15 * 3_600_000);
    await offers(counter, ROBOT, "o-2", 1_000n, 2_000n);
    const [first = NO_TASK] = [...counter.state.market.tasks.keys()];
    await counter.send(ROBOT, "cancel", { version: 1, id: "c-1", task: first });
    expect(creditOf(counter.state.payment, ROBOT.address), "it is credit again").toBe(1_000n);
    await offers(counter, ROBOT, "o-3", 1n, 2_001n);
    expect(lastRefused(counter)).toBe("budget_exceeded");
    expect(replay(counter.journal, MARKET)).toEqual(counter.state);
  });

  it("counts what a cancelled on-result task has come to, though nobody has invoiced it", async () => {
    const limits = { devicePerDay: () => amount(1_400n), onResult: amount(5_000n) };
    const counter = await market({ limits });
    await cancelled(counter, "o-1", "prepaid", 500n);
    await cancelled(counter, "o-2", "result", 1_000n);
    await offers(counter, ROBOT, "o-3", 401n, 1_401n);
    expect(lastRefused(counter)).toBe("budget_exceeded");
    counter.refused.length = 0;
    await offers(counter, ROBOT, "o-4", 400n, 1_402n);
    expect(lastRefused(counter)).toBeUndefined();
  });

  it("of an owner counts all its devices together", async () => {
    const counter = await market({ limits: { ownerPerDay: amount(1_000n) } });
    await counter.observe([enrol(ROBOT, "robot"), enrol(CART, "cart")]);
    await offers(counter, ROBOT, "o-1", 700n, 700n);
    await offers(counter, CART, "o-1", 301n, 301n);
    expect(lastRefused(counter)).toBe("budget_exceeded");
    counter.refused.length = 0;
    await offers(counter, CART, "o-2", 300n, 302n);
    expect(lastRefused(counter)).toBeUndefined();
  });

  it("of an owner counts what its other devices have under way on result", async () => {
    const counter = await market({ limits: { ownerPerDay: amount(1_500n), onResult: amount(5_000n) } });
    await counter.observe([enrol(ROBOT, "robot"), enrol(CART, "cart")]);
    await cancelled(counter, "o-1", "prepaid", 500n);
    const deadline = instant(counter.clock.now() + 60_000);
    const terms = offerTerms("o-2", {
      payment: "result",
      maxPrice: amount(500n),
      checkBudget: amount(0n),
      deadline,
    });
    await counter.send(ROBOT, "offer", await offer(ROBOT, terms));
    expect(lastRefused(counter)).toBeUndefined();
    await offers(counter, CART, "o-3", 501n, 501n);
    expect(lastRefused(counter)).toBe("budget_exceeded");
  });
});

describe("credit", () => {
  it("above ten times the largest price goes back on the lane to its device", async () => {
    const counter = await market({ limits: { credit: null } });
    await offers(counter, ROBOT, "o-1", 100n, 1_100n);
    expect(creditOf(counter.state.payment, ROBOT.address), "ten times 100 may stay").toBe(1_000n);
    counter.heard();
    await counter.send(ROBOT, "voucher", { version: 1, id: "v-1", voucher: await voucherOf(ROBOT, 1_101n) });
    const payment = saidOf(counter.heard(), "payment");
    expect(payment).toMatchObject({ task: null, role: null, amount: 1_001n });
    expect(voucherPayer(payment.voucher)).toBe(GATEWAY.address);
    expect(payment.voucher).toMatchObject({ payee: ROBOT.address, cumulative: 1_001n });
    expect(creditOf(counter.state.payment, ROBOT.address)).toBe(0n);
    expect(balanceOf(counter.state.payment.books, `out:${ROBOT.address}`)).toBe(1_001n);
    expect(replay(counter.journal, MARKET)).toEqual(counter.state);
  });

  it("of a newcomer that signs before it offers stays, until it asks for it", async () => {
    const counter = await market({ limits: { credit: null } });
    await counter.send(ROBOT, "voucher", { version: 1, id: "v-1", voucher: await voucherOf(ROBOT, 900n) });
    expect(creditOf(counter.state.payment, ROBOT.address)).toBe(900n);
    await counter.send(ROBOT, "payout", { version: 1, id: "p-1" });
    expect(saidOf(counter.heard(), "payment")).toMatchObject({ amount: 900n });
    expect(creditOf(counter.state.payment, ROBOT.address)).toBe(0n);
  });

  it("of a provider whose lane had no room for its pay goes to it as soon as there is some", async () => {
    const counter = await market({ limits: { credit: null } });
    const pays = () => counter.state.payment.outgoing.get(BOARD.address)?.signed;
    const terms = { maxPrice: amount(500n), checkBudget: amount(0n), voucher: await voucherOf(ROBOT, 500n) };
    const task = await running(counter, offerTerms("o-1", terms));
    await counter.observe([laneSeen(GATEWAY.address, BOARD.address, 0n)]);
    await counter.send(ROBOT, "cancel", { version: 1, id: "c-1", task });
    expect([pays(), creditOf(counter.state.payment, BOARD.address)]).toEqual([0n, 490n]);
    await counter.observe([laneSeen(GATEWAY.address, BOARD.address, 1_000n)]);
    await counter.tell({ topic: "payOut", device: BOARD.address, all: false });
    expect([pays(), creditOf(counter.state.payment, BOARD.address)]).toEqual([490n, 0n]);
  });

  it("waits where the lane back has no room, and goes when there is some", async () => {
    const counter = await market({ limits: { credit: amount(10n) } });
    await counter.observe([laneSeen(GATEWAY.address, ROBOT.address, 5n)]);
    await counter.send(ROBOT, "voucher", { version: 1, id: "v-1", voucher: await voucherOf(ROBOT, 50n) });
    expect(creditOf(counter.state.payment, ROBOT.address), "as far as it goes").toBe(45n);
    await counter.observe([laneSeen(GATEWAY.address, ROBOT.address, 500n)]);
    await counter.tell({ topic: "payOut", device: ROBOT.address, all: false });
    expect(creditOf(counter.state.payment, ROBOT.address)).toBe(0n);
  });
});

describe("a payout that the lane back has too little room for", () => {
  const short = async () => {
    const counter = await market({ limits: { credit: amount(10n) } });
    await counter.observe([laneSeen(GATEWAY.address, ROBOT.address, 0n)]);
    await counter.send(ROBOT, "voucher", { version: 1, id: "v-1", voucher: await voucherOf(ROBOT, 100n) });
    await counter.observe([laneSeen(GATEWAY.address, ROBOT.address, 30n)]);
    return counter;
  };
  const expectRest = ({ state }: Counter) => {
    expect(state.payment.outgoing.get(ROBOT.address)?.signed).toBe(30n);
    expect(balanceOf(state.payment.books, `out:${ROBOT.address}`)).toBe(30n);
    expect(creditOf(state.payment, ROBOT.address), "the rest is still there").toBe(70n);
  };

  it("signs that room once, whether it fell due or was asked for", async () => {
    const due = await short();
    await due.tell({ topic: "payOut", device: ROBOT.address, all: false });
    expectRest(due);
    const asked = await short();
    await asked.send(ROBOT, "payout", { version: 1, id: "p-1" });
    expectRest(asked);
  });

  it("is not made while the gateway is halted, unless somebody asks", async () => {
    const counter = await short();
    await counter.tell({ topic: "halt", reason: "restored" });
    await counter.tell({ topic: "payOut", device: ROBOT.address, all: false });
    expect(creditOf(counter.state.payment, ROBOT.address)).toBe(100n);
    await counter.tell({ topic: "payOut", device: ROBOT.address, all: true });
    expectRest(counter);
  });
});

describe("a deposit that a reorganization takes away", () => {
  it("leaves credit behind that buys nothing and is not paid out, until it is there again", async () => {
    const counter = await market({ limits: { credit: null } });
    await counter.send(ROBOT, "voucher", { version: 1, id: "v-1", voucher: await voucherOf(ROBOT, 1_000n) });
    await counter.observe([laneSeen(ROBOT.address, GATEWAY.address, 300n)]);
    const terms = { maxPrice: amount(301n), checkBudget: amount(0n) };
    await counter.send(ROBOT, "offer", await offer(ROBOT, offerTerms("o-1", terms)));
    expect(lastRefused(counter)).toBe("credit_short");
    await counter.send(ROBOT, "payout", { version: 1, id: "p-1" });
    expect(creditOf(counter.state.payment, ROBOT.address), "300 of 1,000 are there").toBe(700n);
    await counter.observe([laneSeen(ROBOT.address, GATEWAY.address, 100_000n)]);
    counter.refused.length = 0;
    await counter.send(ROBOT, "offer", await offer(ROBOT, offerTerms("o-2", terms)));
    expect(lastRefused(counter)).toBeUndefined();
  });
});

describe("a voucher that says no more than an earlier one", () => {
  it("is acknowledged without a record: what it promises is in the journal", async () => {
    const counter = await market({});
    await counter.send(ROBOT, "voucher", { version: 1, id: "v-2", voucher: await voucherOf(ROBOT, 200n) });
    const { index } = counter.journal.head();
    counter.heard();
    await counter.send(ROBOT, "voucher", { version: 1, id: "v-1", voucher: await voucherOf(ROBOT, 100n) });
    expect(saidOf(counter.heard(), "ack")).toMatchObject({ id: "v-1", journalIndex: index });
    expect(counter.journal.head().index).toBe(index);
  });

  it("stands behind the newest of its group, whose signature answers for all", async () => {
    const counter = await market({});
    const { index } = counter.journal.head();
    counter.heard();
    const vouchers = await Promise.all([100n, 300n, 200n].map((sum) => voucherOf(ROBOT, sum)));
    await Promise.all(
      vouchers.map((voucher, at) => counter.send(ROBOT, "voucher", { version: 1, id: `v-${at}`, voucher })),
    );
    expect(counter.journal.head().index).toBe(index + 1);
    expect(counter.state.payment.incoming.get(ROBOT.address)?.signed).toBe(300n);
    expect(counter.heard().filter((one) => one.topic === "ack")).toHaveLength(3);
  });

  it("counts alone where the newest of its group is forged", async () => {
    const counter = await market({});
    const good = await voucherOf(ROBOT, 100n);
    const forged = { ...(await voucherOf(CART, 300n)) };
    await Promise.all([
      counter.send(ROBOT, "voucher", { version: 1, id: "v-1", voucher: good }),
      counter.send(ROBOT, "voucher", { version: 1, id: "v-2", voucher: forged }),
    ]);
    expect(lastRefused(counter)).toBe("bad_signature");
    expect(counter.state.payment.incoming.get(ROBOT.address)?.signed).toBe(100n);
  });
});

describe("forged vouchers", () => {
  it("hold up a group for no more than 257 checks: what came with them waits for the next, and nothing is lost", async () => {
    const counter = await market({});
    counter.events.length = 0;
    const { signature } = await voucherOf(CART, 1n);
    const real = await voucherOf(ROBOT, 5n);
    const forged = Array.from({ length: 600 }, (_, at) => ({
      ...real,
      cumulative: amount(BigInt(600 - at)),
      signature,
    }));
    const behind = await offer(CART, offerTerms("o-behind", { voucher: await voucherOf(CART, 1_200n) }));
    const sent = [...forged, real].map((voucher, at) =>
      counter.send(ROBOT, "voucher", { version: 1, id: `v-${at}`, voucher }),
    );
    await Promise.all([...sent, counter.send(CART, "offer", behind)]);
    const first = counter.events.findIndex(({ what }) => what === "entries");
    const early = counter.events.slice(0, first).filter((one) => one.what === "said");
    expect(early.some(({ outgoing }) => outgoing.topic === "ack" && outgoing.to === CART.address)).toBe(true);
    const beats = counter.events.map((one) =>
      one.what === "entries" ? "|" : one.what === "said" && one.outgoing.to === ROBOT.address ? "." : "",
    );
    const said = beats
      .join("")
      .split("|")
      .map(({ length }) => length);
    expect(said).toEqual([257, 257, 87, 0]);
    expect(counter.state.payment.incoming.get(ROBOT.address)?.signed).toBe(5n);
    expect(counter.refused.length).toBe(600);
  });
});

describe("a voucher of the gateway's own, shown by its payee", () => {
  const shown = async (counter: Counter, cumulative: bigint, epoch = 0) => {
    const voucher = await voucherOf(GATEWAY, cumulative, { payee: BOARD.address, epoch });
    await counter.send(BOARD, "voucher", { version: 1, id: `s-${cumulative}-${epoch}`, voucher });
  };

  it("that the journal does not know is the floor from then on, and stops the gateway", async () => {
    const counter = await market({});
    await shown(counter, 700n);
    expect(counter.state.payment.outgoing.get(BOARD.address)?.signed).toBe(700n);
    expect(recoveryOf(counter.state.payment.books)).toBe(700n);
    expect(counter.state.halted).toContain("does not know");
    await offers(counter, ROBOT, "o-1", 100n, 100n);
    expect(lastRefused(counter)).toBe("gateway_stopped");
    await counter.send(ROBOT, "payout", { version: 1, id: "p-1" });
    expect(lastRefused(counter), "what is credit here may be spent elsewhere").toBe("gateway_stopped");
    await counter.tell({ topic: "resume", reason: "seen" });
    await offers(counter, ROBOT, "o-2", 100n, 200n);
    expect(counter.state.market.tasks.size).toBe(1);
    expect(replay(counter.journal, MARKET)).toEqual(counter.state);
  });

  it("changes nothing when it is known, or of a life of the lane that is over", async () => {
    const counter = await market({});
    await counter.observe([laneSeen(GATEWAY.address, BOARD.address, 9_000n, { epoch: 1, settled: 50n })]);
    const { index } = counter.journal.head();
    await shown(counter, 700n, 0);
    await shown(counter, 50n, 1);
    expect(counter.refused).toEqual([]);
    expect(counter.journal.head().index).toBe(index);
    expect(counter.state.halted).toBeNull();
  });
});
