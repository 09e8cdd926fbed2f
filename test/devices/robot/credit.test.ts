import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Fault } from "../../../src/base/fault.ts";
import { amount, ZERO } from "../../../src/base/money.ts";
import { voucherDigest, voucherPayer } from "../../../src/protocol/voucher.ts";
import { FakeLanes } from "./fake-lanes.ts";
import { ManualClock } from "./manual-clock.ts";
import { firmware, input, output, RequesterStand } from "./requester-stand.ts";

const maxPrice = amount(1_000n);
const order = { firmware, input, fuelLimit: 10_000, maxPrice };

describe("a requester that reads its lane", () => {
  let lanes: FakeLanes;
  let stand: RequesterStand;
  beforeEach(async () => {
    lanes = new FakeLanes();
    stand = await RequesterStand.start({ lanes });
  });
  afterEach(() => stand.stop());
  const refusedWith = (code: string) => ({ code: "refused", facts: { code } });

  it("signs no more than the chain shows deposited, whatever the gateway says", async () => {
    lanes.show({ deposit: amount(999n) });
    await expect(stand.robot.hire(order)).rejects.toMatchObject(refusedWith("voucher_over_deposit"));
    stand.gateway.lane = { ...stand.gateway.lane, deposit: amount(500n) };
    lanes.show({ deposit: amount(5_000n) });
    stand.gateway.tellAgain(stand.file);
    stand.gateway.cut();
    await stand.gateway.until(() => stand.gateway.logins === 2);
    await stand.gateway.nth("factsheet", 2);
    await stand.event("disconnected");
    while (!stand.robot.isUp) await new Promise((done) => setImmediate(done));
    await expect(stand.robot.hire(order)).rejects.toMatchObject(refusedWith("voucher_over_deposit"));
    expect(stand.gateway.heard("offer")).toEqual([]);
    expect(stand.robot.wallet.signed).toBe(ZERO);
  });

  it("offers nothing on a lane that is closing, or in another life than the gateway names", async () => {
    lanes.show({ closeAt: 2_000_000_000 });
    await expect(stand.robot.hire(order)).rejects.toMatchObject(refusedWith("lane_closing"));
    lanes.show({ closeAt: 0, epoch: 2 });
    stand.gateway.tellAgain(stand.file);
    while (stand.robot.terms === null || lanes.reads < 2) {
      await stand.robot.hire(order).catch(() => {});
      await new Promise((done) => setImmediate(done));
    }
    await expect(stand.robot.hire(order)).rejects.toMatchObject(refusedWith("voucher_wrong_epoch"));
    expect(stand.gateway.heard("offer")).toEqual([]);
  });

  it("offers nothing while nobody can tell", async () => {
    lanes.fault = new Fault("chain_unreachable", "no node");
    await expect(stand.robot.hire(order)).rejects.toMatchObject({ code: "chain_unreachable" });
    expect(stand.robot.wallet.signed).toBe(ZERO);
  });

  it("begins above what has been claimed, though file and gateway have forgotten it", async () => {
    lanes.show({ settled: amount(40_000n) });
    stand.gateway.on("offer", (offer) => stand.answer(offer, maxPrice));
    await stand.robot.hire(order);
    expect((await stand.gateway.nth("offer", 1)).voucher?.cumulative).toBe(41_000n);
    expect(stand.robot.wallet.exposure).toBe(0n);
  });

  it("reads a lane once in a few seconds, and anew when the terms change", async () => {
    stand.gateway.on("offer", (offer) => stand.answer(offer, maxPrice));
    await stand.robot.hire(order);
    await stand.robot.hire(order);
    expect(lanes.reads).toBe(1);
    stand.gateway.lane = { ...stand.gateway.lane, deposit: amount(2_000_000n) };
    stand.gateway.tellAgain(stand.file);
    while (stand.robot.terms?.lane.deposit !== 2_000_000n) await new Promise((done) => setImmediate(done));
    await stand.robot.hire(order);
    expect(lanes.reads).toBe(2);
  });
});

