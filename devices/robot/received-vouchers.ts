/** The gateway's vouchers to this device: the highest of each epoch of its lane. */
import type { Hex } from "../../src/base/bytes.ts";
import { type Amount, amount, ZERO } from "../../src/base/money.ts";
import type { Market } from "../../src/protocol/typed-data.ts";
import { isVoucherOf, type Voucher } from "../../src/protocol/voucher.ts";

/** What became of a voucher from the gateway, and by how much it has grown on the one before it. */
export type VoucherReceived = { readonly fate: "kept" | "stale" | "forged"; readonly gain: Amount };

export class ReceivedVouchers {
  readonly #market: Market;
  readonly #device: Hex;
  readonly #highest = new Map<number, Voucher>();
  #staleCount = 0;
  #forgedCount = 0;

  constructor(market: Market, device: Hex) {
    this.#market = market;
    this.#device = device;
  }

  /** Newest epoch last. */
  get all(): readonly Voucher[] {
    return [...this.#highest.values()].toSorted((a, b) => a.epoch - b.epoch);
  }

  /** Those that were worth nothing. */
  get ignored(): { readonly stale: number; readonly forged: number } {
    return { stale: this.#staleCount, forged: this.#forgedCount };
  }

  /** The highest total signed in an epoch. */
  totalIn(epoch: number): Amount {
    return this.#highest.get(epoch)?.cumulative ?? ZERO;
  }

  /** Keeps a voucher that was checked before. */
  restore(voucher: Voucher): void {
    this.#highest.set(voucher.epoch, voucher);
  }

  /** Keeps a voucher if it is the gateway's to us and worth more than the ones before it. */
  take(voucher: Voucher): VoucherReceived {
    const isToUs = voucher.payee === this.#device && isOfMarket(this.#market, voucher);
    if (!isToUs || !isVoucherOf(voucher, this.#market.gateway)) {
      this.#forgedCount++;
      return { fate: "forged", gain: ZERO };
    }
    const before = this.totalIn(voucher.epoch);
    if (voucher.cumulative <= before) {
      this.#staleCount++;
      return { fate: "stale", gain: ZERO };
    }
    this.#highest.set(voucher.epoch, voucher);
    return { fate: "kept", gain: amount(voucher.cumulative - before) };
  }
}

/** Whether a voucher is for the vault and the token that we trade by. */
export function isOfMarket(market: Market, { chainId, vault, token }: Voucher): boolean {
  return chainId === market.chainId && vault === market.vault && token === market.token;
}
