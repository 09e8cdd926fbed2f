/** How much each lane had settled when that was last noted, so that the next claim's part can be told. */
import type { Hex } from "../../base/bytes.ts";

export type SettledLane = {
  readonly payer: Hex;
  readonly payee: Hex;
  readonly epoch: number;
  readonly settled: bigint;
};

export class SettledLanes {
  readonly #known = new Map<string, { readonly epoch: number; readonly settled: bigint }>();

  /** @param lanes - as they are at the start: what they have settled before is no claim */
  constructor(lanes: Iterable<SettledLane>) {
    for (const { payer, payee, epoch, settled } of lanes) {
      this.#known.set(`${payer} ${payee}`, { epoch, settled });
    }
  }

  /** Whether the lane was noted before. */
  has({ payer, payee }: SettledLane): boolean {
    return this.#known.has(`${payer} ${payee}`);
  }

  /** Notes how the lane is now; gives what it has settled more, nothing where it is less. */
  note({ payer, payee, epoch, settled }: SettledLane): bigint {
    const name = `${payer} ${payee}`;
    const known = this.#known.get(name);
    this.#known.set(name, { epoch, settled });
    const before = known?.epoch === epoch ? known.settled : 0n;
    return settled > before ? settled - before : 0n;
  }
}
