import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Wallet } from "../../../devices/robot/wallet.ts";
import { instant } from "../../../src/base/clock.ts";
import { amount, ZERO } from "../../../src/base/money.ts";
import { randomKey } from "../../../src/kernels/signature.ts";
import type { Terms } from "../../../src/protocol/message.ts";
import { keySigner } from "../../../src/protocol/signer.ts";
import { type Voucher, voucherPayer } from "../../../src/protocol/voucher.ts";
import { RUN_TERMS } from "./run-terms.ts";
import { gateway, lane, market, paid, proof, signer } from "./wallet-stand.ts";

describe("a wallet", () => {
  it("signs for the gateway's lane, with the epoch it was told", async () => {
    const wallet = await Wallet.open({ market, signer });
    wallet.login(lane({ signed: amount(400n), voucher: await proof(400n), credit: amount(100n) }));
    const { voucher } = await wallet.cover(amount(250n));
    expect(voucher).toMatchObject({
      payee: gateway.address,
      token: market.token,
      epoch: 3,
      cumulative: 550n,
    });
    expect(voucher && voucherPayer(voucher)).toBe(signer.address);
    expect(wallet.free).toBe(ZERO);
  });

  it("has an offer's need back that a login counted before its lost ack was repeated", async () => {
    const wallet = await Wallet.open({ market, signer });
    wallet.login(lane({ signed: amount(900n), voucher: await proof(900n), credit: amount(900n) }), 5);
    const hold = await wallet.cover(amount(300n));
    expect(wallet.free).toBe(600n);
    // the gateway has taken it in record 6, and the ack got lost: its credit is without the hold
    wallet.login(lane({ signed: amount(900n), voucher: await proof(900n), credit: amount(600n) }), 6);
    expect(wallet.free, "as if it were still on its way").toBe(300n);
    wallet.confirm(hold, 6);
    expect(wallet.free).toBe(600n);
    wallet.confirm(hold, 6);
    expect(wallet.free).toBe(600n);
  });

  it("signs nothing before it was told the lane, and nothing for a lane's older life", async () => {
    const wallet = await Wallet.open({ market, signer });
    await expect(wallet.cover(amount(1n))).rejects.toMatchObject({ code: "link_lost" });
    wallet.login(lane());
    expect(wallet.doubt).toBeNull();
    wallet.login(lane({ epoch: 2 }));
    expect(wallet).toMatchObject({ epoch: 3, doubt: "epoch_behind" });
    await expect(wallet.cover(amount(1n))).rejects.toMatchObject({ code: "books_disagree" });
  });

  it("signs up to the deposit and not above", async () => {
    const wallet = await Wallet.open({ market, signer });
    wallet.login(lane());
    await wallet.cover(amount(10_000n));
    const facts = { code: "voucher_over_deposit", deposit: 10_000n };
    await expect(wallet.cover(amount(1n))).rejects.toMatchObject({ code: "refused", facts });
    expect(wallet.signed).toBe(10_000n);
  });

  it("starts again from the lane's total when the lane has a new life", async () => {
    const wallet = await Wallet.open({ market, signer });
    wallet.login(lane({ signed: amount(9_000n), voucher: await proof(9_000n) }));
    wallet.login(lane({ epoch: 4 }));
    expect((await wallet.cover(amount(5n))).voucher).toMatchObject({ epoch: 4, cumulative: 5n });
    wallet.login(lane({ epoch: 5, signed: amount(70n), voucher: await proof(70n, { epoch: 5 }) }));
    expect(wallet).toMatchObject({ epoch: 5, signed: 70n, free: 0n, doubt: null });
  });

  it("keeps only vouchers that are the gateway's and grow, and counts the others", async () => {
    const wallet = await Wallet.open({ market, signer });
    expect(await wallet.receive(await paid(10n))).toMatchObject({ fate: "kept" });
    expect(await wallet.receive(await paid(10n))).toMatchObject({ fate: "stale" });
    expect(await wallet.receive(await paid(9n))).toMatchObject({ fate: "stale" });
    expect(await wallet.receive(await paid(50n, 0, signer))).toMatchObject({ fate: "forged" });
    expect(await wallet.receive({ ...(await paid(50n)), payee: gateway.address })).toMatchObject({
      fate: "forged",
    });
    expect(await wallet.receive({ ...(await paid(50n)), cumulative: amount(51n) })).toMatchObject({
      fate: "forged",
    });
    expect(await wallet.receive(await paid(1n, 1))).toMatchObject({ fate: "kept" });
    expect(wallet.received.map(({ epoch, cumulative }) => [epoch, cumulative])).toEqual([
      [0, 10n],
      [1, 1n],
    ]);
    expect(wallet.ignored).toEqual({ stale: 2, forged: 3 });
  });
});

