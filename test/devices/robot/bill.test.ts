import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Order } from "../../../devices/robot/order.ts";
import { amount, ZERO } from "../../../src/base/money.ts";
import { randomKey } from "../../../src/kernels/signature.ts";
import { signManifest } from "../../../src/protocol/manifest.ts";
import type { Message } from "../../../src/protocol/message.ts";
import { keySigner } from "../../../src/protocol/signer.ts";
import { taskModule } from "../../firmware/module.ts";
import { firmware, input, output, RequesterStand } from "./requester-stand.ts";

const price = amount(700n);
const order: Order = { firmware, input, fuelLimit: 1_000, maxPrice: amount(1_000n) };

describe("what a requester checks of its bill", () => {
  let stand: RequesterStand;
  beforeEach(async () => {
    stand = await RequesterStand.start();
  });
  afterEach(() => stand.stop());
  const answerAll = (answer: Partial<Message<"answer">>, receipt: Partial<Message<"receipt">> = {}) =>
    stand.gateway.on("offer", (offer) => stand.answer(offer, price, answer, receipt));

  it("is right: the verdict, the fuel, and what that costs at the provider's rate", async () => {
    answerAll({});
    const answer = await stand.robot.hire(order);
    expect(answer).toMatchObject({ verdict: "ok", fuel: 700, spent: 700n, output });
    expect(answer.receipt).toMatchObject({ verdict: "ok", fuel: 700, price: 700n });
    // what was not spent
    expect(stand.robot.wallet.exposure).toBe(300n);
    expect(stand.events.filter(({ kind }) => kind === "breached" || kind === "fault")).toEqual([]);
  });

  it("is right for a run that has trapped: no output, and its fuel is paid for", async () => {
    const trapped = { verdict: "trap", output: null } as const;
    answerAll({ ...trapped, outputBytes: 0 }, trapped);
    expect(await stand.robot.hire(order)).toMatchObject({
      state: "paid",
      fuel: 700,
      spent: 700n,
      ...trapped,
    });
    // what was not spent
    expect(stand.robot.wallet.exposure).toBe(300n);
  });

  it.each([
    ["more fuel than its limit", { fuel: 1_001 }],
    ["no verdict", { verdict: null }],
    ["an output and a trap", { verdict: "trap" }],
    ["more than was set aside", { spent: amount(1_001n) }],
  ] as const)("takes no answer with %s", async (_, more) => {
    answerAll(more);
    await expect(stand.robot.hire(order)).rejects.toMatchObject({ code: "books_disagree" });
    expect(await stand.event("breached")).toMatchObject({ breach: "wrong_answer" });
    expect(stand.robot.wallet.exposure).toBe(1_000n);
  });

  it.each<[string, Partial<Message<"receipt">>, Partial<Message<"answer">>?]>([
    ["another fuel than the answer's", { fuel: 699 }],
    ["a price above what its fuel costs", { fuel: 699 }, { fuel: 699 }],
    ["another rate", { rate: amount(2n) }],
    ["another meter", { meter: 2 }],
    ["another cost table", { costs: `0x${"00".repeat(32)}` }],
    ["another verdict", { verdict: "stack" }],
    ["another output", { output: null }],
    ["another firmware", { firmware: `0x${"00".repeat(32)}` }],
    ["checks that were not ordered", { checks: amount(1n), fuel: 699 }, { fuel: 699 }],
    [
      "fuel that ran out below the limit",
      { verdict: "out-of-fuel" },
      { verdict: "out-of-fuel", outputBytes: 0 },
    ],
  ])("keeps its money in doubt at a receipt with %s", async (_, receipt, answer = {}) => {
    const none = receipt.verdict === "out-of-fuel" ? { output: null } : {};
    answerAll({ ...answer, ...none }, { ...receipt, ...none });
    await stand.robot.hire(order);
    expect(await stand.event("breached")).toMatchObject({ breach: "receipt_missing" });
    expect(stand.robot.wallet.exposure).toBe(1_000n);
  });
});

describe("what a requester orders", () => {
  let stand: RequesterStand;
  beforeEach(async () => {
    stand = await RequesterStand.start();
  });
  afterEach(() => stand.stop());

  it.each([
    ["a module that nobody may run", { firmware: new Uint8Array(8) }],
    ["less memory than the module needs", { firmware: taskModule({ memory: [1, 300] }), memoryMiB: 16 }],
    ["another profile than the module has", { profile: "wasi-stdio/1" }],
  ] as const)("is not signed for %s", async (_, more) => {
    const hired = stand.robot.hire({ ...order, ...more });
    await expect(hired).rejects.toMatchObject({ code: "firmware_rejected" });
    expect(stand.gateway.heard("offer")).toEqual([]);
    expect(stand.robot.wallet.signed).toBe(ZERO);
  });

  it("may be more memory than is needed, and names the author's manifest", async () => {
    const author = keySigner(randomKey());
    const named = { name: "echo", version: "1", licence: "MIT", profile: "task/1", memoryMiB: 16 } as const;
    const manifest = await signManifest(author, { firmware: stand.gateway.keep(firmware), ...named });
    stand.gateway.on("offer", (offer) => stand.answer(offer, price));
    await stand.robot.hire({ ...order, memoryMiB: 16, manifest });
    expect(await stand.gateway.nth("offer", 1)).toMatchObject({ memoryMiB: 16, manifest });
  });
});
