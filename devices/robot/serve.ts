/**
 * The provider's side: bid on what is announced, accept what is awarded, run it, hand over the result, be paid.
 *
 * The gateway's word is taken for the payment: whether its lane to this device holds a deposit that covers the
 * award is not looked up. What that risks is the runs since the last voucher.
 */
import type { Hex } from "../../src/base/bytes.ts";
import { type Instant, instant } from "../../src/base/clock.ts";
import { Fault, type FaultCode, isFault } from "../../src/base/fault.ts";
import type { Amount } from "../../src/base/money.ts";
import type { Executor, RunResult } from "../../src/firmware/executor.ts";
import { recoverAddress } from "../../src/kernels/signature.ts";
import type { Message } from "../../src/protocol/message.ts";
import type { CommandTopic } from "../../src/protocol/topic.ts";
import { acceptDigest, awardDigest, bidDigest, resultDigest } from "../../src/protocol/typed-data.ts";
import { newCommandId } from "./command-id.ts";
import type { Role, TaskStep } from "./events.ts";
import type { Reply } from "./outbox.ts";
import type { RobotParts } from "./parts.ts";

export type ServeOptions = {
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
  /** Commands that are repeated at each session until the job ends. */
  readonly kept: string[];
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
  #isStopped: boolean = false;

  constructor(parts: RobotParts, options: ServeOptions) {
    if (!(options.concurrency >= 1)) throw new Fault("usage", "concurrency must be at least 1");
    this.#parts = parts;
    this.#options = options;
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
    const { market, events, now, outbox } = this.#parts;
    const hash = awardDigest(market, award);
    if (this.#jobs.has(hash)) return;
    const problem = this.#problemOf(award, hash);
    if (problem !== null) return events.emit({ kind: "ignored", topic: "award", reason: problem });
    const { task } = award;
    const isInherited = !this.#bids.has(task);
    const reason = this.#whyNot(award, isInherited);
    if (reason !== null) {
      const command = { version: 1 as const, id: newCommandId(now()), task };
      // Past `acceptBy` it may be accepted already, which only a forfeit undoes: the gateway need not wait for its run.
      const isLate = award.acceptBy <= now();
      if (isLate) outbox.send("forfeit", { ...command, reason });
      else outbox.send("decline", command);
      // The task may be announced again, when there is room for it.
      this.#bids.delete(task);
      return this.#tell(task, isLate ? "forfeited" : "declined", reason);
    }
    const job: Job = { award, hash, isInherited, kept: [], output: null, forget: () => {} };
    this.#jobs.set(hash, job);
    const run = this.#work(job).catch((error: unknown) => {
      this.#end(job);
      events.emit({ kind: "fault", error });
    });
    this.#running.add(run);
    await run;
    this.#running.delete(run);
  }

  /** A voucher came for a task, or a receipt (which names no role): the result need not be kept any longer. */
  settled(task: Hex, role: Role | null): void {
    for (const job of [...this.#jobs.values()]) {
      const isIt = job.award.task === task && (role === null || job.award.role === role);
      if (isIt && job.output !== null) {
        this.#end(job);
        this.#tell(task, "paid", "");
      }
    }
  }

  #problemOf(award: Message<"award">, hash: Hex): string | null {
    const { market, signer } = this.#parts;
    if (award.provider !== signer.address) return "wrong_topic";
    return recoverAddress(hash, award.signature) === market.gateway ? null : "bad_signature";
  }

  /** Why an award is not taken on, or null. What we have accepted before is said again until its run has to end. */
  #whyNot(award: Message<"award">, isInherited: boolean): string | null {
    const last = isInherited ? award.runBy : award.acceptBy;
    if (last <= this.#parts.now()) return "the award came too late";
    if (this.#isFull()) return "no free place";
    return this.#isWorthIt(award) ? null : "below our price";
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
    return asked !== null && asked <= price;
  }

  #isFull(): boolean {
    return this.#isStopped || this.#running.size >= this.#options.concurrency;
  }

  async #work(job: Job): Promise<void> {
    const { market, signer } = this.#parts;
    const { task } = job.award;
    const signature = await signer.sign(acceptDigest(market, job.hash));
    const reply = await this.#command(job, "accept", { task, award: job.hash, signature });
    // The gateway says an award again only while it is ours: then the accept that stands is our earlier one. Should
    // the task be lost after all, the result is refused.
    const stands = job.isInherited && "refused" in reply && reply.refused.code === "wrong_state";
    if (!("acked" in reply) && !stands) return this.#lose(job, reply);
    this.#tell(task, "accepted", "");
    const outcome = await this.#run(job);
    if (!this.#jobs.has(job.hash)) return;
    if (outcome.verdict !== "ok") {
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
    job.forget = clock.after(runBy - now() + RESULT_LIFE_MS, () => this.#end(job));
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
    job?.kept.push(id);
    // The parts are those of the topic's message: the compiler does not see through a generic Omit.
    const message = { version: 1, id, ...what } as unknown as Message<T> & { id: string };
    outbox.send(topic, message, heard, job !== null);
    return first.promise;
  }

  #lose(job: Job, reply: Reply): void {
    this.#end(job);
    if ("refused" in reply) this.#tell(job.award.task, "rejected", reply.refused.code);
  }

  #end(job: Job): void {
    if (!this.#jobs.delete(job.hash)) return;
    const { outbox, blobs } = this.#parts;
    job.forget();
    for (const id of job.kept) outbox.close(id);
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
