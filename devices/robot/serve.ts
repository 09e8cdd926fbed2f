/**
 * The provider's side: bid on what is announced, accept what is awarded, run it, hand over the result, be paid.
 *
 * Before an award is accepted, the gateway's lane to this device is looked up where the device's owner chose: it must
 * hold what the award pays, beside all that is not yet paid. What can be lost then is the run in progress.
 */
import type { Hex } from "../../src/base/bytes.ts";
import { type Instant, instant } from "../../src/base/clock.ts";
import { Fault } from "../../src/base/fault.ts";
import type { Amount } from "../../src/base/money.ts";
import type { Executor, FuelRates } from "../../src/firmware/executor.ts";
import { isSignedBy } from "../../src/kernels/signature.ts";
import { priceOf } from "../../src/protocol/fuel.ts";
import type { Message } from "../../src/protocol/message.ts";
import type { CommandTopic } from "../../src/protocol/topic.ts";
import { acceptDigest, awardDigest, bidDigest, resultDigest } from "../../src/protocol/typed-data.ts";
import type { StandingRate } from "./ask.ts";
import { announceOf, type Capacity, isAsAnnounced, whyNotFor } from "./capacity.ts";
import { newCommandId } from "./command-id.ts";
import { Earnings, type EarningsOptions } from "./earnings.ts";
import type { TaskStep } from "./events.ts";
import { Modules } from "./modules.ts";
import type { Reply } from "./outbox.ts";
import type { RobotParts } from "./parts.ts";
import { type Delivery, runAward } from "./run.ts";
import { RunProgress } from "./run-progress.ts";
import type { Trust } from "./trust.ts";

export type ServeOptions = EarningsOptions & {
  /** Runs the task firmware; started by the caller, and stopped by it after {@link Serving.stop}. */
  readonly executor: Pick<Executor, "run">;
  /** Whose task firmware is run: without trust there is no bid, and an award is declined. */
  readonly trust: Trust;
  /**
   * What to ask for an announced task: atomic units for 10^12 of fuel, fee included, `0..MAX_RATE`; null for no bid. Must
   * not throw.
   */
  readonly rate: (announce: Message<"announce">) => Amount | null;
  /**
   * Fuel per second by memory class, from the executor's benchmark: what would not be done in time is not bid for. The
   * factsheet shows it, signed.
   */
  readonly speed?: FuelRates;
  /** Rates that the factsheet shows, signed, each for a memory class that the device has. */
  readonly ask?: readonly StandingRate[];
  /** Awards accepted at a time, at least 1; beyond the executor's cores they wait on each other's wall clock. */
  readonly concurrency: number;
  /** Stops as {@link Serving.stop} does: what is under way is handed over. */
  readonly signal?: AbortSignal;
  /** What becomes of each task that this device bid on or ran. */
  readonly onEvent?: (task: Hex, step: TaskStep, reason: string) => void;
};

type Bid = { readonly rate: Amount; readonly expires: Instant; readonly announce: Message<"announce"> };

/** An accepted award, until it is paid for or lost. */
type Job = {
  readonly award: Message<"award">;
  readonly hash: Hex;
  /** It answers no bid of this process: one before us bid, and may have accepted. */
  readonly isInherited: boolean;
  /** Commands that are repeated at each session until the job ends, and who waits for their first reply. */
  readonly kept: Map<string, (reply: Reply) => void>;
  /** Told to the requester; null for a second opinion, which is no business of it. */
  readonly progress: RunProgress | null;
  output: Hex | null;
  forget: () => void;
};

/** A bid stays good this long after the bids close, milliseconds. */
const BID_LIFE_MS = 60_000;
/** How long past its award's end an unpaid result is kept for the gateway, milliseconds. */
const RESULT_LIFE_MS = 600_000;
/** Characters of a forfeit's reason. */
const MAX_REASON = 200;

export class Serving {
  readonly #parts: RobotParts;
  readonly #options: ServeOptions;
  readonly #bids = new Map<Hex, Bid>();
  readonly #jobs = new Map<Hex, Job>();
  readonly #running = new Set<Promise<void>>();
  readonly #earnings: Earnings;
  readonly #capacity: Capacity;
  readonly #modules = new Modules();
  readonly #abort = () => void this.stop();
  #isStopped: boolean = false;

