/**
 * The heartbeat: the only path on which money moves.
 *
 * Commands are taken in groups. Each is read, verified, decided, sealed and applied; then the whole group is
 * appended to the journal with one fsync, and only then is anything said: acks, awards, payments, answers.
 * Delivery is never awaited; what is not delivered is said again from the journal's state.
 */

import type { Hex } from "./base/bytes.ts";
import { type Clock, type Instant, instant } from "./base/clock.ts";
import { isRefusal, type Refusal, refuse } from "./base/refusal.ts";
import { type Command, type Decision, decide, type InnerCommand } from "./exchange/decide.ts";
import { type Intake, readCommand, signaturesIn, signedByItsSender } from "./exchange/intake.ts";
import { acknowledge, type Outgoing, refusalMessage, repeat, speak } from "./exchange/outbox.ts";
import { seal } from "./exchange/seal.ts";
import { type CheckSigners, Signers } from "./exchange/signers.ts";
import { apply, type Context, type Obstacle, type State } from "./exchange/state.ts";
import type { Draft, Entry, Journal } from "./journal/journal.ts";
import { sha256 } from "./kernels/digest.ts";
import type { SignatureCheck } from "./kernels/signature-group.ts";
import type { Cause } from "./protocol/facts.ts";
import type { Signer } from "./protocol/signer.ts";
import type { CommandTopic } from "./protocol/topic.ts";

/**
 * Most commands of one group that may have a signature checked: bounds how long the first of it waits for its answer. The
 * vouchers of one device count once, as the newest answers for all.
 */
const GROUP_CHECKS = 256;

/**
 * Signatures checked one by one in a group: where a payer's newest voucher is forged, so that it does not answer for the
 * others. What is left of such vouchers then waits for the next group; everybody else's commands do not.
 */
const MOST_UNFORESEEN = GROUP_CHECKS;

/** Most commands in one group, whatever they cost: bounds what one append writes. */
const GROUP_COMMANDS = 65_536;

/** Refusals without a record that are remembered per device, so that a repeated command hears the same. */
const REMEMBERED_REFUSALS = 256;

/** Longest that a group gathers, milliseconds: a task waits for some six commits from its offer to its answer. */
const MOST_BREATH_MS = 100;

/** So many wait for nobody else: a commit of them costs each little. */
const FULL_GROUP = 64;

type Waiting = {
  /** When it came: a breath of ours must make no bid late. */
  readonly at: Instant;
  readonly from: { readonly by: Hex; readonly topic: CommandTopic; readonly payload: Uint8Array } | null;
  readonly inner: InnerCommand | null;
  readonly done: () => void;
};

type Refused = { readonly digest: string; readonly topic: string; readonly refusal: Refusal };

/** What one beat writes and then says. `first` is the index of its first record. */
type Group = {
  readonly first: number;
  readonly drafts: Draft[];
  readonly said: Outgoing[];
  readonly signers: Signers;
};

/** What waits, with what it says; `digest` is the hash of its bytes, by which a repeated command is known. */
type Read = Waiting & { readonly intake: Intake | null; readonly digest: string };

export type HeartbeatOptions = {
  readonly state: State;
  readonly journal: Journal;
  readonly signer: Signer;
  readonly clock: Clock;
  /** Checks the signatures of a group in one call. */
  readonly checkSigners: CheckSigners;
  readonly context: Omit<Context, "now" | "isPayer" | "isAuthor" | "obstacle">;
  /** What keeps this machine from taking new work on; without it, nothing ever does. */
  readonly obstacle?: () => Obstacle | null;
  /**
   * For how long after a group the next one gathers, unless it is full before; 0..{@link MOST_BREATH_MS}, milliseconds.
   * None unless told.
   */
  readonly breathMs?: () => number;
  /** Providers that are connected now. */
  readonly bidders: () => readonly Hex[];
  readonly publish: (outgoing: Outgoing) => void;
  /** After a group is durable and published. */
  readonly onEntries: (entries: readonly Entry[]) => void;
  readonly onRefused: (refusal: Refusal, by: Hex, topic: string) => void;
  /** The journal failed: memory is ahead of the disk, so the process has to end. */
  readonly onBroken: (cause: unknown) => void;
};

