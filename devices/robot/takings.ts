/**
 * What the gateway's vouchers have added, and what of it was for what we wait for.
 *
 * A payment says what it is for, but only the growth of its voucher proves that there is money in it: each thing that
 * is waited for draws on that growth once. Vouchers may come in another order than payments, so growth waits here for
 * its payment; growth from before we waited for anything was for something else.
 */
import { type Amount, amount } from "../../src/base/money.ts";

export class Takings {
  #pool = 0n;
  #waiting = 0;

  /** Something is to be paid from here on. */
  expect(): void {
    if (this.#waiting === 0) this.#pool = 0n;
    this.#waiting++;
  }

  /** It was paid, or is waited for no longer. */
  unexpect(): void {
    this.#waiting--;
  }

  /** A voucher has grown by so much. */
  grow(gain: Amount): void {
    this.#pool += gain;
  }

  /** Takes all that has grown for nothing that was named, up to a sum. */
  drawRest(most: Amount): Amount {
    const rest = amount(this.#pool < most ? this.#pool : most);
    this.#pool -= rest;
    return rest;
  }

  /** Takes what a payment was for; false, and nothing is taken, when the vouchers have not grown as much. */
  draw(sum: Amount): boolean {
    if (this.#pool < sum) return false;
    this.#pool -= sum;
    return true;
  }
}
