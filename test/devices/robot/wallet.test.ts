import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Hold, Wallet } from "../../../devices/robot/wallet.ts";
import { isFault } from "../../../src/base/fault.ts";
import { type Amount, amount, ZERO } from "../../../src/base/money.ts";
import { randomKey } from "../../../src/kernels/signature.ts";
import type { Terms } from "../../../src/protocol/message.ts";
import { keySigner } from "../../../src/protocol/signer.ts";
import type { Market } from "../../../src/protocol/typed-data.ts";
import { type Voucher, voucherDigest, voucherPayer } from "../../../src/protocol/voucher.ts";

const signer = keySigner(randomKey());
const gateway = keySigner(randomKey());
const market: Market = {
  ...{ gateway: gateway.address, chainId: 1 },
  ...{ vault: `0x${"aa".repeat(20)}`, token: `0x${"bb".repeat(20)}` },
};
const lane = (more: Partial<Terms["lane"]> = {}): Terms["lane"] => ({
  ...{ epoch: 3, deposit: amount(10_000n), signed: ZERO, voucher: null, credit: ZERO, held: ZERO },
  ...more,
});
/** A voucher to the gateway, as it shows it at login. */
const proof = async (cumulative: bigint, more: Partial<Voucher> = {}, by = signer, at = market) => {
  const { signature: given, ...named } = more;
  const voucher = {
    ...{ payee: gateway.address, token: market.token, epoch: 3, cumulative: amount(cumulative) },
    ...named,
  };
  return { ...voucher, signature: given ?? (await by.sign(voucherDigest(at, voucher))) };
};
const paid = async (cumulative: bigint, epoch = 0, by = gateway) => {
  const voucher = { payee: signer.address, token: market.token, epoch, cumulative: amount(cumulative) };
  return { ...voucher, signature: await by.sign(voucherDigest(market, voucher)) };
};

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
    expect(voucher && voucherPayer(market, voucher)).toBe(signer.address);
    expect(wallet.free).toBe(ZERO);
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
    expect(await wallet.receive(await paid(10n))).toBe("kept");
    expect(await wallet.receive(await paid(10n))).toBe("stale");
    expect(await wallet.receive(await paid(9n))).toBe("stale");
    expect(await wallet.receive(await paid(50n, 0, signer))).toBe("forged");
    expect(await wallet.receive({ ...(await paid(50n)), payee: gateway.address })).toBe("forged");
    expect(await wallet.receive({ ...(await paid(50n)), cumulative: amount(51n) })).toBe("forged");
    expect(await wallet.receive(await paid(1n, 1))).toBe("kept");
    expect(wallet.received.map(({ epoch, cumulative }) => [epoch, cumulative])).toEqual([
      [0, 10n],
      [1, 1n],
    ]);
    expect(wallet.ignored).toEqual({ stale: 2, forged: 3 });
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
    ["a voucher of another chain", () => proof(999_000n, {}, signer, { ...market, chainId: 2 })],
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
});

/** What the gateway would count, and the offers between it and the wallet. */
class Ledger {
  deposit = 3_000n;
  signed = 0n;
  spent = 0n;
  held = 0n;
  wallet: Wallet;
  /** What the wallet has ever signed. */
  promised = 0n;
  /** In the order of their covers; an end is there before the wallet has heard of it. */
  offers: { hold: Hold; taken: boolean; end: bigint | null }[] = [];

  /** Taken, of a process that is gone. */
  readonly forgotten: Hold[] = [];

  constructor(wallet: Wallet) {
    this.wallet = wallet;
    this.login();
  }

  get credit(): Amount {
    return amount(this.signed - this.spent - this.held);
  }

  /** @param more - what the gateway claims to have beyond the truth */
  login(more = 0n, voucher: Voucher | null = null): void {
    const [deposit, signed, held] = [amount(this.deposit), amount(this.signed + more), amount(this.held)];
    this.wallet.login({ epoch: 0, deposit, signed, voucher, credit: this.credit, held });
    for (const offer of [...this.offers]) {
      if (!offer.taken) this.take(offer, true);
      else if (offer.end !== null) this.tell(offer);
      else this.wallet.confirm(offer.hold);
    }
  }

  /** Another process of the device, without a file: what has not arrived is lost, and no end is waited for. */
  async restart(wallet: Wallet): Promise<void> {
    for (const { hold, taken, end } of this.offers) if (taken && end === null) this.forgotten.push(hold);
    this.offers = [];
    this.wallet = wallet;
    this.login(0n, this.signed > 0n ? await proof(this.signed, { epoch: 0 }) : null);
    expect(wallet).toMatchObject({ signed: this.signed, doubt: null });
  }

