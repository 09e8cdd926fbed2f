/** The requester's side: an offer goes out, an answer comes back, and money is set aside in between. */
import type { Hex } from "../../src/base/bytes.ts";
import { type Instant, instant } from "../../src/base/clock.ts";
import { Fault } from "../../src/base/fault.ts";
import { type Amount, add, ZERO } from "../../src/base/money.ts";
import type { Message } from "../../src/protocol/message.ts";
import { offerDigest, taskIdOf } from "../../src/protocol/typed-data.ts";
import { newCommandId } from "./command-id.ts";
import type { TaskStep } from "./events.ts";
import type { Reply } from "./outbox.ts";
import type { RobotParts } from "./parts.ts";
import type { Hold } from "./wallet.ts";

export type Order = {
  /** A WebAssembly module of profile `task/1`, at most 1 MiB. */
  readonly firmware: Uint8Array;
  /** What it is run on, at most 16 MiB. */
  readonly input: Uint8Array;
  /** The most that the run may cost, fee included. */
  readonly maxPrice: Amount;
  /** Set aside for second opinions, 0 unless told; what they do not use comes back as credit. */
  readonly checkBudget?: Amount;
  /** Milliseconds from now, in gateway time, by which the answer must be there; 60 s unless told. */
  readonly deadlineMs?: number;
  /** Asks for a cancellation. The answer still decides: work that a provider has accepted is paid for. */
  readonly signal?: AbortSignal;
  /** Called with `offered` when the gateway has taken the offer on, and with the end state. */
  readonly onState?: (state: "offered" | Answer["state"]) => void;
};

export type Answer = {
  readonly task: Hex;
  readonly state: Message<"answer">["state"];
  readonly reason: string;
  /** The bytes whose hash the answer named; null when there are none. */
  readonly output: Uint8Array | null;
  /** What the task cost, checks included. */
  readonly spent: Amount;
  /** What was left on the lane, as the gateway counted when the task ended. */
  readonly credit: Amount;
  readonly provider: Hex | null;
  /** A second provider's run agreed. */
  readonly rechecked: boolean;
  /** The gateway's signed receipt, if it was there before the output was. */
  readonly receipt?: Message<"receipt">;
};

type OpenOffer = {
  readonly id: string;
  readonly task: Hex;
  readonly deadline: Instant;
  readonly hold: Hold;
  readonly order: Order;
  readonly answered: PromiseWithResolvers<Message<"answer">>;
  isOffered: boolean;
  receipt: Message<"receipt"> | null;
};

const DEADLINE_MS = 60_000;
/** How long after its deadline an offer without an answer is given up. */
const OVERDUE_MS = 60_000;

export class Hiring {
  readonly #parts: RobotParts;
  readonly #open = new Map<Hex, OpenOffer>();
  /** Offers are covered, signed and sent one after the other: their vouchers must leave in growing order. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: RobotParts) {
    this.#parts = parts;
  }

  /**
   * Has one piece of work done by somebody else.
   *
   * @throws {@link Fault} `refused` with `code` and `hint` in its facts when the gateway refuses the offer or the
   * deposit does not reach, `blob_missing` when the output cannot be had or is not what its hash says, `timed_out`
   * when no answer came in time, `link_lost` when the robot is closed first, `disk_failed`
   */
  async hire(order: Order): Promise<Answer> {
    const { blobs } = this.#parts;
    const firmware = blobs.keep(order.firmware);
    const input = blobs.keep(order.input);
    try {
      const turn = this.#turn.then(() => this.#offer(order, firmware, input));
      this.#turn = turn.catch(() => {});
      return await this.#conclude(await turn);
    } finally {
      blobs.release(firmware);
      blobs.release(input);
    }
  }

  /** The gateway says how a task ended. */
  answered(answer: Message<"answer">): void {
    const offer = this.#open.get(answer.task);
    this.#tell(answer.task, answer.state, answer.reason);
    if (!offer) return;
    this.#end(offer);
    // An answer says that the offer was taken, whether or not its ack came through.
    this.#parts.wallet.confirm(offer.hold);
    this.#parts.wallet.release(offer.hold, answer);
    offer.answered.resolve(answer);
  }

