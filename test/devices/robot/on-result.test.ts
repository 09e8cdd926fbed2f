import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Answer, Order } from "../../../devices/robot/order.ts";
import { fromHex } from "../../../src/base/bytes.ts";
import { Fault } from "../../../src/base/fault.ts";
import { amount, ZERO } from "../../../src/base/money.ts";
import { keccak256 } from "../../../src/kernels/digest.ts";
import { randomKey } from "../../../src/kernels/signature.ts";
import type { Message } from "../../../src/protocol/message.ts";
import { keySigner } from "../../../src/protocol/signer.ts";
import { acceptDigest } from "../../../src/protocol/typed-data.ts";
import { voucherPayer } from "../../../src/protocol/voucher.ts";
import { FakeLanes } from "./fake-lanes.ts";
import { firmware, input, output, RequesterStand, SALT } from "./requester-stand.ts";
import { UNIT_RATE } from "./run-terms.ts";

const price = amount(700n);
const order: Order = {
  ...{ firmware, input, fuelLimit: 1_000, maxPrice: amount(1_000n), checkBudget: amount(200n) },
  payment: "result",
};
const CANCELLED = { state: "cancelled", verdict: null, output: null, outputBytes: 0, salt: null } as const;
const stranger = keySigner(randomKey());

describe("hiring on result", () => {
  let folder: string;
  let walletPath: string;
  let stand: RequesterStand;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "wallet-"));
    walletPath = join(folder, "wallet.json");
    stand = await RequesterStand.start({ walletPath });
  });
  afterEach(async () => {
    await stand.stop();
    rmSync(folder, { recursive: true });
  });
  const saved = () => JSON.parse(readFileSync(walletPath, "utf8")) as { signed: string; offers: unknown[] };
  /** Takes the next offer on; resolves with it. */
  const offered = async (): Promise<Message<"offer">> => {
    const offer = await stand.gateway.nth("offer", 1);
    stand.ack(offer);
    return offer;
  };
  const say = (invoice: Message<"invoice">) => stand.gateway.say(stand.file, "invoice", invoice);
  /** Acks every voucher and then answers the offer. */
  const takeVoucher = (offer: Message<"offer">, more: Partial<Message<"answer">> = {}) =>
    stand.gateway.on("voucher", async ({ id }) => {
      stand.gateway.ack(stand.file, id);
      await stand.answer(offer, price, more);
    });

  it("signs nothing before the invoice, and then what it says; the total is on disk before it leaves", async () => {
    const hired = stand.robot.hire(order);
    const offer = await offered();
    expect(offer).toMatchObject({ payment: "result", maxPrice: 1_000n });
    expect(offer.voucher).toBeUndefined();
    expect(stand.robot.wallet.signed).toBe(ZERO);
    let onDisk = "";
    stand.gateway.on("voucher", async ({ id }) => {
      onDisk = saved().signed;
      stand.gateway.ack(stand.file, id);
      await stand.answer(offer, price);
    });
    const invoice = await stand.invoice(offer, price);
    say(invoice);
    const { voucher } = await stand.gateway.nth("voucher", 1);
    expect(voucher).toMatchObject({ payee: stand.gateway.market.gateway, epoch: 1, cumulative: 700n });
    expect(voucherPayer(voucher)).toBe(stand.robot.address);
    const answer: Answer = await hired;
    expect(answer).toMatchObject({ state: "paid", output, spent: 700n, invoice });
    expect(onDisk).toBe("700");
    expect(stand.robot.wallet).toMatchObject({ signed: 700n, free: 0n, exposure: 0n });
    expect(stand.events.filter(({ kind }) => kind === "breached" || kind === "fault")).toEqual([]);
  });

  it("pays for a run that has failed, and learns how", async () => {
    const hired = stand.robot.hire(order);
    const offer = await offered();
    const none = { verdict: "out-of-fuel", output: null, outputBytes: 0 } as const;
    const price = amount(1_000n);
    const saltedOutput = keccak256(new Uint8Array([...fromHex(SALT), ...new Uint8Array(32)]));
    stand.gateway.on("voucher", async ({ id }) => {
      stand.gateway.ack(stand.file, id);
      await stand.answer(offer, price, none, { verdict: "out-of-fuel", output: null });
    });
    say(await stand.invoice(offer, price, { verdict: "out-of-fuel", outputBytes: 0, saltedOutput }));
    expect(await hired).toMatchObject({ state: "paid", verdict: "out-of-fuel", fuel: 1_000, output: null });
    expect(stand.robot.wallet).toMatchObject({ signed: 1_000n, exposure: 0n });
    expect(stand.events.filter(({ kind }) => kind === "breached" || kind === "fault")).toEqual([]);
  });

  it("signs only what its credit lacks, and nothing where that is enough", async () => {
    stand.gateway.lane = { ...stand.gateway.lane, signed: ZERO, credit: amount(500n) };
    await stand.robot.close();
    await stand.connect({ walletPath });
    const hired = stand.robot.hire(order);
    const offer = await offered();
    takeVoucher(offer, { credit: amount(1_000n) });
    say(await stand.invoice(offer, price));
    await hired;
    expect((await stand.gateway.nth("voucher", 1)).voucher.cumulative).toBe(200n);
    const covered = stand.robot.hire(order);
    const second = await stand.gateway.nth("offer", 2);
    stand.ack(second);
    say(await stand.invoice(second, price));
    await stand.answer(second, price, { credit: amount(300n) });
    expect(await covered).toMatchObject({ state: "paid", credit: 300n });
    expect(stand.gateway.heard("voucher").length).toBe(1);
    expect(stand.robot.wallet).toMatchObject({ signed: 200n, free: 300n });
  });

  it("pays one invoice once, however often it is said", async () => {
    const hired = stand.robot.hire(order);
    const offer = await offered();
    const invoice = await stand.invoice(offer, price);
    for (let i = 0; i < 3; i++) say(invoice);
    const first = await stand.gateway.nth("voucher", 1);
    stand.gateway.cut();
    takeVoucher(offer);
    await stand.gateway.nth("factsheet", 2);
    say(invoice);
    expect((await hired).spent).toBe(price);
    expect(new Set(stand.gateway.heard("voucher").map(({ id }) => id))).toEqual(new Set([first.id]));
    expect(stand.robot.wallet.signed).toBe(price);
  });

  it("pays after a restart what was signed and not sent, with the same total", async () => {
    const hired = stand.robot.hire(order).catch((error: unknown) => error);
    const offer = await offered();
    const invoice = await stand.invoice(offer, price);
    say(invoice);
    await stand.gateway.nth("voucher", 1);
    // It may never have arrived: the gateway knows nothing of it.
    await stand.robot.close();
    expect(await hired).toMatchObject({ code: "link_lost" });
    expect(saved()).toMatchObject({ signed: "700", offers: [{ id: offer.id }] });
    stand.gateway.on("connection", ({ state }) => state === "ONLINE" && say(invoice));
    takeVoucher(offer);
    await stand.connect({ walletPath });
    expect(await stand.gateway.nth("offer", 2)).toEqual(offer);
    const again = await stand.gateway.nth("voucher", 2);
    expect(again.voucher).toEqual((await stand.gateway.nth("voucher", 1)).voucher);
    while (saved().offers.length > 0) await new Promise((done) => setImmediate(done));
    expect(stand.robot.wallet).toMatchObject({ signed: 700n });
  });

  it("pays what a cancelled task owes, though there is no invoice", async () => {
    const stop = new AbortController();
    const hired = stand.robot.hire({ ...order, signal: stop.signal });
    const offer = await offered();
    stand.gateway.on("voucher", ({ id }) => stand.gateway.ack(stand.file, id));
    stop.abort();
    await stand.gateway.nth("cancel", 1);
    await stand.answer(offer, price, CANCELLED, false);
    expect(await hired).toMatchObject({ state: "cancelled", spent: 700n, output: null });
    expect((await stand.gateway.nth("voucher", 1)).voucher.cumulative).toBe(700n);
    await stand.robot.close();
    expect(stand.robot.wallet).toMatchObject({ signed: 700n });
  });

  it("tries again to pay when nobody could tell what the lane holds", async () => {
    const lanes = new FakeLanes();
    await stand.robot.close();
    await stand.connect({ lanes });
    const hired = stand.robot.hire(order);
    const offer = await offered();
    lanes.fault = new Fault("chain_unreachable", "no node");
    say(await stand.invoice(offer, price));
    await stand.event("fault");
    lanes.fault = null;
    takeVoucher(offer);
    stand.gateway.tellAgain(stand.file);
    expect((await hired).state).toBe("paid");
  });

  it("pays when the deposit has grown, and tells who waits that it does not reach", async () => {
    stand.gateway.lane = { ...stand.gateway.lane, deposit: amount(100n) };
    await stand.robot.close();
    await stand.connect();
    const hired = stand.robot.hire(order).catch((error: unknown) => error);
    const offer = await offered();
    say(await stand.invoice(offer, price));
    expect(await hired).toMatchObject({ code: "refused", facts: { code: "voucher_over_deposit" } });
    stand.gateway.lane = { ...stand.gateway.lane, deposit: amount(5_000n) };
    stand.gateway.tellAgain(stand.file);
    expect((await stand.gateway.nth("voucher", 1)).voucher.cumulative).toBe(700n);
  });
});

