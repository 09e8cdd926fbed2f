/**
 * The requester's side: an offer goes out and an answer comes back. The money for it is set aside beforehand, or signed
 * against an invoice before the output is told.
 *
 * An offer that nobody waits for any more may still cost something: it stays open, also on disk, until the gateway has
 * answered it.
 */
import type { Hex } from "../../src/base/bytes.ts";
import type { Instant } from "../../src/base/clock.ts";
import { Fault, isFault } from "../../src/base/fault.ts";
import { ZERO } from "../../src/base/money.ts";
import { MAX_FUEL } from "../../src/protocol/fuel.ts";
import type { Message } from "../../src/protocol/message.ts";
import { newCommandId } from "./command-id.ts";
import { Debts } from "./debts.ts";
import type { Breach, TaskStep } from "./events.ts";
import { isInvoiceOf, whyNoAnswer, whyNoProof, whyNotOwed, whyNotPaidFor } from "./invoice.ts";
import { Modules } from "./modules.ts";
import { commandBytesOf, signOffer, type Work } from "./offering.ts";
import {
  type Answer,
  mayHaveCancelled,
  type OpenOffer,
  type Order,
  openOffer,
  tellProgress,
  tellState,
} from "./order.ts";
import { mustBeOrder } from "./order-check.ts";
import type { Place, Reply } from "./outbox.ts";
import type { RobotParts } from "./parts.ts";
import { Upload } from "./upload.ts";