describe("a wallet's bounds", () => {
  const sight = { epoch: 3, deposit: amount(10_000n), settled: ZERO, closeAt: 0, window: 0 };
  const refusedWith = (code: string) => ({ code: "refused", facts: { code } });
  const opened = async (more: Partial<Terms["lane"]> = {}) => {
    const wallet = await Wallet.open({ market, signer });
    wallet.login(lane(more));
    return wallet;
  };

  it("are the least of what gateway and chain show deposited", async () => {
    const wallet = await opened({ deposit: amount(500n) });
    const over = refusedWith("voucher_over_deposit");
    await expect(wallet.cover(amount(501n), { sight })).rejects.toMatchObject(over);
    const low = { ...sight, deposit: amount(400n) };
    await expect(wallet.cover(amount(401n), { sight: low })).rejects.toMatchObject(over);
    expect((await wallet.cover(amount(400n), { sight: low })).voucher?.cumulative).toBe(400n);
  });

  it("end with the lane's closing, but for what is owed", async () => {
    const wallet = await opened();
    const closing = { ...sight, closeAt: 5 };
    const refused = refusedWith("lane_closing");
    await expect(wallet.cover(amount(1n), { sight: closing })).rejects.toMatchObject(refused);
    expect((await wallet.cover(amount(1n), { sight: closing, isDebt: true })).voucher?.cumulative).toBe(1n);
    wallet.redeposit(lane({ closeAt: 9 }));
    await expect(wallet.cover(amount(1n), { sight })).rejects.toMatchObject(refused);
  });

  it("do not hold for another life of the lane", async () => {
    const wallet = await opened();
    const other = { ...sight, epoch: 4 };
    await expect(wallet.cover(amount(1n), { sight: other })).rejects.toMatchObject(
      refusedWith("voucher_wrong_epoch"),
    );
  });

  it("limit what is signed and unexplained, not what is drawn from credit", async () => {
    const wallet = await opened();
    const first = await wallet.cover(amount(600n), { limit: 1_000n });
    await expect(wallet.cover(amount(401n), { limit: 1_000n })).rejects.toMatchObject({
      code: "refused",
      facts: { code: "exposure_limit", exposure: 1_001n, limit: 1_000n },
    });
    wallet.confirm(first);
    wallet.release(first, { spent: amount(100n), credit: amount(500n) });
    expect(wallet.exposure).toBe(600n);
    await wallet.cover(amount(500n), { limit: 1n });
    wallet.explain(amount(100n));
    expect(wallet.exposure).toBe(500n);
    wallet.paidOut(amount(9_999n));
    expect(wallet).toMatchObject({ exposure: 0n, free: 0n });
    expect((await wallet.cover(amount(1_000n), { limit: 1_000n })).voucher?.cumulative).toBe(1_600n);
  });

  it("say again what may not have arrived as it was, to pay what is owed", async () => {
    const wallet = await opened();
    const hold = await wallet.cover(amount(500n));
    wallet.release(hold, "refused");
    const debt = await wallet.cover(amount(300n), { isDebt: true });
    expect(debt.voucher).toEqual(hold.voucher);
    expect((await wallet.cover(amount(200n))).voucher?.cumulative).toBe(501n);
  });
});

describe("a wallet at a gateway that claims more than was signed", () => {
  const claimed = { signed: amount(999_000n), deposit: amount(1_000_000n) };
  const other = keySigner(randomKey());
  const cases: [string, () => Promise<Voucher | null>][] = [
    ["no proof", () => Promise.resolve(null)],
    ["a voucher that somebody else signed", () => proof(999_000n, {}, other)],
    ["a voucher that the gateway signed", () => proof(999_000n, {}, gateway)],
    ["a total that was changed", async () => ({ ...(await proof(250n)), cumulative: amount(999_000n) })],
    ["no signature at all", () => proof(999_000n, { signature: `0x${"00".repeat(65)}` })],
    ["a voucher of an old epoch", () => proof(999_000n, { epoch: 2 })],
    ["a voucher of an epoch to come", () => proof(999_000n, { epoch: 4 })],
    ["a voucher to another payee", () => proof(999_000n, { payee: other.address })],
    ["a voucher of another token", () => proof(999_000n, { token: `0x${"cc".repeat(20)}` })],
    ["a voucher of another chain", () => proof(999_000n, { chainId: 2 })],
    ["a voucher of another vault", () => proof(999_000n, { vault: `0x${"ee".repeat(20)}` })],
  ];

  it.each(cases)("with %s, goes on from its own total", async (_, shown) => {
    const wallet = await Wallet.open({ market, signer });
    wallet.login(lane());
    await wallet.cover(amount(250n));
    wallet.login(lane({ ...claimed, voucher: await shown() }));
    expect(wallet).toMatchObject({ epoch: 3, signed: 250n, doubt: "signed_unproven" });
    expect((await wallet.cover(amount(50n))).voucher).toMatchObject({ epoch: 3, cumulative: 300n });
    wallet.login(lane({ signed: amount(300n), voucher: await proof(300n) }));
    expect(wallet).toMatchObject({ signed: 300n, doubt: null });
  });

  it.each(cases)("with %s in a new epoch, begins at nothing", async (_, shown) => {
    const wallet = await Wallet.open({ market, signer });
    wallet.login(lane({ epoch: 1, signed: amount(9n), voucher: await proof(9n, { epoch: 1 }) }));
    wallet.login(lane({ ...claimed, voucher: await shown() }));
    expect(wallet).toMatchObject({ epoch: 3, signed: 0n, doubt: "signed_unproven" });
  });

  it("believes as much as is proven", async () => {
    const wallet = await Wallet.open({ market, signer });
    wallet.login(lane({ ...claimed, voucher: await proof(600n) }));
    expect(wallet).toMatchObject({ signed: 600n, doubt: "signed_unproven" });
  });

  it("spends the credit that it is told of, for that takes no signature", async () => {
    const wallet = await Wallet.open({ market, signer });
    wallet.login(lane({ ...claimed, credit: amount(80n) }));
    expect((await wallet.cover(amount(80n))).voucher).toBeNull();
    expect((await wallet.cover(amount(20n))).voucher?.cumulative).toBe(20n);
  });

  it("keeps its own total where the proof is of less", async () => {
    const wallet = await Wallet.open({ market, signer });
    wallet.login(lane());
    await wallet.cover(amount(500n));
    wallet.login(lane({ signed: amount(200n), voucher: await proof(200n) }));
    expect(wallet).toMatchObject({ signed: 500n, doubt: null });
  });
});