describe("a gateway that lies about what was done", () => {
  let stand: RequesterStand;
  beforeEach(async () => {
    stand = await RequesterStand.start();
  });
  afterEach(() => stand.stop());
  const hire = async () => {
    const outcome = stand.robot.hire(order).catch((error: unknown) => error);
    const offer = await stand.gateway.nth("offer", 1);
    stand.ack(offer);
    return { outcome, offer };
  };
  const say = (invoice: Message<"invoice">) => stand.gateway.say(stand.file, "invoice", invoice);

  it.each([
    ["of more than was offered", { price: amount(1_001n) }],
    ["of more checks than were offered", { price: amount(1_200n), checks: amount(201n) }],
    ["of parts above the whole", { checks: amount(150n), price: amount(100n) }],
    ["of a fee above the whole", { fee: amount(701n) }],
    ["of more fuel than was offered", { fuel: 1_001, rate: amount(1n), price: amount(1n), fee: ZERO }],
    ["of a price above what the fuel costs", { fuel: 699 }],
    ["of a price below what the fuel costs", { fuel: 701 }],
    ["of another rate than its price says", { rate: amount(UNIT_RATE + 10n ** 10n) }],
    ["of fuel that ran out below the limit", { verdict: "out-of-fuel" }],
    ["of an accept that another has signed", { provider: stranger.address }],
  ] as const)("is not paid for an invoice %s", async (_, more) => {
    const { outcome, offer } = await hire();
    say(await stand.invoice(offer, price, more));
    expect(await outcome).toMatchObject({ code: "books_disagree" });
    expect(await stand.event("breached")).toMatchObject({ side: "requester", breach: "wrong_invoice" });
    expect(stand.robot.wallet.signed).toBe(ZERO);
    expect(stand.gateway.heard("voucher")).toEqual([]);
  });

  it("is not paid for work of the requester's own", async () => {
    const { outcome, offer } = await hire();
    const award = `0x${"a0".repeat(32)}` as const;
    const own = keySigner(Buffer.from(stand.file.key.slice(2), "hex"));
    const accept = await own.sign(acceptDigest(stand.gateway.market, award));
    say(await stand.invoice(offer, price, { provider: own.address, accept }));
    expect(await outcome).toMatchObject({ code: "books_disagree" });
  });

  it.each(["result", "prepaid"] as const)(
    "is not paid (%s) for a cancellation that nobody asked for",
    async (payment) => {
      const outcome = stand.robot.hire({ ...order, payment }).catch((error: unknown) => error);
      const offer = await stand.gateway.nth("offer", 1);
      stand.ack(offer);
      await stand.answer(offer, price, CANCELLED, false);
      expect(await stand.event("breached")).toMatchObject({ breach: "wrong_answer" });
      const isCaught = payment === "prepaid" ? { code: "books_disagree" } : { state: "cancelled" };
      expect(await outcome).toMatchObject(isCaught);
      expect(stand.robot.wallet).toMatchObject(payment === "prepaid" ? { exposure: 1_200n } : { signed: 0n });
      expect(stand.gateway.heard("voucher")).toEqual([]);
    },
  );

  it("is paid for what a closing lane has made it cancel", async () => {
    const { outcome, offer } = await hire();
    stand.gateway.lane = { ...stand.gateway.lane, closeAt: 2_000_000_000 };
    stand.gateway.tellAgain(stand.file);
    await stand.answer(offer, price, CANCELLED, false);
    expect(await outcome).toMatchObject({ state: "cancelled" });
    expect((await stand.gateway.nth("voucher", 1)).voucher.cumulative).toBe(700n);
  });

  it("is not paid for what was paid beforehand", async () => {
    const outcome = stand.robot.hire({ ...order, payment: "prepaid" }).catch((error: unknown) => error);
    const offer = await stand.gateway.nth("offer", 1);
    say(await stand.invoice(offer, price));
    expect(await outcome).toMatchObject({ code: "books_disagree" });
    expect(stand.robot.wallet.signed).toBe(1_200n);
  });

  it("is not heard when it is somebody else, or speaks of nothing", async () => {
    const { outcome, offer } = await hire();
    const right = await stand.invoice(offer, price);
    say(await stand.invoice(offer, price, {}, stranger));
    say({ ...right, price: amount(701n) });
    say({ ...right, task: `0x${"00".repeat(16)}` });
    stand.gateway.on("voucher", async ({ id }) => {
      stand.gateway.ack(stand.file, id);
      await stand.answer(offer, price);
    });
    say(right);
    expect(await outcome).toMatchObject({ state: "paid", spent: 700n });
    const ignored = stand.events.flatMap((event) => (event.kind === "ignored" ? [event.reason] : []));
    expect(ignored).toEqual(["bad_signature", "bad_signature", "unknown_task"]);
  });

  it("is paid once, though it invoices twice", async () => {
    const { outcome, offer } = await hire();
    stand.gateway.on("voucher", ({ id }) => stand.gateway.ack(stand.file, id));
    say(await stand.invoice(offer, price));
    await stand.gateway.nth("voucher", 1);
    say(await stand.invoice(offer, amount(800n)));
    expect(await stand.event("breached")).toMatchObject({ breach: "wrong_invoice" });
    await stand.answer(offer, price);
    expect(await outcome).toMatchObject({ state: "paid" });
    expect(stand.robot.wallet.signed).toBe(700n);
  });

  it.each<[string, Partial<Message<"answer">>]>([
    ["another output", { output: `0x${"0f".repeat(32)}` as const }],
    ["another salt", { salt: `0x${"0f".repeat(32)}` as const }],
    ["no salt", { salt: null }],
    ["no output", { output: null }],
    ["another verdict", { verdict: "trap", output: null, outputBytes: 0 }],
    ["more fuel", { fuel: 701 }],
    ["another size", { outputBytes: 5 }],
    ["another cost", { spent: amount(701n) }],
    ["another provider", { provider: stranger.address }],
    ["no payment", { state: "expired" as const }],
  ])("is caught when it answers with %s, and the money stays in doubt", async (_, more) => {
    const { outcome, offer } = await hire();
    stand.gateway.on("voucher", async ({ id }) => {
      stand.gateway.ack(stand.file, id);
      await stand.answer(offer, price, more);
    });
    say(await stand.invoice(offer, price));
    expect(await outcome).toMatchObject({ code: "books_disagree" });
    expect(await stand.event("breached")).toMatchObject({ breach: "wrong_answer" });
    expect(stand.robot.wallet.exposure).toBe(700n);
  });
});