/** How long after its deadline an offer without an answer is given up. */
const OVERDUE_MS = 60_000;
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
  readonly #debts: Debts;
  #isStopped: boolean = false;

  constructor(parts: RobotParts) {
    this.#parts = parts;
    this.#debts = new Debts(parts, {
      isOpen: (task) => this.#open.has(task),
      disputed: (offer) => this.#dispute(offer, "wrong_answer", FOR_NOTHING),
      settled: (offer) => this.#close(offer),
    });
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
   * from the reader of lanes; `queue_full` when too much waits for the gateway, before anything is signed; `link_lost`
   * when the robot is closed first; `disk_failed`; and the reason of the order's signal
   */
  async hire(order: Order): Promise<Answer> {
    const { blobs, terms, outbox, uploads } = this.#parts;
    order.signal?.throwIfAborted();
    mustBeOrder(order, terms()?.firmware.maxFuel ?? MAX_FUEL);
    let place = outbox.reserve(commandBytesOf(order));
    let upload: Upload | null = null;
    try {
      upload = await Upload.hold(blobs, order, uploads);
      const { firmware, input } = upload;
      const work = { firmware, input, ...this.#modules.mustFit(firmware, order) };
      for (let offers = 1; ; offers++) {
        try {
          return await this.#conclude(order, await this.#begin(order, work, place), upload);
        } catch (error) {
          if (offers === MOST_OFFERS || !isCreditShort(error)) throw error;
          place = outbox.reserve(commandBytesOf(order));
        }
      }
    } finally {
      place.free();
      upload?.release();
    }
  }

  /** Offers and waits for nothing any more: the robot is closed. What has never left is nobody's business any longer. */
  stop(): void {
    this.#isStopped = true;
    this.#debts.stop();
    for (const offer of [...this.#open.values()]) {
      if (offer.order) this.#withdraw(offer, closedBefore("the offer was made"));
    }
  }

  /** A provider says how far it is, through the gateway. */
  progressed({ task, step, done, total }: Message<"progress">): void {
    const offer = this.#open.get(task);
    if (offer) tellProgress(this.#parts.events, offer, { step, done, total });
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
      this.#debts.pay(offer, answer.spent);
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
    this.#debts.pay(offer, invoice.price);
  }

  /** A receipt that the gateway has signed. */
  receipted(receipt: Message<"receipt">): void {
    const offer = this.#open.get(receipt.task);
    if (offer) offer.receipt = receipt;
  }

  /** The lane has changed: what could not be paid before may be payable. */
  payAgain(): void {
    for (const offer of this.#open.values()) if (offer.invoice) this.#debts.pay(offer, offer.invoice.price);
  }

  /** Offers when it is our turn. A signal that comes before the offer has left ends it at once, and nothing leaves. */
  async #begin(order: Order, work: Work, place: Place): Promise<OpenOffer> {
    const { signal } = order;
    const begun = Promise.withResolvers<OpenOffer>();
    const abort = () => begun.reject(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    if (signal?.aborted) abort();
    const offer = this.#parts.turn.take(async () => {
      const offered = await signOffer(this.#parts, order, work);
      if (signal?.aborted || this.#isStopped) this.#unsend(offered);
      signal?.throwIfAborted();
      if (this.#isStopped) throw closedBefore("the offer was made");
      this.#watch(offered, offered.message.deadline);
      this.#send(offered, place);
      // At once: an offer that has left is seen through, whatever the signal says.
      begun.resolve(offered);
    });
    offer.catch(begun.reject);
    try {
      return await begun.promise;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  #send(offer: OpenOffer, place?: Place): void {
    const { outbox } = this.#parts;
    this.#open.set(offer.task, offer);
    const heard = (reply: Reply) => this.#replied(offer, reply);
    try {
      outbox.send("offer", offer.message, { heard, kept: true, ...(place && { place }) });
    } catch (error) {
      this.#unsend(offer);
      throw error;
    }
  }

  /** The gateway never saw the offer: its money is free, and a voucher of it goes with the next one. */
  #unsend(offer: OpenOffer): void {
    if (offer.hold) this.#parts.wallet.release(offer.hold, "refused");
    this.#close(offer);
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
      tellProgress(this.#parts.events, offer, { step: "offered", done: 1, total: 1 });
      return;
    }
    const facts = { task: offer.task };
    if ("stopped" in reply) {
      offer.unwatch();
      if (offer.hold) wallet.release(offer.hold, "unknown");
      offer.answered.reject(closedBefore("the answer came", facts));
      return;
    }
    const { code, hint } = reply.refused;
    if (offer.hold) wallet.release(offer.hold, "refused");
    if (code === "credit_short") wallet.distrustCredit();
    this.#close(offer);
    const message = `the gateway refused the offer: ${code}: ${hint}`;
    offer.answered.reject(new Fault("refused", message, { facts: { code, hint, ...facts } }));
  }

  async #conclude(order: Order, offer: OpenOffer, upload: Upload): Promise<Answer> {
    const { outbox, now, events } = this.#parts;
    const { signal } = order;
    const cancelId = newCommandId(now());
    const cancel = () => this.#cancel(offer, cancelId, upload);
    upload.watch((done, total) => tellProgress(events, offer, { step: "uploading", done, total }));
    signal?.addEventListener("abort", cancel, { once: true });
    if (signal?.aborted) cancel();
    try {
      const answer = await offer.answered.promise;
      tellState(order, answer.state);
      const output = await this.#download(offer, answer, signal);
      const { task, state, reason, verdict, fuel, spent, credit, provider, rechecked } = answer;
      const proof = { ...(offer.receipt && { receipt: offer.receipt }) };
      const bill = { ...(offer.invoice && { invoice: offer.invoice }) };
      const cost = { verdict, fuel, spent, credit };
      return { task, state, reason, output, ...cost, provider, rechecked, ...proof, ...bill };
    } finally {
      signal?.removeEventListener("abort", cancel);
      outbox.close(cancelId);
    }
  }

  #cancel(offer: OpenOffer, id: string, upload: Upload): void {
    upload.release();
    if (this.#withdraw(offer, offer.order?.signal?.reason)) return;
    offer.isCancelled = true;
    this.#parts.outbox.send("cancel", { version: 1, id, task: offer.task });
  }

  /** Takes back an offer that has never left, for this reason; false when the gateway may know it. */
  #withdraw(offer: OpenOffer, reason: unknown): boolean {
    if (!this.#parts.outbox.withdraw(offer.message.id)) return false;
    this.#unsend(offer);
    offer.answered.reject(reason);
    return true;
  }

  /** What was paid for. Whoever has called it off does not want it, and has its bill at once. */
  async #download(
    offer: OpenOffer,
    { output, outputBytes: total }: Message<"answer">,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array | null> {
    const { blobs, events } = this.#parts;
    if (output === null || signal?.aborted) return null;
    const came = (done: number) => tellProgress(events, offer, { step: "downloading", done, total });
    try {
      return await blobs.fetch(output, total, signal, came);
    } catch (error) {
      if (signal?.aborted) return null;
      throw error;
    }
  }

  /** Gives an offer up some time after its answer was due, if that is later than was known before. */
  #watch(offer: OpenOffer, due: Instant): void {
    const { clock, now } = this.#parts;
    offer.unwatch();
    if (this.#isStopped) return;
    const last = Math.max(due, offer.message.deadline);
    offer.unwatch = clock.after(last - now() + OVERDUE_MS, () => this.#giveUp(offer));
  }

  /** Nobody waits any more, but the money is not forgotten: an offer that has left is repeated until it is answered. */
  #giveUp(offer: OpenOffer): void {
    const { wallet, events } = this.#parts;
    const { task, message, isOffered } = offer;
    const late = new Fault("timed_out", "no answer from the gateway by the deadline", { facts: { task } });
    if (this.#withdraw(offer, late)) return;
    this.#keep(wallet.remember(message));
    if (isOffered) {
      const need = offer.hold?.need ?? ZERO;
      events.emit({ kind: "gatewayOverdue", task, need, exposure: wallet.exposure });
    }
    offer.answered.reject(late);
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

function closedBefore(what: string, facts: { readonly task?: Hex } = {}): Fault {
  return new Fault("link_lost", `the robot was closed before ${what}`, { facts });
}

function isCreditShort(error: unknown): boolean {
  return isFault(error) && error.code === "refused" && error.facts["code"] === "credit_short";
}