describe("a requester that takes the gateway's word", () => {
  it("offers nothing on a lane that the gateway says is closing", async () => {
    const stand = await RequesterStand.start();
    stand.gateway.lane = { ...stand.gateway.lane, closeAt: 2_000_000_000 };
    stand.gateway.tellAgain(stand.file);
    while (stand.robot.terms?.lane.closeAt === 0) await new Promise((done) => setImmediate(done));
    const facts = { code: "lane_closing" };
    await expect(stand.robot.hire(order)).rejects.toMatchObject({ code: "refused", facts });
    await stand.stop();
  });
});

describe("a gateway that takes the money and does not answer", () => {
  let folder: string;
  let walletPath: string;
  let clock: ManualClock;
  let stand: RequesterStand;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "wallet-"));
    walletPath = join(folder, "wallet.json");
    clock = new ManualClock(Date.now());
    stand = await RequesterStand.start({ walletPath, clock, creditLimit: amount(3_500n) });
  });
  afterEach(async () => {
    await stand.stop();
    rmSync(folder, { recursive: true });
  });
  const exposureLimit = { code: "refused", facts: { code: "exposure_limit", limit: 3_500n } };
  /** Hires three times at a gateway that acks and says nothing more. */
  const rob = async () => {
    stand.gateway.on("offer", (offer) => stand.ack(offer));
    const hired = [1, 2, 3].map((n) =>
      stand.robot.hire({ ...order, input: new Uint8Array([n]) }).catch((error: unknown) => error),
    );
    await stand.gateway.nth("offer", 3);
    while (stand.events.filter((event) => event.kind === "task").length < 3)
      await new Promise((done) => setImmediate(done));
    clock.advance(120_000);
    stand.gateway.ahead = 120_000;
    return await Promise.all(hired);
  };

  it("gets no more than the limit, whatever it says at its next logins", async () => {
    expect(await rob()).toMatchObject([{ code: "timed_out" }, { code: "timed_out" }, { code: "timed_out" }]);
    const overdue = stand.events.filter((event) => event.kind === "gatewayOverdue");
    expect(overdue).toMatchObject([1, 2, 3].map(() => ({ need: 1_000n, exposure: 3_000n })));
    await expect(stand.robot.hire(order)).rejects.toMatchObject(exposureLimit);
    const newest = (await stand.gateway.nth("offer", 3)).voucher ?? null;
    stand.gateway.lane = { ...stand.gateway.lane, signed: amount(3_000n), voucher: newest };
    stand.gateway.cut();
    await stand.event("disconnected");
    // the session ends in this turn of the loop and then waits out its back-off, of at most 50 ms
    await new Promise((done) => setImmediate(done));
    clock.advance(50);
    while (!stand.robot.isUp) await new Promise((done) => setImmediate(done));
    await expect(stand.robot.hire(order)).rejects.toMatchObject(exposureLimit);
    expect(stand.robot.wallet).toMatchObject({ signed: 3_000n, exposure: 3_000n });
  });

  it("is held to it after the device has been restarted, until it answers", async () => {
    await rob();
    const [first] = stand.gateway.heard("offer");
    while (stand.robot.wallet.offers.size < 3) await new Promise((done) => setImmediate(done));
    await stand.robot.close();
    const voucher = stand.gateway.heard("offer").at(-1)?.voucher ?? null;
    stand.gateway.lane = { ...stand.gateway.lane, signed: amount(3_000n), voucher };
    await stand.connect({ walletPath, clock, creditLimit: amount(3_500n) });
    expect(stand.robot.wallet.exposure).toBe(3_000n);
    await expect(stand.robot.hire(order)).rejects.toMatchObject(exposureLimit);
    // It asks again, byte for byte; and an answer makes room.
    const again = await stand.gateway.nth("offer", 6);
    expect(stand.gateway.heard("offer").slice(3)).toContainEqual(first);
    await stand.answer(again, amount(600n));
    while (stand.robot.wallet.exposure > 2_400n) await new Promise((done) => setImmediate(done));
    const hired = stand.robot.hire(order);
    const last = await stand.gateway.nth("offer", 7);
    await stand.answer(last, maxPrice);
    expect(await hired).toMatchObject({ state: "paid", output });
  });

  it("may always be given one offer, unless the limit says otherwise", async () => {
    const large = { ...order, checkBudget: amount(50_000n) };
    await expect(stand.robot.hire(large)).rejects.toMatchObject(exposureLimit);
    await stand.robot.close();
    await stand.connect();
    stand.gateway.on("offer", (offer) => stand.ack(offer));
    const hired = stand.robot.hire(large).catch((error: unknown) => error);
    expect((await stand.gateway.nth("offer", 1)).voucher?.cumulative).toBe(51_000n);
    const second = stand.robot.hire(order);
    await expect(second).rejects.toMatchObject({ facts: { code: "exposure_limit", limit: 10_000n } });
    await stand.robot.close();
    expect(await hired).toMatchObject({ code: "link_lost" });
  });

  it("is told of when it answers without a receipt, and that money stays in doubt", async () => {
    stand.gateway.on("offer", (offer) => stand.answer(offer, maxPrice, {}, false));
    await stand.robot.hire(order);
    expect(await stand.event("breached")).toMatchObject({ side: "requester", breach: "receipt_missing" });
    expect(stand.robot.wallet.exposure).toBe(1_000n);
  });

  it("can be left through anybody, without it", async () => {
    await rob();
    const order = await stand.robot.exitOrder(1_900_000_000, amount(5n));
    expect(order).toMatchObject({
      ...{ payer: stand.robot.address, payee: stand.gateway.market.gateway, epoch: 1 },
      ...{ token: stand.gateway.market.token, deadline: 1_900_000_000, fee: 5n },
    });
  });
});

