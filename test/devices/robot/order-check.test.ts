import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Order } from "../../../devices/robot/order.ts";
import { amount, ZERO } from "../../../src/base/money.ts";
import { hashBlob, MAX_BLOB } from "../../../src/blob/blob.ts";
import { randomKey } from "../../../src/kernels/signature.ts";
import { type Manifest, signManifest } from "../../../src/protocol/manifest.ts";
import { keySigner } from "../../../src/protocol/signer.ts";
import { FakeLanes } from "./fake-lanes.ts";
import { firmware, input, RequesterStand } from "./requester-stand.ts";

const order: Order = { firmware, input, fuelLimit: 1_000, maxPrice: amount(100n) };
/** What a program without types may say. */
const untyped = (more: object) => ({ ...order, ...more }) as Order;

describe("an order that makes no offer", () => {
  let stand: RequesterStand;
  beforeEach(async () => {
    stand = await RequesterStand.start();
  });
  afterEach(() => stand.stop());

  it.each([
    ["no fuel", { fuelLimit: 0 }],
    ["more fuel than any run", { fuelLimit: 2e15 }],
    ["more fuel than the gateway takes", { fuelLimit: 1e12 + 1 }],
    ["a fraction of fuel", { fuelLimit: 1.5 }],
    ["fuel that is no number", { fuelLimit: Number.NaN }],
    ["fuel that is not told", { fuelLimit: undefined }],
    ["an input that is too long", { input: new Uint8Array(MAX_BLOB + 1) }],
    ["firmware that is too long", { firmware: new Uint8Array(MAX_BLOB + 1) }],
    ["memory of no class", { memoryMiB: 2 }],
    ["half a millisecond", { deadlineMs: 0.5 }],
    ["no price", { maxPrice: undefined }],
    ["a manifest that is none", { manifest: { name: "echo" } }],
  ])("is refused for %s, with nothing signed or set aside", async (_, more) => {
    for (let time = 0; time < 5; time++) {
      await expect(stand.robot.hire(untyped(more))).rejects.toMatchObject({ code: "usage" });
    }
    expect(stand.robot.wallet).toMatchObject({
      signed: ZERO,
      free: ZERO,
      exposure: ZERO,
      largestPrice: ZERO,
    });
    stand.gateway.on("offer", (offer) => stand.answer(offer, amount(100n)));
    await stand.robot.hire(order);
    expect(stand.gateway.heard("offer").map(({ voucher }) => voucher?.cumulative)).toEqual([100n]);
  });

  it("says what is wrong with it", async () => {
    await expect(stand.robot.hire(untyped({ fuelLimit: 0 }))).rejects.toThrow(
      /from 1 to 1000000000000, not 0/,
    );
    await expect(stand.robot.hire(untyped({ memoryMiB: 2 }))).rejects.toThrow(/memoryMiB/);
  });
});

describe("an offer that cannot be sent", () => {
  it("has its money free again, and does not stand in the way of the next session", async () => {
    const named = { name: "echo", version: "1", licence: "MIT", profile: "task/1", memoryMiB: 1 } as const;
    const signed = await signManifest(keySigner(randomKey()), { firmware: hashBlob(firmware), ...named });
    const manifest: { -readonly [K in keyof Manifest]: Manifest[K] } = { ...signed };
    // its owner changes it while the lane is looked up: after it was checked, before the money is set aside
    const lane = () => {
      manifest.name = "";
      return Promise.resolve(new FakeLanes().shown);
    };
    const stand = await RequesterStand.start({ lanes: { lane } });
    await expect(stand.robot.hire({ ...order, manifest })).rejects.toThrow();
    expect(stand.robot.wallet).toMatchObject({ signed: 100n, free: 100n });
    stand.gateway.cut();
    await stand.gateway.until(() => stand.gateway.logins === 2);
    stand.gateway.on("offer", (offer) => stand.answer(offer, amount(100n)));
    expect(await stand.robot.hire(order)).toMatchObject({ state: "paid", spent: 100n });
    expect(stand.gateway.heard("offer").map(({ voucher }) => voucher?.cumulative)).toEqual([101n]);
    await stand.stop();
  });

  it("is not remembered when the disk has failed", async () => {
    const folder = mkdtempSync(join(tmpdir(), "wallet-"));
    const stand = await RequesterStand.start({ walletPath: join(folder, "wallet.json") });
    rmSync(folder, { recursive: true });
    const hired = stand.robot.hire({ ...order, payment: "result" });
    await expect(hired).rejects.toMatchObject({ code: "disk_failed" });
    expect(stand.robot.wallet.offers.size).toBe(0);
    expect(stand.gateway.heard("offer")).toEqual([]);
    await stand.stop();
  });
});