export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #refusals = new Map<Hex, Map<string, Refused>>();
  /** What a group has put back is read already. */
  #queue: (Waiting | Read)[] = [];
  #beating: Promise<void> | null = null;
  #broken = false;
  /** When what is being decided came. */
  #now: Instant = instant(0);
  /** When the newest group was durable. */
  #beatAt: Instant = instant(0);
  /** Wakes a heart that gathers: the group is full, or somebody waits for all of it. */
  #wake: () => void = () => undefined;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  /** A device's command. Resolves once it is durable (or refused) and answered; never rejects. */
  submit(by: Hex, topic: CommandTopic, payload: Uint8Array): Promise<void> {
    return this.#enqueue({ from: { by, topic, payload }, inner: null });
  }

  /** Something the gateway has found out. Resolves once it is durable. */
  tell(inner: InnerCommand): Promise<void> {
    return this.#enqueue({ from: null, inner });
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    for (let beat = this.#beating; beat !== null; beat = this.#beating) {
      this.#wake();
      await beat;
    }
  }

  #enqueue(what: Omit<Waiting, "at" | "done">): Promise<void> {
    return new Promise((done) => {
      this.#queue.push({ ...what, at: this.#options.clock.now(), done });
      if (this.#queue.length >= FULL_GROUP) this.#wake();
      this.#beating ??= this.#beatOn();
    });
  }

  async #beatOn(): Promise<void> {
    try {
      // The socket that woke us may hold more: one turn gathers a group. Between groups everybody else has a turn.
      for (;;) {
        await new Promise(setImmediate);
        if (this.#queue.length === 0 || this.#broken) break;
        await this.#gather();
        await this.#beat(this.#queue.splice(0, groupOf(this.#queue)));
      }
    } catch (cause) {
      this.#broken = true;
      this.#options.onBroken(cause);
    } finally {
      this.#beating = null;
    }
  }

  /**
   * Every commit costs the disk whole pages, however little is in it: where many tasks are open, one is made of what
   * comes within a breath.
   */
  async #gather(): Promise<void> {
    const { clock, breathMs } = this.#options;
    const since = clock.now() - this.#beatAt;
    const rest = Math.min(breathMs?.() ?? 0, MOST_BREATH_MS) - Math.max(0, since);
    if (rest <= 0 || this.#queue.length >= FULL_GROUP) return;
    await new Promise<void>((resolve) => {
      const stop = clock.after(rest, resolve);
      this.#wake = () => {
        stop();
        resolve();
      };
    });
    this.#wake = () => undefined;
  }

  async #beat(waiting: readonly (Waiting | Read)[]): Promise<void> {
    const { journal, clock, publish, onEntries } = this.#options;
    const read = newestFirst(waiting.map(readWaiting));
    this.#now = instant(0);
    const signers = new Signers();
    await signers.foresee(this.#signaturesOf(read), this.#options.checkSigners);
    const group: Group = { first: journal.head().index + 1, drafts: [], said: [], signers };
    const taken: Read[] = [];
    const left: Read[] = [];
    for (const one of read) {
      if (signers.unforeseen >= MOST_UNFORESEEN && one.from?.topic === "voucher") left.push(one);
      else {
        await this.#take(one, group);
        taken.push(one);
      }
    }
    // what comes after this group is not dated before it
    const later = left.map((one) => ({ ...one, at: instant(Math.max(one.at, this.#now)) }));
    if (left.length > 0) this.#queue = [...later, ...this.#queue];
    const entries = group.drafts.length > 0 ? journal.append(group.drafts) : [];
    this.#beatAt = clock.now();
    for (const outgoing of group.said) publish(outgoing);
    for (const { done } of taken) done();
    onEntries(entries);
  }

  /** What the group will ask about. Of one device's vouchers on a lane it is the first, which stands for the others. */
  #signaturesOf(group: readonly Read[]): readonly SignatureCheck[] {
    const { market } = this.#options.context;
    const lanes = new Set<string>();
    return group.flatMap((one) => {
      const { from, intake, digest } = one;
      if (!from || !intake || isRefusal(intake.command)) return [];
      const { command } = intake;
      if (this.#answeredBefore(from.by, from.topic, command.message.id, digest)) return [];
      if (command.topic === "voucher") {
        const lane = `${from.by} ${promisedIn(one) === null ? "out" : "in"}`;
        if (lanes.has(lane)) return [];
        lanes.add(lane);
      }
      return signaturesIn(market, command);
    });
  }

  async #take({ at, inner, from, intake, digest }: Read, group: Group): Promise<void> {
    // what was put first may have come later; no record of a group is dated before the one that it follows
    this.#now = instant(Math.max(this.#now, at));
    if (inner) {
      await this.#commit(inner, { by: null, topic: inner.topic, id: "", digest: "", refused: null }, group);
      return;
    }
    if (!from || !intake) return;
    const { by, topic } = from;
    const { id, command } = intake;
    if (isRefusal(command)) return this.#refuse(by, topic, id, command, group);
    const before = this.#answeredBefore(by, topic, command.message.id, digest);
    if (before && !isRefusal(before)) {
      group.said.push(...before);
      return;
    }
    const signed = signedByItsSender(this.#options.context.market, command, group.signers);
    const spoiled = before ?? (signed ? null : refuse("bad_signature"));
    const cause = { by, topic, id: command.message.id, digest, refused: null };
    await this.#commit(command, cause, group, spoiled);
  }

  /** What the command was answered, or `id_reused` where the id was another command's. */
  #answeredBefore(by: Hex, topic: CommandTopic, id: string, digest: string): Outgoing[] | Refusal | null {
    const { state } = this.#options;
    const given = state.answers.get(by)?.get(id);
    if (given) {
      // The topic is no part of the bytes, and `decline` and `cancel` are written alike.
      const same = given.digest === digest && given.topic === topic;
      return same ? repeat(state, by, id, given) : refuse("id_reused");
    }
    const refused = this.#refusals.get(by)?.get(id);
    if (refused?.digest !== digest || refused.topic !== topic) return null;
    return [refusalMessage(by, id, topic, refused.refusal.refused, refused.refusal.hint)];
  }

  async #commit(command: Command, cause: Cause, group: Group, spoiled: Refusal | null = null): Promise<void> {
    const { state, signer, context, bidders } = this.#options;
    const now = this.#now;
    const { isPayer, isAuthor } = group.signers;
    const obstacle = this.#options.obstacle?.() ?? null;
    const given = { ...context, now, obstacle, isPayer, isAuthor };
    const { facts, refused }: Decision = decide(state, command, given, spoiled);
    if (refused && cause.by !== null) {
      if (facts.length === 0) {
        return this.#refuse(cause.by, cause.topic, cause.id, refused, group, cause.digest);
      }
      this.#options.onRefused(refused, cause.by, cause.topic);
    }
    if (facts.length === 0) {
      // nothing new: the newest record, in this group or before it, holds all that the ack confirms
      const newest = group.first + group.drafts.length - 1;
      if (cause.by !== null) group.said.push(acknowledge(cause.by, cause.id, newest));
      return;
    }
    const sealed = await seal(state, context.market, signer, facts);
    const draft = { at: now, cause: { ...cause, refused: refused?.refused ?? null }, facts: sealed };
    const record = { ...draft, index: group.first + group.drafts.length };
    apply(state, context.market, record);
    group.drafts.push(draft);
    group.said.push(...speak(state, record, bidders()));
  }

  #refuse(by: Hex, topic: string, id: string | null, refusal: Refusal, group: Group, digest?: string): void {
    this.#options.onRefused(refusal, by, topic);
    group.said.push(refusalMessage(by, id, topic, refusal.refused, refusal.hint));
    if (id === null || digest === undefined) return;
    const own = this.#refusals.get(by) ?? new Map();
    this.#refusals.set(by, own);
    own.set(id, { digest, topic, refusal });
    if (own.size > REMEMBERED_REFUSALS) own.delete(own.keys().next().value);
  }
}

/** How many of those that wait are taken together. */
function groupOf(queue: readonly Waiting[]): number {
  const payers = new Set<Hex>();
  let checks = 0;
  let count = 0;
  for (const { from } of queue) {
    const isCounted = from?.topic === "voucher" && payers.has(from.by);
    if (from?.topic === "voucher") payers.add(from.by);
    if (!isCounted && ++checks > GROUP_CHECKS) break;
    if (++count === GROUP_COMMANDS) break;
  }
  return count;
}

function readWaiting(waiting: Waiting | Read): Read {
  if ("intake" in waiting) return waiting;
  const { from } = waiting;
  if (!from) return { ...waiting, intake: null, digest: "" };
  const digest = sha256(from.payload).slice(2);
  return { ...waiting, intake: readCommand(from.topic, from.by, from.payload), digest };
}

/**
 * Puts each device's newest voucher where its first one stands: a cumulative promise covers all before it, so that one
 * signature of the group is checked for each lane. Everything else keeps its place.
 */
function newestFirst(group: readonly Read[]): readonly Read[] {
  const first = new Map<Hex, number>();
  const ordered = [...group];
  for (const [at, one] of group.entries()) {
    if (!one.from) continue;
    const cumulative = promisedIn(one);
    if (cumulative === null) continue;
    const { by } = one.from;
    const place = first.get(by);
    if (place === undefined) first.set(by, at);
    const leading = place === undefined ? undefined : ordered[place];
    if (place === undefined || !leading || cumulative <= (promisedIn(leading) ?? 0n)) continue;
    ordered[at] = leading;
    ordered[place] = one;
  }
  return ordered;
}

/** The total of a voucher that stands alone; null of the gateway's own, which is shown by its payee. */
function promisedIn({ intake }: Read): bigint | null {
  if (!intake || isRefusal(intake.command) || intake.command.topic !== "voucher") return null;
  const { by, message } = intake.command;
  return message.voucher.payee === by ? null : message.voucher.cumulative;
}