describe("a payout", () => {
  let clock: ManualClock;
  let stand: RequesterStand;
  beforeEach(async () => {
    clock = new ManualClock(Date.now());
    stand = await RequesterStand.start({ clock });
    stand.gateway.on("offer", (offer) => stand.answer(offer, amount(300n), { credit: amount(700n) }));
    await stand.robot.hire(order);
  });
  afterEach(() => stand.stop());
  const pay = async (sum: bigint, cumulative = sum) => {
    const voucher = await stand.gateway.voucher(stand.robot.address, amount(cumulative));
    const task = { task: null, role: null };
    stand.gateway.say(stand.file, "payment", { version: 1, ...task, amount: amount(sum), voucher });
  };

  it("gives the credit back, and tells how much it was", async () => {
    expect(stand.robot.wallet).toMatchObject({ free: 700n, exposure: 700n });
    stand.gateway.on("payout", ({ id }) => {
      stand.gateway.ack(stand.file, id);
      return pay(700n);
    });
    expect(await Promise.all([stand.robot.payout(), stand.robot.payout()])).toEqual([700n, 700n]);
    expect(stand.gateway.heard("payout").length).toBe(1);
    expect(stand.robot.wallet).toMatchObject({ free: 0n, exposure: 0n, signed: 1_000n });
    await stand.robot.hire(order);
    expect(stand.gateway.heard("offer").at(-1)?.voucher?.cumulative).toBe(2_000n);
  });

  it("may be a part of it, or come unasked", async () => {
    await pay(200n);
    await stand.event("payment");
    while (stand.robot.wallet.free > 500n) await new Promise((done) => setImmediate(done));
    stand.gateway.on("payout", ({ id }) => {
      stand.gateway.ack(stand.file, id);
      return pay(100n, 300n);
    });
    expect(await stand.robot.payout()).toBe(100n);
    expect(stand.robot.wallet).toMatchObject({ free: 400n, exposure: 400n });
  });

  it("counts only as far as its voucher grows", async () => {
    await pay(200n, 100n);
    expect(await stand.event("ignored")).toMatchObject({ topic: "payment", reason: "underpaid" });
    expect(stand.robot.wallet).toMatchObject({ free: 700n, exposure: 700n });
  });

  it("is found in the newest voucher when its payment went with a lost session", async () => {
    const asked = stand.robot.payout();
    const { id } = await stand.gateway.nth("payout", 1);
    const voucher = await stand.gateway.voucher(stand.robot.address, amount(700n));
    const shown = { task: null, role: null, amount: ZERO, voucher };
    stand.gateway.say(stand.file, "payment", { version: 1, ...shown });
    await stand.event("payment");
    stand.gateway.ack(stand.file, id);
    // behind the ack, so that it has been heard
    stand.gateway.say(stand.file, "invoice", await stand.invoice(await stand.gateway.nth("offer", 1), ZERO));
    await stand.event("ignored");
    clock.advance(2_000);
    expect(await asked).toBe(700n);
    expect(stand.robot.wallet).toMatchObject({ free: 0n, exposure: 0n });
  });

  it("fails with the gateway's reason, and when none comes in a minute", async () => {
    stand.gateway.on("payout", ({ id }) => stand.refuse(id, "hub_capacity"));
    const refused = { code: "refused", facts: { code: "hub_capacity" } };
    await expect(stand.robot.payout()).rejects.toMatchObject(refused);
    expect(stand.robot.wallet.free).toBe(700n);
    stand.gateway.on("payout", ({ id }) => stand.refuse(id, "no_credit"));
    await expect(stand.robot.payout()).rejects.toMatchObject({ facts: { code: "no_credit" } });
    expect(stand.robot.wallet.free).toBe(ZERO);
    stand.gateway.on("payout", () => {});
    const late = expect(stand.robot.payout()).rejects.toMatchObject({ code: "timed_out" });
    await stand.gateway.nth("payout", 3);
    clock.advance(60_000);
    await late;
  });

  it("is asked for when more credit is left than may be with the gateway, once a minute", async () => {
    stand.gateway.on("payout", ({ id }) => stand.refuse(id, "hub_capacity"));
    stand.gateway.on("offer", (offer) => stand.answer(offer, amount(1n), { credit: amount(10_001n) }));
    await stand.robot.hire(order);
    await stand.gateway.nth("payout", 1);
    await stand.event("fault");
    await stand.robot.hire(order);
    expect(stand.gateway.heard("payout").length).toBe(1);
    clock.advance(60_000);
    await stand.robot.hire(order);
    await stand.gateway.nth("payout", 2);
  });
});

