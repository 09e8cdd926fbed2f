/** Credit asked back from the gateway: it comes as a voucher on the gateway's lane to this device. */
import { Fault } from "../../src/base/fault.ts";
import { type Amount, ZERO } from "../../src/base/money.ts";
import type { Message } from "../../src/protocol/message.ts";
import { newCommandId } from "./command-id.ts";
import type { Reply } from "./outbox.ts";
import type { RobotParts } from "./parts.ts";

/** How long a payout is waited for, milliseconds; nothing else is signed meanwhile. */
const PAYOUT_MS = 60_000;
/** After an ack without a payment, milliseconds: the payment went with a session that is gone. */
const SHOWN_MS = 2_000;
/** Between two askings that nobody but us has asked for, milliseconds. */
const AGAIN_MS = 60_000;

export class Payouts {
  readonly #parts: RobotParts;
  #running: Promise<Amount> | null = null;
  #paid: ((sum: Amount) => void) | null = null;
  #isResting: boolean = false;
  #rested: () => void = () => {};

  constructor(parts: RobotParts) {
    this.#parts = parts;
  }

  /**
   * Asks for the whole credit; resolves with what was paid out. Asked again meanwhile, it is the same payout.
   *
   * @throws {@link Fault} `refused` with `code` and `hint` in its facts (`no_credit`, `hub_capacity`), `timed_out`,
   * `queue_full`, `link_lost` when the robot is closed first
   */
  ask(): Promise<Amount> {
    this.#running ??= this.#parts.turn
      .take(() => this.#ask())
      .finally(() => {
        this.#running = null;
      });
    return this.#running;
  }

  /** Asks by itself when there is more credit than may be with the gateway, at most once a minute. */
  creditTold(credit: Amount): void {
    const { clock, creditLimit, events } = this.#parts;
    if (credit <= creditLimit(ZERO) || this.#isResting) return;
    this.#isResting = true;
    this.#rested = clock.after(AGAIN_MS, () => {
      this.#isResting = false;
    });
    this.ask().catch((error: unknown) => events.emit({ kind: "fault", error }));
  }

  /** Asks for nothing by itself any more: the robot is closed. */
  stop(): void {
    this.#isResting = true;
    this.#rested();
  }

  /** Credit was paid out by this payment; what the vouchers have grown by proves it, or nothing is done. */
  paid({ amount: sum }: Message<"payment">): boolean {
    const { takings, wallet } = this.#parts;
    if (!takings.draw(sum)) return false;
    wallet.paidOut(sum);
    this.#paid?.(sum);
    return true;
  }

  async #ask(): Promise<Amount> {
    const { wallet, takings, outbox, clock, now } = this.#parts;
    const place = outbox.reserve();
    const done = Promise.withResolvers<Amount>();
    const id = newCommandId(now());
    const most = wallet.free;
    let unwait = () => {};
    const shown = () => {
      const sum = takings.drawRest(most);
      if (sum === 0n) return;
      wallet.paidOut(sum);
      done.resolve(sum);
    };
    const late = new Fault("timed_out", "the credit was not paid out in time");
    const unwatch = clock.after(PAYOUT_MS, () => done.reject(late));
    takings.expect();
    this.#paid = done.resolve;
    const heard = (reply: Reply) => {
      unwait();
      if ("acked" in reply) unwait = clock.after(SHOWN_MS, shown);
      else done.reject(this.#fault(reply));
    };
    outbox.send("payout", { version: 1, id }, { heard, kept: true, place });
    try {
      return await done.promise;
    } finally {
      this.#paid = null;
      takings.unexpect();
      unwatch();
      unwait();
      outbox.close(id);
    }
  }

  #fault(reply: Exclude<Reply, { acked: unknown }>): Fault {
    if ("stopped" in reply)
      return new Fault("link_lost", "the robot was closed before its credit was paid out");
    const { code, hint } = reply.refused;
    if (code === "no_credit") this.#parts.wallet.distrustCredit();
    return new Fault("refused", `the gateway refused the payout: ${code}: ${hint}`, {
      facts: { code, hint },
    });
  }
}
