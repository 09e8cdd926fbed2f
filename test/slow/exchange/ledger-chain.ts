/** What the chain would hold of a market's lanes, and how a gateway that looks at it is told. */
import type { Hex } from "../../../src/base/bytes.ts";
import { claimable, type PaymentState } from "../../../src/payment/payment.ts";
import type { Fact } from "../../../src/protocol/facts.ts";
import { hash32, laneSeen } from "../../exchange/stage.ts";

type Held = { readonly payer: Hex; readonly payee: Hex; deposit: bigint; settled: bigint };

export class LedgerChain {
  readonly #lanes = new Map<string, Held>();
  #block = 1;

  /** More money on a lane of the gateway's with a device. */
  deposit(payer: Hex, payee: Hex, more: bigint): void {
    const lane = this.#lanes.get(`${payer} ${payee}`) ?? { payer, payee, deposit: 0n, settled: 0n };
    this.#lanes.set(`${payer} ${payee}`, { ...lane, deposit: lane.deposit + more });
  }

  /** Every lane as it is now. */
  look(): Fact[] {
    return [...this.#lanes.values()].map(({ payer, payee, deposit, settled }) =>
      laneSeen(payer, payee, deposit, { settled }),
    );
  }

  /** Claims all that can be claimed, at once and for good; the fact may still get lost on its way to the journal. */
  claim(payment: PaymentState): Fact | null {
    const lanes = claimable(payment).map(({ newest, signed, ...rest }) => ({ ...rest, settled: signed }));
    if (lanes.length === 0) return null;
    for (const { payer, payee, settled } of lanes) {
      const lane = this.#lanes.get(`${payer} ${payee}`);
      if (!lane || settled > lane.deposit || settled < lane.settled)
        throw new Error("the vault would not pay");
      lane.settled = settled;
    }
    this.#block += 1;
    const at = { transaction: hash32(this.#block % 256), block: this.#block, gasUsed: 1n, gasCost: 1n };
    return { kind: "claimed", ...at, lanes };
  }
}