describe("a wallet's file", () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "wallet-"));
    path = join(folder, "wallet.json");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("brings back what was signed and received, and nothing is left beside it", async () => {
    const wallet = await Wallet.open({ market, signer, path });
    wallet.login(lane());
    await Promise.all([wallet.cover(amount(10n)), wallet.cover(amount(20n)), wallet.receive(await paid(7n))]);
    const again = await Wallet.open({ market, signer, path });
    expect(again).toMatchObject({ epoch: 3, signed: 30n, received: wallet.received });
    expect(readdirSync(folder)).toEqual(["wallet.json"]);
  });

  it("makes sure of a voucher that may never have arrived", async () => {
    const wallet = await Wallet.open({ market, signer, path });
    wallet.login(lane());
    await wallet.cover(amount(500n));
    const again = await Wallet.open({ market, signer, path });
    again.login(lane());
    const { voucher } = await again.cover(amount(100n));
    expect(voucher?.cumulative).toBe(501n);
    expect(again.free).toBe(401n);
  });

  it("brings back what may cost something yet, and the largest price", async () => {
    const wallet = await Wallet.open({ market, signer, path });
    wallet.login(lane());
    wallet.offering(amount(700n));
    wallet.offering(amount(300n));
    const hash = `0x${"11".repeat(32)}` as const;
    const work = { firmware: hash, firmwareBytes: 1, input: hash, inputBytes: 1, deadline: instant(5) };
    const cost = { maxPrice: amount(300n), checkBudget: amount(20n), payment: "prepaid" as const };
    const offer = {
      version: 1 as const,
      id: "a",
      ...work,
      ...cost,
      ...RUN_TERMS,
      fuelLimit: 1_000,
      signature: `0x${"22".repeat(65)}` as const,
    };
    await wallet.remember(offer);
    const again = await Wallet.open({ market, signer, path });
    expect(again.largestPrice).toBe(700n);
    expect([...again.offers.values()]).toEqual([offer]);
    // the gateway says that all was spent; what it never answered is not, for all we know
    again.login(lane({ signed: amount(900n), voucher: await proof(900n) }));
    expect(again.exposure).toBe(320n);
    const [task] = again.offers.keys();
    await again.forget(task ?? "0x");
    expect((await Wallet.open({ market, signer, path })).offers.size).toBe(0);
  });

  it("signs nothing when it cannot be written", async () => {
    const lost = await Wallet.open({ market, signer, path: join(folder, "gone", "wallet.json") });
    lost.login(lane());
    await expect(lost.cover(amount(10n))).rejects.toMatchObject({ code: "disk_failed" });
    expect(existsSync(join(folder, "gone"))).toBe(false);
  });

  it("is refused when it is somebody else's, or no wallet file", async () => {
    const wallet = await Wallet.open({ market, signer, path });
    wallet.login(lane());
    await wallet.cover(amount(1n));
    const other = Wallet.open({ market: { ...market, chainId: 2 }, signer, path });
    await expect(other).rejects.toMatchObject({ code: "books_disagree" });
    await expect(Wallet.open({ market, signer: gateway, path })).rejects.toMatchObject({
      code: "books_disagree",
    });
    writeFileSync(path, readFileSync(path, "utf8").slice(0, -9));
    await expect(Wallet.open({ market, signer, path })).rejects.toMatchObject({ code: "file_format" });
  });

  it.each([
    [1, /of version 1, that of an older hirewire; this one reads 2: move it away, and keep it/],
    [99, /of version 99, that of a newer hirewire; this one reads 2: update this one/],
  ])("is refused by name when it is of version %i", async (version, message) => {
    const wallet = await Wallet.open({ market, signer, path });
    wallet.login(lane());
    await wallet.cover(amount(1n));
    const text = readFileSync(path, "utf8");
    expect(text).toContain('"version": 2');
    writeFileSync(path, text.replace('"version": 2', `"version": ${version}`));
    await expect(Wallet.open({ market, signer, path })).rejects.toMatchObject({
      ...{ code: "file_format", message: expect.stringMatching(message) },
    });
  });
});