  /** A receipt that the gateway has signed. */
  receipted(receipt: Message<"receipt">): void {
    const offer = this.#open.get(receipt.task);
    if (offer) offer.receipt = receipt;
  }

  async #offer(order: Order, firmware: Hex, input: Hex): Promise<OpenOffer> {
    const { market, signer, wallet, outbox, now } = this.#parts;
    order.signal?.throwIfAborted();
    const checkBudget = order.checkBudget ?? ZERO;
    const deadline = instant(now() + (order.deadlineMs ?? DEADLINE_MS));
    const sizes = { firmwareBytes: order.firmware.length, inputBytes: order.input.length };
    const named = { id: newCommandId(now()), firmware, input, ...sizes };
    const unsigned = { ...named, maxPrice: order.maxPrice, checkBudget, deadline };
    const digest = offerDigest(market, signer.address, unsigned);
    const signature = await signer.sign(digest);
    const hold = await wallet.cover(add(order.maxPrice, checkBudget));
    const { id } = unsigned;
    const task = taskIdOf(digest);
    const answered = Promise.withResolvers<Message<"answer">>();
    const offer: OpenOffer = { id, task, deadline, hold, order, answered, isOffered: false, receipt: null };
    this.#open.set(task, offer);
    const message = {
      version: 1 as const,
      ...unsigned,
      ...(hold.voucher && { voucher: hold.voucher }),
      signature,
    };
    outbox.send("offer", message, (reply) => this.#replied(offer, reply), true);
    return offer;
  }

  #replied(offer: OpenOffer, reply: Reply): void {
    const { wallet } = this.#parts;
    if ("acked" in reply) {
      wallet.confirm(offer.hold);
      if (offer.isOffered) return;
      offer.isOffered = true;
      this.#tell(offer.task, "offered", "");
      tellState(offer.order, "offered");
      return;
    }
    this.#end(offer);
    if ("stopped" in reply) {
      const facts = { task: offer.task };
      offer.answered.reject(new Fault("link_lost", "the robot was closed", { facts }));
      return;
    }
    const { code, hint } = reply.refused;
    wallet.release(offer.hold, "refused");
    if (code === "credit_short") wallet.distrustCredit();
    const facts = { code, hint, task: offer.task };
    offer.answered.reject(new Fault("refused", `the gateway refused the offer: ${code}: ${hint}`, { facts }));
  }

  async #conclude(offer: OpenOffer): Promise<Answer> {
    const { clock, outbox, now, blobs } = this.#parts;
    const { order, task } = offer;
    const cancelId = newCommandId(now());
    const cancel = () => outbox.send("cancel", { version: 1, id: cancelId, task });
    const overdue = clock.after(offer.deadline - now() + OVERDUE_MS, () => this.#giveUp(offer));
    order.signal?.addEventListener("abort", cancel, { once: true });
    if (order.signal?.aborted) cancel();
    try {
      const answer = await offer.answered.promise;
      tellState(order, answer.state);
      const { state, reason, spent, credit, provider, rechecked } = answer;
      const output = answer.output === null ? null : await blobs.fetch(answer.output, answer.outputBytes);
      const receipt = offer.receipt && { receipt: offer.receipt };
      return { task, state, reason, output, spent, credit, provider, rechecked, ...receipt };
    } finally {
      overdue();
      order.signal?.removeEventListener("abort", cancel);
      outbox.close(cancelId);
      this.#open.delete(task);
    }
  }

  #giveUp(offer: OpenOffer): void {
    this.#end(offer);
    this.#parts.wallet.release(offer.hold, "unknown");
    offer.answered.reject(
      new Fault("timed_out", "no answer from the gateway by the deadline", { facts: { task: offer.task } }),
    );
  }

  #end(offer: OpenOffer): void {
    this.#parts.outbox.close(offer.id);
  }

  #tell(task: Hex, step: TaskStep, reason: string): void {
    this.#parts.events.emit({ kind: "task", task, side: "requester", step, reason });
  }
}

/** In a microtask of its own: what a caller's function throws must not end our session. */
function tellState(order: Order, state: "offered" | Answer["state"]): void {
  queueMicrotask(() => order.onState?.(state));
}
