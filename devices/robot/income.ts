/** What the gateway pays: each voucher is counted before the next payment draws on it, and only if its lane backs it. */
import { type Amount, add, ZERO } from "../../src/base/money.ts";
import type { Message } from "../../src/protocol/message.ts";
import type { Voucher } from "../../src/protocol/voucher.ts";
import type { RobotParts } from "./parts.ts";
import { Turn } from "./turn.ts";

/** Whoever is paid; `false` for a payment that was no payout. */
export type Payee = {
  readonly served: (payment: Message<"payment">) => void;
  readonly paidOut: (payment: Message<"payment">) => boolean;
};

export class Income {
  readonly #parts: RobotParts;
  readonly #payee: Payee;
  readonly #judging = new Turn();
  /** What vouchers of the newest epoch add, and the lane has not been seen to hold. */
  #unproven: { readonly epoch: number; readonly sum: Amount } = { epoch: -1, sum: ZERO };

  constructor(parts: RobotParts, payee: Payee) {
    this.#parts = parts;
    this.#payee = payee;
  }

  /**
   * Takes a payment once those before it are judged.
   *
   * @throws {@link Fault} `disk_failed` when its voucher cannot be kept
   */
  paid(payment: Message<"payment">): Promise<void> {
    return this.#judging.take(() => this.#judge(payment));
  }

  async #judge(payment: Message<"payment">): Promise<void> {
    const { wallet, takings, events } = this.#parts;
    const { task, role, amount, voucher } = payment;
    const { fate, gain } = await wallet.receive(voucher);
    if (fate === "forged") {
      events.emit({ kind: "ignored", topic: "payment", reason: "bad_signature" });
      return;
    }
    const before = fate === "kept" && voucher.epoch !== this.#unproven.epoch ? ZERO : this.#unproven.sum;
    const sum = add(before, gain);
    // a reader that did not answer is asked again with the next payment: the newest voucher stands for all before it
    const isProven = sum > 0n && (await this.#isBacked(voucher));
    if (isProven) takings.grow(sum);
    this.#unproven = {
      epoch: fate === "kept" ? voucher.epoch : this.#unproven.epoch,
      sum: isProven ? ZERO : sum,
    };
    const { cumulative } = voucher;
    if (fate === "kept") events.emit({ kind: "payment", task, role, amount, cumulative });
    if (task !== null) this.#payee.served(payment);
    else if (amount > 0n && !this.#payee.paidOut(payment) && fate === "kept") {
      events.emit({ kind: "ignored", topic: "payment", reason: "underpaid" });
    }
  }

  async #isBacked(voucher: Voucher): Promise<boolean> {
    const { lanes, events } = this.#parts;
    try {
      if (await lanes.backs(voucher)) return true;
      events.emit({ kind: "ignored", topic: "payment", reason: "unbacked" });
    } catch (error) {
      events.emit({ kind: "fault", error });
    }
    return false;
  }
}
