/** For which task each voucher was signed, until it is claimed: so that a claim can be told in the traces of its tasks. */
import type { Hex } from "../../../base/bytes.ts";

/** Vouchers that are remembered: what is older is claimed without a word in its trace. */
const MOST = 8_192;

type LaneName = { readonly payer: Hex; readonly payee: Hex };
type Signed = { readonly task: Hex; readonly epoch: number; readonly cumulative: bigint };

export class VoucherTraces {
  /** By lane, the oldest first. */
  readonly #lanes = new Map<string, Signed[]>();
  #count = 0;

  add({ payer, payee }: LaneName, signed: Signed): void {
    if (this.#count >= MOST) this.#dropOldest();
    const name = `${payer} ${payee}`;
    const known = this.#lanes.get(name) ?? [];
    known.push(signed);
    // a lane that is used moves to the end, so that the first is the one that was not for the longest time
    this.#lanes.delete(name);
    this.#lanes.set(name, known);
    this.#count++;
  }

  /** Those that a claim has paid, which are forgotten with all of the lane's earlier lives. */
  claimed({
    payer,
    payee,
    epoch,
    settled,
  }: LaneName & { epoch: number; settled: bigint }): readonly Signed[] {
    const name = `${payer} ${payee}`;
    const known = this.#lanes.get(name) ?? [];
    const left = known.filter(
      (one) => one.epoch > epoch || (one.epoch === epoch && one.cumulative > settled),
    );
    this.#count -= known.length - left.length;
    if (left.length === 0) this.#lanes.delete(name);
    else this.#lanes.set(name, left);
    return known.filter((one) => one.epoch === epoch && one.cumulative <= settled);
  }

  #dropOldest(): void {
    for (const [name, known] of this.#lanes) {
      known.shift();
      this.#count--;
      if (known.length === 0) this.#lanes.delete(name);
      return;
    }
  }
}
