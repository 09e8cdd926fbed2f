import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { amount, ZERO } from "../../../src/base/money.ts";
import { ManualClock } from "./manual-clock.ts";
import { firmware, input, RequesterStand } from "./requester-stand.ts";

const order = { firmware, input, fuelLimit: 1_000, maxPrice: amount(1_000n) };
const FULL = { code: "queue_full", remedy: "retry" };

describe("a robot without a session", () => {
  let stand: RequesterStand;
  const open = async (queue: { commands?: number; bytes?: number; uploads?: number }) => {
    stand = await RequesterStand.start({ queue });
  };
  beforeEach(() => open({ commands: 3 }));
  afterEach(() => stand.stop());

  /** Cuts the link, for as long as the gateway is not there again. */
  const away = async () => {
    await stand.gateway.drop();
    await stand.event("disconnected");
  };
  const queued = (count: number) => expect.poll(() => stand.robot.waiting.queued).toBe(count);

  it("keeps orders to the cap, signs nothing for one more, and offers all it kept when the gateway is back", async () => {
    await away();
    const hired = Array.from({ length: 3 }, () => stand.robot.hire(order));
    await queued(3);
    const { signed, exposure } = stand.robot.wallet;
    expect(signed).toBe(3_000n);
    await expect(stand.robot.hire(order)).rejects.toMatchObject(FULL);
    await expect(stand.robot.payout()).rejects.toMatchObject(FULL);
    expect(stand.robot.wallet).toMatchObject({ signed, exposure });
    expect(stand.robot.waiting).toMatchObject({ queued: 3, sent: 0 });
    stand.gateway.on("offer", async (offer) => {
      stand.ack(offer);
      await stand.answer(offer, amount(10n));
    });
    await stand.gateway.listen();
    expect((await Promise.all(hired)).map(({ state }) => state)).toEqual(["paid", "paid", "paid"]);
    expect(stand.robot.waiting).toEqual({ queued: 0, sent: 0, bytes: 0 });
    expect((await stand.robot.hire(order)).state).toBe("paid");
  });

  it("says at once that it is full, before orders of the same moment are signed", async () => {
    await away();
    const hired = Array.from({ length: 5 }, () => stand.robot.hire(order));
    const [, , , fourth, fifth] = hired;
    await expect(fourth).rejects.toMatchObject(FULL);
    await expect(fifth).rejects.toMatchObject(FULL);
    for (const one of hired) one.catch(() => {});
    await queued(3);
    expect(stand.robot.wallet.signed).toBe(3_000n);
  });

  it("takes back an offer that has not left by its deadline, and its place and its money with it", async () => {
    await stand.stop();
    const clock = new ManualClock(Date.now());
    stand = await RequesterStand.start({ queue: { commands: 1 }, clock });
    await away();
    const late = expect(stand.robot.hire(order)).rejects.toMatchObject({ code: "timed_out" });
    await queued(1);
    clock.advance(120_001);
    await late;
    expect(stand.robot.waiting).toEqual({ queued: 0, sent: 0, bytes: 0 });
    expect(stand.robot.wallet).toMatchObject({ signed: 1_000n, free: 1_000n });
    stand.robot.hire(order).catch(() => {});
    await queued(1);
  });

  it("counts the bytes of what waits", async () => {
    await stand.stop();
    await open({ bytes: 4_096 });
    await away();
    const hired = [stand.robot.hire(order)];
    await queued(1);
    while (stand.robot.waiting.bytes + 2_048 <= 4_096) {
      const before = stand.robot.waiting.queued;
      hired.push(stand.robot.hire(order));
      await queued(before + 1);
    }
    await expect(stand.robot.hire(order)).rejects.toMatchObject(FULL);
    expect(stand.robot.wallet.signed).toBe(1_000n * BigInt(hired.length));
    for (const one of hired) one.catch(() => {});
  });

  it("counts the bytes that are held for the gateway once, whoever names them", async () => {
    await stand.stop();
    await open({ uploads: firmware.length + input.length });
    await away();
    const hired = [stand.robot.hire(order), stand.robot.hire(order)];
    await queued(2);
    const { signed } = stand.robot.wallet;
    const other = stand.robot.hire({ ...order, input: new Uint8Array([1]) });
    await expect(other).rejects.toMatchObject(FULL);
    expect(stand.robot.wallet.signed).toBe(signed);
    for (const one of hired) one.catch(() => {});
  });

  it("has room for a debt when it is full of offers", async () => {
    await stand.stop();
    await open({ commands: 1 });
    stand.gateway.on("offer", (offer) => stand.ack(offer));
    const hired = stand.robot.hire({ ...order, payment: "result" });
    const offer = await stand.gateway.nth("offer", 1);
    await expect.poll(() => stand.robot.waiting).toEqual({ queued: 0, sent: 0, bytes: 0 });
    stand.gateway.on("offer", () => {});
    const waits = stand.robot.hire(order);
    waits.catch(() => {});
    await stand.gateway.nth("offer", 2);
    await expect(stand.robot.hire(order)).rejects.toMatchObject(FULL);
    const invoice = await stand.invoice(offer, amount(500n));
    stand.gateway.say(stand.file, "invoice", invoice);
    const { voucher } = await stand.gateway.nth("voucher", 1);
    expect(voucher.cumulative).toBeGreaterThanOrEqual(1_500n);
    hired.catch(() => {});
    expect(stand.robot.waiting.sent).toBe(2);
    expect(stand.robot.wallet.free).toBe(ZERO);
  });
});
