/**
 * The provider's side: bid on what is announced, accept what is awarded, run it, hand over the result, be paid.
 *
 * Before an award is accepted, the gateway's lane to this device is looked up where the device's owner chose: it must
 * hold what the award pays, beside all that is not yet paid. What can be lost then is the run in progress.
 */
import type { Hex } from "../../src/base/bytes.ts";
import { type Instant, instant } from "../../src/base/clock.ts";
import { Fault, type FaultCode, isFault } from "../../src/base/fault.ts";
import type { Amount } from "../../src/base/money.ts";
import type { Executor, RunResult } from "../../src/firmware/executor.ts";
import { isSignedBy } from "../../src/kernels/signature.ts";
import type { Message } from "../../src/protocol/message.ts";
import type { CommandTopic } from "../../src/protocol/topic.ts";
import { acceptDigest, awardDigest, bidDigest, resultDigest } from "../../src/protocol/typed-data.ts";
import { newCommandId } from "./command-id.ts";
import { Earnings, type EarningsOptions } from "./earnings.ts";
import type { TaskStep } from "./events.ts";
import type { Reply } from "./outbox.ts";
import type { RobotParts } from "./parts.ts";

export type ServeOptions = EarningsOptions & {
  /** Runs the task firmware; started by the caller, and stopped by it after {@link Serving.stop}. */
  readonly executor: Pick<Executor, "run">;
  /** What to ask for an announced task, fee included; null for no bid. Must not throw. */
  readonly price: (announce: Message<"announce">) => Amount | null;
  /** Awards accepted at a time, at least 1; beyond the executor's cores they wait on each other's wall clock. */
  readonly concurrency: number;
  /** What becomes of each task that this device bid on or ran. */
  readonly onEvent?: (task: Hex, step: TaskStep, reason: string) => void;
};

type Bid = { readonly price: Amount; readonly expires: Instant };

/** An accepted award, until it is paid for or lost. */
type Job = {
  readonly award: Message<"award">;
  readonly hash: Hex;
  /** It answers no bid of this process: one before us bid, and may have accepted. */
  readonly isInherited: boolean;
  /** Commands that are repeated at each session until the job ends, and who waits for their first reply. */
  readonly kept: Map<string, (reply: Reply) => void>;
  output: Hex | null;
  forget: () => void;
};

/** The bytes did not come, or the executor is gone: a fault of ours. */
type NotRun = { readonly verdict: FaultCode; readonly reason: string };

/** A bid stays good this long after the bids close, milliseconds. */
const BID_LIFE_MS = 60_000;
/** How long past its award's end an unpaid result is kept for the gateway, milliseconds. */
const RESULT_LIFE_MS = 600_000;
/** The longest output that a result can name, bytes. */
const MAX_OUTPUT = 16_777_216;
/** Characters of a forfeit's reason. */
const MAX_REASON = 200;

export class Serving {
  readonly #parts: RobotParts;
  readonly #options: ServeOptions;
  readonly #bids = new Map<Hex, Bid>();
  readonly #jobs = new Map<Hex, Job>();
  readonly #running = new Set<Promise<void>>();
  readonly #earnings: Earnings;
  #isStopped: boolean = false;

