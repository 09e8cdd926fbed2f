/**
 * The requester's side: an offer goes out and an answer comes back. The money for it is set aside beforehand, or signed
 * against an invoice before the output is told.
 *
 * An offer that nobody waits for any more may still cost something: it stays open, also on disk, until the gateway has
 * answered it.
 */
import type { Hex } from "../../src/base/bytes.ts";
import { type Instant, instant } from "../../src/base/clock.ts";
import { Fault, isFault } from "../../src/base/fault.ts";
import { type Amount, ZERO } from "../../src/base/money.ts";
import { COSTS_HASH, METER_VERSION } from "../../src/firmware/meter/costs.ts";
import { MAX_FUEL } from "../../src/protocol/fuel.ts";
import type { Message } from "../../src/protocol/message.ts";
import { offerDigest, taskIdOf } from "../../src/protocol/typed-data.ts";
import { newCommandId } from "./command-id.ts";
import type { Breach, TaskStep } from "./events.ts";
import type { Hold } from "./hold.ts";
import { isInvoiceOf, whyNoAnswer, whyNoProof, whyNotOwed, whyNotPaidFor } from "./invoice.ts";
import { Modules } from "./modules.ts";
import { type Answer, budgetOf, type OpenOffer, type Order, openOffer, tellState } from "./order.ts";
import { mustBeOffer, mustBeOrder } from "./order-check.ts";
import type { Reply } from "./outbox.ts";
import type { RobotParts } from "./parts.ts";

const DEADLINE_MS = 60_000;
/** How long after its deadline an offer without an answer is given up. */
const OVERDUE_MS = 60_000;
/** Until the next attempt to pay an invoice, when nobody could tell what the lane holds. */
const PAY_AGAIN_MS = 5_000;
/**
 * Offers of one order while the gateway finds too little credit. It may have paid credit out that we still count on; the
 * next offer signs all it needs, and another one beside it may have had the same answer.
 */
const MOST_OFFERS = 3;
const FOR_NOTHING = "money taken for no answer, and nobody has cancelled";

export class Hiring {
  readonly #parts: RobotParts;
  readonly #open = new Map<Hex, OpenOffer>();
  readonly #modules = new Modules();

  constructor(parts: RobotParts) {
    this.#parts = parts;
    for (const [task, message] of parts.wallet.offers) this.#send(openOffer(message, task, null, null));
  }

  /**
   * Has one piece of work done by somebody else.
   *
   * @throws {@link Fault} `usage` when the order is not as {@link Order} says, and `firmware_rejected`, with the policy's
   * `rejection` in its facts, or when the module is of another profile or needs more memory than the order says: both
   * before anything is signed or set aside; `refused` with `code` and `hint` in its facts when the gateway refuses the
   * offer, the deposit does not reach, the lane is closing, or more than the credit limit would be with the gateway;
   * `blob_missing` when the output cannot be had or is not what its hash says; `books_disagree` when the invoice or the
   * answer is not what was agreed; `timed_out` when no answer came in time; `chain_unreachable` and `chain_mismatch`
   * from the reader of lanes; `link_lost` when the robot is closed first; `disk_failed`
   */
  async hire(order: Order): Promise<Answer> {
    const { blobs, turn, terms } = this.#parts;
    mustBeOrder(order, terms()?.firmware.maxFuel ?? MAX_FUEL);
    const firmware = await blobs.keep(order.firmware);
    const input = await blobs.keep(order.input);
    try {
      const run = this.#modules.mustFit(firmware, order);
      for (let offers = 1; ; offers++) {
        try {
          return await this.#conclude(
            order,
            await turn.take(() => this.#offer(order, { firmware, input, ...run })),
          );
        } catch (error) {
          if (offers === MOST_OFFERS || !isCreditShort(error)) throw error;
        }
      }
    } finally {
      blobs.release(firmware);
      blobs.release(input);
    }
  }