describe("a gateway that has lost its disk", () => {
  it("is shown its own newest voucher, at each login until it knows", async () => {
    const stand = await RequesterStand.start();
    const { gateway, file } = stand;
    gateway.on("voucher", ({ id }) => gateway.ack(file, id));
    const voucher = await gateway.voucher(stand.robot.address, amount(900n));
    const said = { task: null, role: null, amount: ZERO, voucher };
    gateway.say(file, "payment", { version: 1, ...said });
    await stand.event("payment");
    gateway.reverse = { ...gateway.reverse, signed: amount(899n) };
    gateway.cut();
    const shown = await gateway.nth("voucher", 1);
    expect(shown.voucher).toEqual(voucher);
    expect(voucherPayer(shown.voucher)).toBe(gateway.market.gateway);
    gateway.reverse = { ...gateway.reverse, epoch: 0, signed: amount(5_000n) };
    gateway.cut();
    expect((await gateway.nth("voucher", 2)).voucher).toEqual(voucher);
    await gateway.nth("factsheet", 3);
    gateway.reverse = { ...gateway.reverse, epoch: 1, signed: amount(900n) };
    gateway.cut();
    await gateway.nth("factsheet", 4);
    gateway.reverse = { ...gateway.reverse, epoch: 2, signed: ZERO };
    gateway.cut();
    await gateway.nth("factsheet", 5);
    // what is said at a login is heard before what is said in answer to this
    const echo = { version: 1, from: "gateway", hash: `0x${"00".repeat(32)}`, offset: 0, length: 1 } as const;
    gateway.say(file, "blob-get", echo);
    await stand.event("ignored");
    expect(gateway.heard("voucher").length).toBe(2);
    expect(voucherDigest(shown.voucher)).toBe(voucherDigest(voucher));
    await stand.stop();
  });
});