  constructor(parts: RobotParts, options: ServeOptions) {
    if (!(options.concurrency >= 1)) throw new Fault("usage", "concurrency must be at least 1");
    this.#parts = parts;
    this.#options = options;
    this.#earnings = new Earnings(parts, options);
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Bids on nothing more and declines what is awarded; resolves when the work under way is handed over. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.allSettled([...this.#running]);
  }

  /** Forgets everything: the robot is closed. */
  abandon(): void {
    this.#isStopped = true;
    for (const job of [...this.#jobs.values()]) this.#end(job);
    this.#earnings.stop();
  }

  /** A task wants bids. */
  async announced(announce: Message<"announce">): Promise<void> {
    const { market, signer, now, outbox } = this.#parts;
    const { task, bidBy, maxPrice } = announce;
    this.#forgetBids();
    const isOurs = announce.requester === signer.address;
    if (isOurs || this.#isFull() || this.#bids.has(task) || bidBy <= now()) return;
    const price = this.#options.price(announce);
    if (price === null || price > maxPrice) return;
    this.#earnings.asked(price);
    const expires = instant(bidBy + BID_LIFE_MS);
    this.#bids.set(task, { price, expires });
    const signature = await signer.sign(bidDigest(market, { task, price, expires }));
    const bid = { version: 1 as const, id: newCommandId(now()), task, price, expires, signature };
    // A task that finds no bid in time is announced again: a refused bid must not keep us from the next one.
    outbox.send("bid", bid, (reply) => {
      if ("refused" in reply) this.#bids.delete(task);
    });
    this.#tell(task, "bid", "");
  }

  /** The gateway gives this device a task. An award that it has not signed is dropped. */
  async awarded(award: Message<"award">): Promise<void> {
    const { market, events } = this.#parts;
    const hash = awardDigest(market, award);
    if (this.#jobs.has(hash)) return;
    const problem = this.#problemOf(award, hash);
    if (problem !== null) return events.emit({ kind: "ignored", topic: "award", reason: problem });
    const isInherited = !this.#bids.has(award.task);
    const reason = this.#whyNot(award, isInherited);
    if (reason !== null) return this.#giveBack(award, reason);
    const job: Job = { award, hash, isInherited, kept: new Map(), output: null, forget: () => {} };
    this.#jobs.set(hash, job);
    const run = this.#work(job).catch((error: unknown) => {
      this.#end(job);
      events.emit({ kind: "fault", error });
    });
    this.#running.add(run);
    await run;
    this.#running.delete(run);
  }

  /** A payment has come: once an award is paid in full, its result need not be kept any longer. */
  paid(payment: Message<"payment">): void {
    const hash = this.#earnings.paid(payment);
    if (hash === null || payment.task === null) return;
    const job = this.#jobs.get(hash);
    if (job) this.#end(job);
    this.#tell(payment.task, "paid", "");
  }

  /** A receipt that the gateway has signed to us. */
  receipted({ task }: Message<"receipt">): void {
    this.#earnings.receipted(task);
  }

  #giveBack(award: Message<"award">, reason: string): void {
    const { now, outbox } = this.#parts;
    const { task } = award;
    const command = { version: 1 as const, id: newCommandId(now()), task };
    // Past `acceptBy` it may be accepted already, which only a forfeit undoes: the gateway need not wait for its run.
    const isLate = award.acceptBy <= now();
    if (isLate) outbox.send("forfeit", { ...command, reason: reason.slice(0, MAX_REASON) });
    else outbox.send("decline", command);
    // The task may be announced again, when there is room for it.
    this.#bids.delete(task);
    this.#tell(task, isLate ? "forfeited" : "declined", reason);
  }

  #problemOf(award: Message<"award">, hash: Hex): string | null {
    const { market, signer } = this.#parts;
    if (award.provider !== signer.address) return "wrong_topic";
    return isSignedBy(market.gateway, hash, award.signature) ? null : "bad_signature";
  }

  /** Why an award is not taken on, or null. What we have accepted before is said again until its run has to end. */
  #whyNot(award: Message<"award">, isInherited: boolean): string | null {
    const last = isInherited ? award.runBy : award.acceptBy;
    if (last <= this.#parts.now()) return "the award came too late";
    if (this.#isFull()) return "no free place";
    if (!this.#isFeeTold(award)) return "the fee is more than the gateway has told";
    return this.#isWorthIt(award) ? null : "below our price";
  }

  /** The gateway's part of a price is what it said at login, rounded down. */
  #isFeeTold({ price, fee }: Message<"award">): boolean {
    const terms = this.#parts.terms();
    return terms === null || fee * 10_000n <= price * BigInt(terms.feeBasisPoints);
  }

  /** An award without a bid that we remember (a restart lies between) is priced as if it were announced now. */
  #isWorthIt(award: Message<"award">): boolean {
    const { task, requester, firmware, firmwareBytes, inputBytes, price } = award;
    const asked =
      this.#bids.get(task)?.price ??
      this.#options.price({
        version: 1,
        ...{ task, requester, firmware, firmwareBytes, inputBytes },
        ...{ maxPrice: price, bidBy: award.acceptBy, deadline: award.runBy },
      });
    if (asked === null || asked > price) return false;
    this.#earnings.asked(asked);
    return true;
  }