  /** The gateway says how a task ended. */
  answered(answer: Message<"answer">): void {
    const offer = this.#open.get(answer.task);
    this.#tell(answer.task, answer.state, answer.reason);
    if (!offer) {
      this.#parts.wallet.creditTold(answer.credit);
      return;
    }
    const wrong = this.#whyWrong(offer, answer);
    if (wrong !== null) {
      this.#dispute(offer, "wrong_answer", wrong);
      return;
    }
    offer.answered.resolve(answer);
    const isOnResult = offer.message.payment === "result";
    if (isOnResult && answer.state !== "paid" && answer.spent > 0n) {
      // Cancelled when a provider had begun: the price is owed although there is no invoice. On disk until it is paid.
      this.#stopAsking(offer);
      this.#pay(offer, answer.spent);
    } else {
      this.#count(offer, answer);
      this.#close(offer);
    }
  }

  /** The gateway wants to be paid for a task that was offered on result. */
  invoiced(invoice: Message<"invoice">): void {
    const { market, signer, events } = this.#parts;
    const offer = this.#open.get(invoice.task);
    const isKnown = offer !== undefined && isInvoiceOf(market, signer.address, invoice);
    if (!isKnown) {
      const reason = offer ? "bad_signature" : "unknown_task";
      events.emit({ kind: "ignored", topic: "invoice", reason });
      return;
    }
    if (offer.invoice && offer.invoice.signature !== invoice.signature) {
      this.#breach(offer, "wrong_invoice", "the task was invoiced before");
      return;
    }
    const wrong = whyNotOwed(market, signer.address, offer.message, invoice);
    if (wrong !== null) {
      this.#dispute(offer, "wrong_invoice", wrong);
      return;
    }
    if (!offer.invoice) this.#tell(offer.task, "invoiced", "");
    offer.invoice = invoice;
    if (offer.order) this.#watch(offer, invoice.due);
    this.#pay(offer, invoice.price);
  }

  /** A receipt that the gateway has signed. */
  receipted(receipt: Message<"receipt">): void {
    const offer = this.#open.get(receipt.task);
    if (offer) offer.receipt = receipt;
  }

  /** The lane has changed: what could not be paid before may be payable. */
  payAgain(): void {
    for (const offer of this.#open.values()) if (offer.invoice) this.#pay(offer, offer.invoice.price);
  }

  async #offer(
    order: Order,
    work: Pick<Message<"offer">, "firmware" | "input" | "profile" | "memoryMiB">,
  ): Promise<OpenOffer> {
    const { market, signer, wallet, lanes, creditLimit, now } = this.#parts;
    order.signal?.throwIfAborted();
    const { maxPrice, checkBudget = ZERO, payment = "prepaid", fuelLimit, manifest } = order;
    const deadline = instant(now() + (order.deadlineMs ?? DEADLINE_MS));
    const sizes = { firmwareBytes: order.firmware.length, inputBytes: order.input.length };
    const named = { id: newCommandId(now()), ...work, ...sizes };
    const metered = { fuelLimit, meter: METER_VERSION, costs: COSTS_HASH };
    const unsigned = { ...named, ...metered, maxPrice, checkBudget, deadline, payment };
    const whole = { version: 1 as const, ...unsigned, ...(manifest && { manifest }) };
    mustBeOffer(whole);
    const digest = offerDigest(market, signer.address, unsigned);
    const signature = await signer.sign(digest);
    const signed = { ...whole, signature };
    wallet.offering(maxPrice);
    const task = taskIdOf(digest);
    if (payment === "result") {
      await wallet.remember(signed).catch((error: unknown) => {
        this.#keep(wallet.forget(task));
        throw error;
      });
      return this.#send(openOffer(signed, task, null, order));
    }
    const need = budgetOf(signed);
    const hold = await wallet.cover(need, { sight: await lanes.lane(), limit: creditLimit(need) });
    const message = hold.voucher ? { ...signed, voucher: hold.voucher } : signed;
    return this.#send(openOffer(message, task, hold, order));
  }

