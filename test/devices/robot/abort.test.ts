import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connect } from "../../../devices/robot/robot.ts";
import { amount, ZERO } from "../../../src/base/money.ts";
import { CountingClock, listeners } from "./counting-clock.ts";
import { FakeGateway } from "./fake-gateway.ts";
import { ProviderStand } from "./provider-stand.ts";
import { firmware, input, RequesterStand } from "./requester-stand.ts";

const order = { firmware, input, fuelLimit: 1_000, maxPrice: amount(1_000n) };
const CANCELLED = { state: "cancelled", verdict: null, output: null, outputBytes: 0 } as const;

describe("an order whose signal aborts", () => {
  let stand: RequesterStand;
  let clock: CountingClock;
  let stop: AbortController;
  beforeEach(async () => {
    clock = new CountingClock();
    stop = new AbortController();
    stand = await RequesterStand.start({ clock });
  });
  afterEach(() => stand.stop());

  const hire = (more = {}) => stand.robot.hire({ ...order, signal: stop.signal, ...more });
  /** Takes the offer, and answers its cancellation as said. */
  const cancels = (spent = ZERO, fuel = 0) => {
    stand.gateway.on("offer", (offer) => stand.ack(offer));
    stand.gateway.on("cancel", async ({ id, task }) => {
      const [offer] = stand.gateway.heard("offer");
      stand.gateway.ack(stand.file, id, task);
      if (offer) await stand.answer(offer, spent, { ...CANCELLED, fuel, credit: amount(1_000n - spent) });
    });
  };
  const leavesNothing = async () => {
    expect(listeners(stop.signal)).toBe(0);
    await stand.robot.close();
    expect(clock.pending).toBe(0);
  };

  it("before its offer has left is over at once, and nothing is spent, sent or forgotten of it", async () => {
    await stand.gateway.drop();
    await stand.event("disconnected");
    const hired = hire();
    await expect.poll(() => stand.robot.waiting.queued).toBe(1);
    stop.abort(new Error("never mind"));
    await expect(hired).rejects.toThrow("never mind");
    expect(stand.robot.waiting.queued).toBe(0);
    expect(stand.robot.wallet).toMatchObject({ signed: 1_000n, free: 1_000n });
    await stand.gateway.listen();
    await stand.gateway.until(() => stand.gateway.logins === 2);
    expect(stand.gateway.heard("offer")).toEqual([]);
    // what was signed for it goes with the next one, and not a unit more than it takes to prove that
    const next = stand.robot.hire(order);
    const { voucher } = await stand.gateway.nth("offer", 1);
    expect(voucher?.cumulative).toBe(1_001n);
    next.catch(() => {});
    await leavesNothing();
  });

  it("while others are at it is over at once, and is not offered when its turn comes", async () => {
    const reading = Promise.withResolvers<never>();
    reading.promise.catch(() => {});
    await stand.robot.close();
    await stand.connect({ clock, lanes: { lane: () => reading.promise } });
    const first = stand.robot.hire(order);
    const hired = hire();
    stop.abort(new Error("never mind"));
    await expect(hired).rejects.toThrow("never mind");
    reading.reject(new Error("no chain"));
    await expect(first).rejects.toThrow("no chain");
    expect(stand.robot.wallet.signed).toBe(ZERO);
    expect(stand.gateway.heard("offer")).toEqual([]);
    await leavesNothing();
  });

  it("before an award ends cancelled, with nothing spent and its bytes no longer to be had", async () => {
    cancels();
    const hired = hire();
    const offer = await stand.gateway.nth("offer", 1);
    stop.abort();
    expect(await hired).toMatchObject({ state: "cancelled", output: null, spent: ZERO, fuel: 0 });
    expect(stand.robot.wallet).toMatchObject({ free: 1_000n, exposure: 1_000n });
    const get = { version: 1, from: "gateway", hash: offer.firmware, offset: 0, length: 100 } as const;
    stand.gateway.say(stand.file, "blob-get", get);
    expect(await stand.event("ignored")).toMatchObject({ topic: "blob-get", reason: "blob_unknown" });
    await leavesNothing();
  });

  it("stops its uploads before the gateway has answered the cancellation", async () => {
    stand.gateway.on("offer", (offer) => stand.ack(offer));
    const hired = hire();
    hired.catch(() => {});
    const offer = await stand.gateway.nth("offer", 1);
    expect(await stand.gateway.pull(stand.file, offer.input, offer.inputBytes)).toEqual(input);
    stop.abort();
    await stand.gateway.nth("cancel", 1);
    const get = { version: 1, from: "gateway", hash: offer.input, offset: 0, length: 100 } as const;
    stand.gateway.say(stand.file, "blob-get", get);
    expect(await stand.event("ignored")).toMatchObject({ topic: "blob-get", reason: "blob_unknown" });
  });

  it("after a provider has accepted costs the whole fuel limit, and says so", async () => {
    cancels(amount(1_000n), order.fuelLimit);
    const hired = hire();
    await stand.gateway.nth("offer", 1);
    stop.abort();
    const bill = { state: "cancelled", output: null, spent: 1_000n, fuel: order.fuelLimit };
    expect(await hired).toMatchObject(bill);
    expect(stand.robot.wallet).toMatchObject({ signed: 1_000n, free: 0n, exposure: 0n });
    await leavesNothing();
  });

  it("while its output is on the way gives the bill without it", async () => {
    stand.gateway.on("offer", async (offer) => {
      stand.ack(offer);
      await stand.answer(offer, amount(10n));
    });
    stand.gateway.on("blob-get", () => stop.abort());
    expect(await hire()).toMatchObject({ state: "paid", spent: 10n, output: null });
    await leavesNothing();
  });

  it("leaves nothing behind either when it never does", async () => {
    stand.gateway.on("offer", async (offer) => {
      stand.ack(offer);
      await stand.answer(offer, amount(10n));
    });
    await hire();
    expect(listeners(stop.signal)).toBe(0);
    expect(clock.pending).toBe(0);
  });
});

