import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Hold } from "../../../devices/robot/hold.ts";
import { Wallet } from "../../../devices/robot/wallet.ts";
import { isFault } from "../../../src/base/fault.ts";
import { type Amount, amount } from "../../../src/base/money.ts";
import type { Voucher } from "../../../src/protocol/voucher.ts";
import { gateway, lane, market, proof, signer } from "./wallet-stand.ts";

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
    this.wallet.login(lane({ epoch: 0, deposit, signed, voucher, credit: this.credit, held }));
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
    this.wallet.explain(amount(offer.end ?? 0n));
    this.wallet.release(offer.hold, { spent: amount(offer.end ?? 0n), credit: this.credit });
  }
}

describe("a wallet's estimate of its credit", () => {
  const quick = { address: signer.address, sign: () => Promise.resolve(`0x${"00".repeat(65)}` as const) };
  const forged = {
    ...{ chainId: market.chainId, vault: market.vault, payee: gateway.address, token: market.token },
    ...{ epoch: 0, cumulative: amount(2_999n) },
  };
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
          // what the gateway could run away with is never counted too low, whatever it says
          expect(ledger.wallet.exposure).toBeGreaterThanOrEqual(ledger.wallet.signed - ledger.spent);
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