  #send(offer: OpenOffer): OpenOffer {
    const { outbox, wallet } = this.#parts;
    this.#open.set(offer.task, offer);
    try {
      outbox.send("offer", offer.message, (reply) => this.#replied(offer, reply), true);
    } catch (error) {
      if (offer.hold) wallet.release(offer.hold, "refused");
      this.#close(offer);
      throw error;
    }
    return offer;
  }

  #replied(offer: OpenOffer, reply: Reply): void {
    const { wallet } = this.#parts;
    if ("acked" in reply) {
      if (offer.message.payment === "prepaid" && offer.hold) {
        wallet.confirm(offer.hold, reply.acked.journalIndex);
      }
      if (offer.isOffered) return;
      offer.isOffered = true;
      this.#tell(offer.task, "offered", "");
      tellState(offer.order, "offered");
      return;
    }
    const facts = { task: offer.task };
    if ("stopped" in reply) {
      offer.unwatch();
      if (offer.hold) wallet.release(offer.hold, "unknown");
      offer.answered.reject(new Fault("link_lost", "the robot was closed before the answer came", { facts }));
      return;
    }
    const { code, hint } = reply.refused;
    if (offer.hold) wallet.release(offer.hold, "refused");
    if (code === "credit_short") wallet.distrustCredit();
    this.#close(offer);
    const message = `the gateway refused the offer: ${code}: ${hint}`;
    offer.answered.reject(new Fault("refused", message, { facts: { code, hint, ...facts } }));
  }

  async #conclude(order: Order, offer: OpenOffer): Promise<Answer> {
    const { outbox, now, blobs } = this.#parts;
    const { task } = offer;
    const cancelId = newCommandId(now());
    const cancel = () => {
      offer.isCancelled = true;
      outbox.send("cancel", { version: 1, id: cancelId, task });
    };
    this.#watch(offer, offer.message.deadline);
    order.signal?.addEventListener("abort", cancel, { once: true });
    if (order.signal?.aborted) cancel();
    try {
      const answer = await offer.answered.promise;
      tellState(order, answer.state);
      const { state, reason, verdict, fuel, spent, credit, provider, rechecked } = answer;
      const output = answer.output === null ? null : await blobs.fetch(answer.output, answer.outputBytes);
      const proof = { ...(offer.receipt && { receipt: offer.receipt }) };
      const bill = { ...(offer.invoice && { invoice: offer.invoice }) };
      const cost = { verdict, fuel, spent, credit };
      return { task, state, reason, output, ...cost, provider, rechecked, ...proof, ...bill };
    } finally {
      order.signal?.removeEventListener("abort", cancel);
      outbox.close(cancelId);
    }
  }

  /** Gives an offer up some time after its answer was due, if that is later than was known before. */
  #watch(offer: OpenOffer, due: Instant): void {
    const { clock, now } = this.#parts;
    offer.unwatch();
    const last = Math.max(due, offer.message.deadline);
    offer.unwatch = clock.after(last - now() + OVERDUE_MS, () => this.#giveUp(offer));
  }

  /** Nobody waits any more, but the money is not forgotten: the offer is repeated until it is answered. */
  #giveUp(offer: OpenOffer): void {
    const { wallet, events } = this.#parts;
    const { task, message, isOffered } = offer;
    this.#keep(wallet.remember(message));
    if (isOffered) {
      const need = offer.hold?.need ?? ZERO;
      events.emit({ kind: "gatewayOverdue", task, need, exposure: wallet.exposure });
    }
    offer.answered.reject(
      new Fault("timed_out", "no answer from the gateway by the deadline", { facts: { task } }),
    );
  }

  /** What a right answer does to the wallet. */
  #count(offer: OpenOffer, answer: Message<"answer">): void {
    const { wallet, signer } = this.#parts;
    const unproven =
      answer.state === "paid" ? whyNoProof(offer.receipt, signer.address, offer.message, answer) : null;
    if (unproven === null) wallet.explain(answer.spent);
    else this.#breach(offer, "receipt_missing", unproven);
    // An answer says that the offer was taken, whether or not its ack came through.
    if (offer.hold) {
      wallet.confirm(offer.hold);
      wallet.release(offer.hold, answer);
    } else {
      wallet.creditTold(answer.credit);
    }
  }

  #whyWrong(offer: OpenOffer, answer: Message<"answer">): string | null {
    const { invoice, message } = offer;
    const wrong = whyNoAnswer(message, answer);
    if (wrong !== null) return wrong;
    const isForNothing = answer.state !== "paid" && answer.spent > 0n && !mayHaveCancelled(offer);
    if (isForNothing && message.payment === "prepaid") return FOR_NOTHING;
    return invoice ? whyNotPaidFor(invoice, answer) : null;
  }

  /** Signs what is owed, as far as credit does not cover it, and sends the voucher. */
  #pay(offer: OpenOffer, sum: Amount): void {
    const { turn, wallet, lanes, creditLimit, outbox, now } = this.#parts;
    if (offer.isPaying || offer.hold) return;
    offer.isPaying = true;
    const work = async () => {
      const sight = await lanes.lane();
      if (!this.#open.has(offer.task)) return;
      // The gateway cancels by itself only what a closing lane could not pay for.
      if (!offer.invoice && !mayHaveCancelled(offer) && sight.closeAt === 0) {
        this.#dispute(offer, "wrong_answer", FOR_NOTHING);
        return;
      }
      const hold = await wallet.cover(sum, { sight, limit: creditLimit(sum), isDebt: true });
      offer.hold = hold;
      const { voucher } = hold;
      if (!this.#open.has(offer.task)) wallet.release(hold, "refused");
      else if (!voucher) this.#covered(offer, hold);
      else {
        const command = { version: 1 as const, id: newCommandId(now()), voucher };
        outbox.send("voucher", command, (reply) => this.#vouched(offer, hold, reply));
      }
    };
    const paid = turn.take(work).catch((error: unknown) => this.#unpaid(offer, sum, error));
    void paid.then(() => {
      offer.isPaying = false;
    });
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
      this.#pay(offer, hold.need);
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
    this.#close(offer);
  }

  #unpaid(offer: OpenOffer, sum: Amount, error: unknown): void {
    const { clock, events } = this.#parts;
    events.emit({ kind: "fault", error });
    if (isFault(error) && error.remedy === "retry") {
      clock.after(PAY_AGAIN_MS, () => this.#open.has(offer.task) && this.#pay(offer, sum));
    } else {
      offer.answered.reject(error);
    }
  }

  /** The gateway has signed or said what was not agreed. The money stays in doubt: it is not counted as spent. */
  #dispute(offer: OpenOffer, breach: Breach, reason: string): void {
    this.#breach(offer, breach, reason);
    if (offer.hold) this.#parts.wallet.release(offer.hold, "unknown");
    this.#close(offer);
    const facts = { task: offer.task, reason };
    offer.answered.reject(
      new Fault("books_disagree", `the gateway is not to be trusted: ${reason}`, { facts }),
    );
  }

  #close(offer: OpenOffer): void {
    this.#stopAsking(offer);
    this.#open.delete(offer.task);
    this.#keep(this.#parts.wallet.forget(offer.task));
  }

  #stopAsking(offer: OpenOffer): void {
    offer.unwatch();
    this.#parts.outbox.close(offer.message.id);
  }

  #keep(saving: Promise<void>): void {
    saving.catch((error: unknown) => this.#parts.events.emit({ kind: "fault", error }));
  }

  #tell(task: Hex, step: TaskStep, reason: string): void {
    this.#parts.events.emit({ kind: "task", task, side: "requester", step, reason });
  }

  #breach({ task }: OpenOffer, breach: Breach, reason: string): void {
    this.#parts.events.emit({ kind: "breached", task, side: "requester", breach, reason });
  }
}

function isCreditShort(error: unknown): boolean {
  return isFault(error) && error.code === "refused" && error.facts["code"] === "credit_short";
}

/** Whether its cancellation was asked for, which an earlier process may have done. */
function mayHaveCancelled({ order, isCancelled }: OpenOffer): boolean {
  return order === null || isCancelled;
}