  #isFull(): boolean {
    return this.#isStopped || this.#running.size >= this.#options.concurrency;
  }

  async #work(job: Job): Promise<void> {
    const { market, signer } = this.#parts;
    const { award } = job;
    const { task } = award;
    const unpayable = await this.#earnings.claim(job.hash, award, job.isInherited);
    if (!this.#jobs.has(job.hash)) return;
    if (unpayable !== null) {
      this.#end(job);
      return this.#giveBack(award, unpayable);
    }
    const signature = await signer.sign(acceptDigest(market, job.hash));
    const reply = await this.#command(job, "accept", { task, award: job.hash, signature });
    // The gateway says an award again only while it is ours: then the accept that stands is our earlier one. Should
    // the task be lost after all, the result is refused.
    const stands = job.isInherited && "refused" in reply && reply.refused.code === "wrong_state";
    if (!("acked" in reply) && !stands) {
      this.#earnings.drop(job.hash);
      return this.#lose(job, reply);
    }
    this.#tell(task, "accepted", "");
    const outcome = await this.#run(job);
    if (!this.#jobs.has(job.hash)) return;
    if (outcome.verdict !== "ok") {
      this.#earnings.drop(job.hash);
      this.#end(job);
      const reason = `${outcome.verdict}: ${outcome.reason}`.slice(0, MAX_REASON);
      await this.#command(null, "forfeit", { task, reason });
      return this.#tell(task, "forfeited", reason);
    }
    await this.#deliver(job, outcome.output);
  }

  async #run({ award }: Job): Promise<RunResult | NotRun> {
    const { blobs, clock, now } = this.#parts;
    const limit = new AbortController();
    const late = new Fault("timed_out", "the bytes did not come before the run had to end");
    const cancelLimit = clock.after(award.runBy - now(), () => limit.abort(late));
    try {
      const [firmware, input] = await Promise.all([
        blobs.fetchFirmware(award.firmware, award.firmwareBytes, limit.signal),
        blobs.fetch(award.input, award.inputBytes, limit.signal),
      ]);
      const wallMs = award.runBy - now();
      if (wallMs <= 0) return { verdict: "timed_out", reason: "no time left to run" };
      this.#tell(award.task, "running", "");
      return await this.#options.executor.run({ firmware, input, wallMs, maxOutput: MAX_OUTPUT });
    } catch (error) {
      this.#parts.events.emit({ kind: "fault", error });
      if (isFault(error)) return { verdict: error.code, reason: error.message };
      return { verdict: "executor_died", reason: "the executor failed" };
    } finally {
      cancelLimit();
    }
  }

  async #deliver(job: Job, bytes: Uint8Array): Promise<void> {
    const { market, signer, blobs, clock, now } = this.#parts;
    const { task, runBy } = job.award;
    const output = blobs.keep(bytes);
    job.output = output;
    this.#earnings.delivered(job.hash);
    job.forget = clock.after(runBy - now() + RESULT_LIFE_MS, () => this.#unpaid(job));
    const result = { award: job.hash, output, outputBytes: bytes.length };
    const signature = await signer.sign(resultDigest(market, result));
    const reply = await this.#command(job, "result", { task, ...result, signature });
    if (!("acked" in reply)) return this.#lose(job, reply);
    this.#tell(task, "delivered", "");
  }

  /**
   * Sends a command of ours and resolves at its first reply. One of a job is repeated at each session until the job
   * ends, and a refusal at such a repeat ends the job.
   */
  #command<T extends "accept" | "result" | "forfeit">(
    job: Job | null,
    topic: T & CommandTopic,
    what: Omit<Message<T>, "version" | "id">,
  ): Promise<Reply> {
    const { outbox, now } = this.#parts;
    const id = newCommandId(now());
    const first = Promise.withResolvers<Reply>();
    let isFirst = true;
    const heard = (reply: Reply) => {
      if (!isFirst && job && "refused" in reply) this.#lose(job, reply);
      isFirst = false;
      first.resolve(reply);
    };
    job?.kept.set(id, first.resolve);
    // The parts are those of the topic's message: the compiler does not see through a generic Omit.
    const message = { version: 1, id, ...what } as unknown as Message<T> & { id: string };
    outbox.send(topic, message, heard, job !== null);
    return first.promise;
  }

  /** The result is not kept any longer, but its pay counts as owed for some time. */
  #unpaid(job: Job): void {
    this.#end(job);
    this.#earnings.breach(job.award.task, "unpaid", "the result was taken, and no payment came");
  }

  #lose(job: Job, reply: Reply): void {
    this.#end(job);
    if ("refused" in reply) this.#tell(job.award.task, "rejected", reply.refused.code);
  }

  #end(job: Job): void {
    if (!this.#jobs.delete(job.hash)) return;
    const { outbox, blobs } = this.#parts;
    job.forget();
    for (const [id, heard] of job.kept) {
      outbox.close(id);
      heard({ stopped: true });
    }
    if (job.output !== null) blobs.release(job.output);
  }

  #forgetBids(): void {
    const now = this.#parts.now();
    for (const [task, bid] of this.#bids) if (bid.expires < now) this.#bids.delete(task);
  }

  #tell(task: Hex, step: TaskStep, reason: string): void {
    // In a microtask of its own: what a caller's function throws must not end our session.
    queueMicrotask(() => this.#options.onEvent?.(task, step, reason));
    this.#parts.events.emit({ kind: "task", task, side: "provider", step, reason });
  }
}