describe("a robot whose signal aborts", () => {
  it("closes, and has let go of the signal however it was closed", async () => {
    const gateway = await FakeGateway.start();
    const clock = new CountingClock();
    const [one, other] = [new AbortController(), new AbortController()];
    const common = { file: gateway.enroll("r1"), lanes: "trustGateway", clock } as const;
    const robot = await connect({ ...common, signal: one.signal });
    expect(listeners(one.signal)).toBe(1);
    await robot.close();
    expect(listeners(one.signal)).toBe(0);
    const again = await connect({ ...common, signal: other.signal });
    const ended = expect(again.hire(order)).rejects.toMatchObject({ code: "link_lost" });
    other.abort();
    await ended;
    expect(listeners(other.signal)).toBe(0);
    await gateway.until(
      () => gateway.heard("connection").filter(({ state }) => state === "OFFLINE").length === 2,
    );
    await again.close();
    await expect.poll(() => clock.pending).toBe(0);
    await gateway.drop();
  });
});

describe("a provider whose signal aborts", () => {
  it("bids on nothing more, hands over what is under way, and lets go of the signal", async () => {
    const running = Promise.withResolvers<void>();
    const finish = Promise.withResolvers<void>();
    const stand = await ProviderStand.start({
      run: async () => {
        running.resolve();
        await finish.promise;
        return { verdict: "ok", output: new Uint8Array([7]), fuel: 3, reason: "", wallMs: 1 };
      },
    });
    const stop = new AbortController();
    stand.ackAll();
    const serving = stand.serve({ signal: stop.signal });
    await stand.give();
    await running.promise;
    stop.abort();
    expect(serving.isStopped).toBe(true);
    expect(listeners(stop.signal)).toBe(0);
    stand.announce({ task: `0x${"78".repeat(16)}` });
    finish.resolve();
    expect(await stand.gateway.nth("result", 1)).toMatchObject({ verdict: "ok", fuel: 3 });
    await serving.stop();
    expect(stand.gateway.heard("bid")).toEqual([]);
    await stand.stop();
  });

  it("lets go of it too when it is stopped before, or its robot closed", async () => {
    const stand = await ProviderStand.start({ run: () => Promise.reject(new Error("not run")) });
    const [one, other] = [new AbortController(), new AbortController()];
    const serving = stand.serve({ signal: one.signal });
    expect(listeners(one.signal)).toBe(1);
    await serving.stop();
    expect(listeners(one.signal)).toBe(0);
    stand.serve({ signal: other.signal });
    await stand.stop();
    expect(listeners(other.signal)).toBe(0);
  });
});
