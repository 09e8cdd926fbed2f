/** What is owed for work that was offered on result: signed as far as credit does not cover it, and sent. */
import type { Hex } from "../../src/base/bytes.ts";
import { Fault, isFault } from "../../src/base/fault.ts";
import type { Amount } from "../../src/base/money.ts";
import { newCommandId } from "./command-id.ts";
import type { Hold } from "./hold.ts";
import { mayHaveCancelled, type OpenOffer } from "./order.ts";
import type { Reply } from "./outbox.ts";
import type { RobotParts } from "./parts.ts";

/** What becomes of an offer whose debt is looked at. */
export type DebtEnds = {
  /** Whether the offer still waits for something. */
  readonly isOpen: (task: Hex) => boolean;
  /** The gateway wants money that it has not earned. */
  readonly disputed: (offer: OpenOffer) => void;
  /** Paid, and no answer is to come. */
  readonly settled: (offer: OpenOffer) => void;
};

/** Until the next attempt to pay an invoice, when nobody could tell what the lane holds. */
const PAY_AGAIN_MS = 5_000;

export class Debts {
  readonly #parts: RobotParts;
  readonly #ends: DebtEnds;
  /** Attempts that are to be made again. */
  readonly #later = new Set<() => void>();
  #isStopped: boolean = false;

  constructor(parts: RobotParts, ends: DebtEnds) {
    this.#parts = parts;
    this.#ends = ends;
  }

  /** Pays once it is our turn; does nothing while it is being paid, or its money is set aside. */
  pay(offer: OpenOffer, sum: Amount): void {
    if (offer.isPaying || offer.hold || this.#isStopped) return;
    offer.isPaying = true;
    const work = this.#parts.turn.take(() => this.#sign(offer, sum));
    const paid = work.catch((error: unknown) => this.#unpaid(offer, sum, error));
    void paid.then(() => {
      offer.isPaying = false;
    });
  }

  /** Tries nothing again: the robot is closed. */
  stop(): void {
    this.#isStopped = true;
    for (const cancel of this.#later) cancel();
    this.#later.clear();
  }

  async #sign(offer: OpenOffer, sum: Amount): Promise<void> {
    const { wallet, lanes, creditLimit, outbox, now } = this.#parts;
    const sight = await lanes.lane();
    if (!this.#ends.isOpen(offer.task)) return;
    // The gateway cancels by itself only what a closing lane could not pay for.
    if (!offer.invoice && !mayHaveCancelled(offer) && sight.closeAt === 0) return this.#ends.disputed(offer);
    const hold = await wallet.cover(sum, { sight, limit: creditLimit(sum), isDebt: true });
    offer.hold = hold;
    const { voucher } = hold;
    if (!this.#ends.isOpen(offer.task)) wallet.release(hold, "refused");
    else if (!voucher) this.#covered(offer, hold);
    else {
      const heard = (reply: Reply) => this.#vouched(offer, hold, reply);
      outbox.send("voucher", { version: 1, id: newCommandId(now()), voucher }, { heard });
    }
  }

  #vouched(offer: OpenOffer, hold: Hold, reply: Reply): void {
    const { wallet } = this.#parts;
    if ("stopped" in reply) return;
    // Stale: the gateway has as much or more, and pays the debt out of it.
    if ("acked" in reply || reply.refused.code === "voucher_stale") {
      wallet.confirm(hold);
      this.#covered(offer, hold);
      return;
    }
    wallet.release(hold, "refused");
    offer.hold = null;
    if (hold.voucher?.epoch !== wallet.epoch) {
      this.pay(offer, hold.need);
      return;
    }
    const { code, hint } = reply.refused;
    const facts = { code, hint, task: offer.task };
    offer.answered.reject(new Fault("refused", `the gateway refused the payment: ${code}`, { facts }));
  }

  /** A debt without an invoice has no answer to come: it is settled by its voucher. */
  #covered(offer: OpenOffer, hold: Hold): void {
    if (offer.invoice) return;
    this.#parts.wallet.release(hold, { spent: hold.need, credit: null });
    this.#parts.wallet.explain(hold.need);
    this.#ends.settled(offer);
  }

  #unpaid(offer: OpenOffer, sum: Amount, error: unknown): void {
    if (this.#isStopped) return;
    this.#parts.events.emit({ kind: "fault", error });
    if (isFault(error) && error.remedy === "retry") this.#again(offer, sum);
    else offer.answered.reject(error);
  }

  #again(offer: OpenOffer, sum: Amount): void {
    const cancel = this.#parts.clock.after(PAY_AGAIN_MS, () => {
      this.#later.delete(cancel);
      if (this.#ends.isOpen(offer.task)) this.pay(offer, sum);
    });
    this.#later.add(cancel);
  }
}