  cancelForgotten(): void {
    this.held -= this.forgotten.pop()?.need ?? 0n;
  }

  /** The offer arrives; its ack may be lost. */
  take(offer: (typeof this.offers)[number], acked: boolean): void {
    this.keepVoucher(offer.hold);
    expect(this.credit).toBeGreaterThanOrEqual(offer.hold.need);
    this.held += offer.hold.need;
    offer.taken = true;
    if (acked) this.wallet.confirm(offer.hold);
  }

  keepVoucher({ voucher }: Hold): void {
    if (!voucher) return;
    expect(voucher.cumulative).toBeGreaterThanOrEqual(this.signed);
    this.signed = voucher.cumulative;
  }

  refuse(offer: (typeof this.offers)[number], kept: boolean): void {
    if (kept) this.keepVoucher(offer.hold);
    this.offers = this.offers.filter((other) => other !== offer);
    this.wallet.release(offer.hold, "refused");
  }

  end(offer: (typeof this.offers)[number], share: bigint, heard: boolean): void {
    offer.end = (offer.hold.need * share) / 100n;
    this.held -= offer.hold.need;
    this.spent += offer.end;
    if (heard) this.tell(offer);
  }

  tell(offer: (typeof this.offers)[number]): void {
    this.offers = this.offers.filter((other) => other !== offer);
    this.wallet.release(offer.hold, { spent: amount(offer.end ?? 0n), credit: this.credit });
  }
}

describe("a wallet's estimate of its credit", () => {
  const quick = { address: signer.address, sign: () => Promise.resolve(`0x${"00".repeat(65)}` as const) };
  const forged = { payee: gateway.address, token: market.token, epoch: 0, cumulative: amount(2_999n) };
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ do: fc.constant("hire" as const), need: fc.bigInt(0n, 400n) }) },
    { weight: 8, arbitrary: fc.record({ do: fc.constant("arrive" as const), acked: fc.boolean() }) },
    { weight: 8, arbitrary: fc.record({ do: fc.constant("refuse" as const), kept: fc.boolean() }) },
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant("end" as const),
        which: fc.nat(9),
        share: fc.bigInt(0n, 100n),
        heard: fc.boolean(),
      }),
    },
    { weight: 5, arbitrary: fc.record({ do: fc.constant("reconnect" as const) }) },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant("lie" as const),
        more: fc.bigInt(1n, 999_000n),
        shown: fc.constantFrom(null, { ...forged, signature: `0x${"00".repeat(65)}` } as const),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("restart" as const) }) },
  );

  it("never lets an offer arrive without cover, nor a voucher fall or exceed the deposit, whatever is lost or lied", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60, size: "max" }), async (steps) => {
        const ledger = new Ledger(await Wallet.open({ market, signer: quick }));
        for (const one of steps) {
          const waiting = ledger.offers.find(({ taken }) => !taken);
          if (one.do === "hire") {
            const hold = await ledger.wallet.cover(amount(one.need)).catch((error: unknown) => {
              if (isFault(error, "refused")) return null;
              throw error;
            });
            if (hold) ledger.offers.push({ hold, taken: false, end: null });
            const cumulative = hold?.voucher?.cumulative ?? 0n;
            if (cumulative > ledger.promised) ledger.promised = cumulative;
          } else if (one.do === "reconnect") ledger.login();
          else if (one.do === "lie") ledger.login(one.more, one.shown);
          else if (one.do === "restart") await ledger.restart(await Wallet.open({ market, signer: quick }));
          else if (one.do === "arrive" && waiting) ledger.take(waiting, one.acked);
          else if (one.do === "refuse" && waiting) ledger.refuse(waiting, one.kept);
          else if (one.do === "end") {
            const open = ledger.offers.filter(({ taken, end }) => taken && end === null);
            const offer = open[one.which % Math.max(open.length, 1)];
            if (offer) ledger.end(offer, one.share, one.heard);
            else ledger.cancelForgotten();
          }
          expect(ledger.wallet.signed).toBeLessThanOrEqual(ledger.deposit);
          expect(ledger.wallet.signed).toBeLessThanOrEqual(ledger.promised);
        }
        ledger.login();
        const open = [...ledger.offers];
        for (const offer of open) ledger.end(offer, 50n, true);
        if (open.length > 0) expect(ledger.wallet.free).toBe(ledger.credit);
        // with nothing under way both sides count the same, but for vouchers that were lost with a refusal
        ledger.login();
        expect(ledger.wallet.free).toBe(ledger.credit + ledger.wallet.signed - ledger.signed);
      }),
      { numRuns: 300 },
    );
  });
});