  constructor(parts: RobotParts, options: ServeOptions) {
    if (!(options.concurrency >= 1)) throw new Fault("usage", "concurrency must be at least 1");
    this.#parts = parts;
    this.#options = options;
    this.#earnings = new Earnings(parts, options);
    const { profiles, memoryMiB } = parts.factsheet;
    this.#capacity = { profiles, memoryMiB, trust: options.trust, speed: options.speed ?? null };
    options.signal?.addEventListener("abort", this.#abort, { once: true });
    if (options.signal?.aborted) this.#abort();
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Bids on nothing more and declines what is awarded; resolves when the work under way is handed over. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#options.signal?.removeEventListener("abort", this.#abort);
    await Promise.allSettled([...this.#running]);
  }

  /** Forgets everything: the robot is closed. */
  abandon(): void {
    this.#isStopped = true;
    this.#options.signal?.removeEventListener("abort", this.#abort);
    for (const job of [...this.#jobs.values()]) this.#end(job);
    this.#earnings.stop();
  }

  /** A task wants bids. */
  async announced(announce: Message<"announce">): Promise<void> {
    const { market, signer, now, outbox, terms } = this.#parts;
    const { task, bidBy, deadline, maxPrice, fuelLimit } = announce;
    this.#forgetBids();
    const isOurs = announce.requester === signer.address;
    if (isOurs || this.#isFull() || this.#bids.has(task) || bidBy <= now() || !outbox.hasRoom()) return;
    // an award leaves no more than this, however late the deadline is
    const leftMs = Math.min(deadline - bidBy, terms()?.firmware.runMs ?? Number.POSITIVE_INFINITY);
    if (whyNotFor(announce, this.#capacity, leftMs) !== null) return;
    const rate = this.#options.rate(announce);
    if (rate === null || priceOf(rate, fuelLimit) > maxPrice) return;
    this.#earnings.asked(priceOf(rate, fuelLimit));
    const expires = instant(bidBy + BID_LIFE_MS);
    this.#bids.set(task, { rate, expires, announce });
    const signature = await signer.sign(bidDigest(market, { task, rate, expires }));
    const bid = { version: 1 as const, id: newCommandId(now()), task, rate, expires, signature };
    // A task that finds no bid in time is announced again: a refused bid must not keep us from the next one.
    const heard = (reply: Reply) => {
      if ("refused" in reply) this.#bids.delete(task);
    };
    outbox.send("bid", bid, { heard });
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
    const progress = award.role === "run" ? new RunProgress(this.#parts, award.task) : null;
    const job: Job = { award, hash, isInherited, kept: new Map(), progress, output: null, forget: () => {} };
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
    // An award that nobody gives back ends by itself: that is no reason to let the queue grow.
    if (isLate && outbox.hasRoom())
      outbox.send("forfeit", { ...command, reason: reason.slice(0, MAX_REASON) });
    else if (outbox.hasRoom()) outbox.send("decline", command);
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
    const { now, terms } = this.#parts;
    const last = isInherited ? award.runBy : award.acceptBy;
    if (last <= now()) return "the award came too late";
    if (this.#isFull()) return "no free place";
    const told = terms();
    if (told !== null && award.feeBasisPoints > told.feeBasisPoints)
      return "the fee is more than the gateway has told";
    const bid = this.#bids.get(award.task);
    if (bid && !isAsAnnounced(award, bid.announce)) return "the award is not for what was announced";
    // What we have accepted before is tried, however little time is left.
    const leftMs = isInherited ? Number.POSITIVE_INFINITY : award.runBy - now();
    const unfit = whyNotFor(award, this.#capacity, leftMs);
    if (unfit !== null) return unfit;
    return this.#isWorthIt(award) ? null : "below our rate";
  }

  /** An award without a bid that we remember (a restart lies between) is rated as if it were announced now. */
  #isWorthIt(award: Message<"award">): boolean {
    const most = priceOf(award.rate, award.fuelLimit);
    const asked = this.#bids.get(award.task)?.rate ?? this.#options.rate(announceOf(award, most));
    if (asked === null || asked > award.rate) return false;
    this.#earnings.asked(most);
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
    const { executor } = this.#options;
    const place = { executor, modules: this.#modules, progress: job.progress };
    const begun = () => this.#tell(task, "running", "");
    const outcome = await runAward(this.#parts, award, { ...place, begun });
    if (!this.#jobs.has(job.hash)) return;
    if ("failed" in outcome) {
      this.#earnings.drop(job.hash);
      this.#end(job);
      const reason = outcome.failed.slice(0, MAX_REASON);
      await this.#command(null, "forfeit", { task, reason });
      return this.#tell(task, "forfeited", reason);
    }
    await this.#deliver(job, outcome);
  }

  async #deliver(job: Job, { verdict, output: bytes, fuel, reason }: Delivery): Promise<void> {
    const { market, signer, blobs, clock, now } = this.#parts;
    const { task, runBy } = job.award;
    const output = bytes && (await blobs.keep(bytes));
    if (!this.#jobs.has(job.hash)) {
      if (output !== null) blobs.release(output);
      return;
    }
    job.output = output;
    const unwatch = this.#tellDelivery(job, bytes?.length ?? 0);
    this.#earnings.delivered(job.hash, fuel);
    const forget = clock.after(runBy - now() + RESULT_LIFE_MS, () => this.#unpaid(job));
    job.forget = () => {
      forget();
      unwatch();
    };
    const result = { award: job.hash, verdict, output, outputBytes: bytes?.length ?? 0, fuel };
    const signature = await signer.sign(resultDigest(market, result));
    const reply = await this.#command(job, "result", { task, ...result, signature });
    if (!("acked" in reply)) return this.#lose(job, reply);
    this.#tell(task, "delivered", reason);
  }

  /** Tells how much of its output the gateway has pulled, until the returned function is called. */
  #tellDelivery({ output, progress }: Job, total: number): () => void {
    const { blobs } = this.#parts;
    progress?.tell("delivering", 0, total);
    if (output === null || !progress) return () => {};
    return blobs.watch(output, () => progress.tell("delivering", blobs.pulledOf(output), total));
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
    outbox.send(topic, message, { heard, kept: job !== null });
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
    job.progress?.stop();
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
