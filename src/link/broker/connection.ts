/** One stream that is served, from before its CONNECT to its end. */
import type { Duplex } from "node:stream";
import type { Clock } from "../../base/clock.ts";
import { type Refusal, refuse } from "../../base/refusal.ts";
import type { Opener } from "../../protocol/seal.ts";
import { TOPICS, type Topic } from "../../protocol/topic.ts";
import type { ConnectRequest } from "./admission.ts";
import type { BrokerCallbacks, RefusedAt, Session } from "./broker.ts";
import { FrameGuard, guardStream } from "./frame-guard.ts";
import { GrantedFilters } from "./granted-filters.ts";
import type { BrokerLimits } from "./limits.ts";
import type { Seals } from "./login.ts";
import { addressOf } from "./origin.ts";
import { Outgoing } from "./outgoing.ts";
import { ReadGate } from "./read-gate.ts";
import type { Publication } from "./topic-rights.ts";

export type ConnectionContext = {
  readonly limits: BrokerLimits;
  readonly clock: Clock;
  readonly callbacks: Pick<BrokerCallbacks, "onPublish" | "onReady" | "onGone" | "onRefused">;
  /** The connection is not a session any more, before that is told. */
  readonly onOver: (session: Session) => void;
};

export class Connection {
  readonly stream: Duplex;
  readonly origin: string;
  /** Whether its stream was attached, as a serial line's is, and did not come in by a listener. */
  readonly isWired: boolean;
  /** Whom it is counted by. */
  readonly address: string;
  readonly gate: ReadGate;
  readonly outgoing: Outgoing;
  readonly filters = new GrantedFilters();
  /** What its CONNECT asked for; null before. */
  request: Omit<ConnectRequest, "username" | "password"> | null = null;
  /** Makes aedes deaf to what it has read. */
  silence: () => void = () => {};
  readonly #context: ConnectionContext;
  readonly #guard: FrameGuard;
  #session: Session | null = null;
  #opener: Opener | null = null;
  #isReady: boolean = false;
  #isOver: boolean = false;
  #stopTimer: (() => void) | null = null;

  constructor(stream: Duplex, origin: string, context: ConnectionContext, isWired: boolean) {
    this.stream = stream;
    this.origin = origin;
    this.isWired = isWired;
    this.address = addressOf(origin);
    this.#context = context;
    const { limits, clock } = context;
    this.#guard = new FrameGuard(limits.strangerPacketBytes);
    stream.on("error", () => {});
    this.gate = new ReadGate(stream, limits, clock, {
      open: () => this.outgoing.pardon(),
      flood: () => this.end(refuse("too_many")),
    });
    // The gateway may be in the middle of what made it publish.
    const onSlow = () => process.nextTick(() => this.end(refuse("too_slow")));
    this.outgoing = new Outgoing(stream, limits, clock, onSlow);
    guardStream(stream, this.#guard, () => this.end(refuse("too_large")));
  }

  /** Null before it has logged in, and again once it is over. */
  get session(): Session | null {
    return this.#session;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Ends the connection in so many milliseconds, unless it is told otherwise; a time set before is forgotten. */
  expire(ms: number): void {
    this.keep();
    this.#stopTimer = this.#context.clock.after(ms, () => this.end(refuse("no_connect")));
  }

  /** Resolves in so many milliseconds, and never if the connection ends before. */
  wait(ms: number): Promise<void> {
    this.keep();
    return new Promise((resolve) => {
      this.#stopTimer = this.#context.clock.after(ms, resolve);
    });
  }

  /** Lets the connection last. */
  keep(): void {
    this.#stopTimer?.();
    this.#stopTimer = null;
  }

  /**
   * Makes it a session.
   *
   * @param seals - what opens and seals its payloads from now on; null where they are as they are
   */
  open(session: Session, seals: Seals | null): void {
    this.keep();
    this.#session = session;
    this.#opener = seals?.up ?? null;
    if (seals) this.outgoing.seal(seals.down);
    this.#guard.limit = this.#context.limits.packetBytes;
  }

  /** What a publication of the session says, out of its seal where it has one; null when the seal is wrong. */
  bodyOf({ topic, payload }: Publication): Uint8Array | null {
    return this.#opener === null ? payload : this.#opener.open(topic, payload);
  }

  /** Tells once that what is published reaches the session. */
  becomeReady(): void {
    if (!this.#session || this.#isReady || this.filters.isEmpty) return;
    this.#isReady = true;
    this.#context.callbacks.onReady(this.#session);
  }

  /** Sends a message, if the device has subscribed to it. */
  publish(topic: Topic, name: string, payload: Uint8Array): void {
    const qos = this.filters.qosOf(topic, TOPICS[topic].qos);
    if (qos !== null) this.outgoing.send(name, payload, qos);
  }

  /** Tells of a refusal that the connection survives. */
  refuse(refusal: Refusal, at: Partial<RefusedAt> = {}): void {
    const session = this.#session;
    const device = session?.device ?? null;
    this.#context.callbacks.onRefused(refusal, { device, session, origin: this.origin, topic: "", ...at });
  }

  /**
   * Ends the connection and its session, with the last will of that; nothing if it is over already.
   *
   * @param why - told as a refusal; null where nobody is to blame
   */
  end(why: Refusal | null = null, at: Partial<RefusedAt> = {}): void {
    this.#end(why, at);
    this.stream.destroy();
  }

  /** Like {@link end}, but somebody else closes the stream once the peer has its answer; it may take its time. */
  lose(why: Refusal, at: Partial<RefusedAt> = {}): void {
    if (this.#isOver) return;
    this.#end(why, at);
    const { clock, limits } = this.#context;
    this.stream.once(
      "close",
      clock.after(limits.drainTimeoutMs, () => this.stream.destroy()),
    );
  }

  /** Like {@link end}, but what has been sent is still delivered, to a peer that reads it in time. */
  endPolitely(why: Refusal, at: Partial<RefusedAt> = {}): void {
    this.lose(why, at);
    this.stream.end(() => this.stream.destroy());
  }

  /** Forgets the last will: the device is not to blame for the end that follows. */
  dropWill(): void {
    if (this.request) this.request = { ...this.request, will: null };
  }

  #end(why: Refusal | null, at: Partial<RefusedAt>): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.keep();
    this.silence();
    this.gate.close();
    this.outgoing.close();
    if (why !== null) this.refuse(why, at);
    const session = this.#session;
    if (session === null) return;
    this.#session = null;
    this.#context.onOver(session);
    const will: Publication | null = this.#guard.saidGoodbye ? null : (this.request?.will ?? null);
    const { callbacks } = this.#context;
    // Nobody is left to withhold a PUBACK from, so a will that is not accepted is a will not given.
    if (will) callbacks.onPublish(session, "connection", will.payload).catch(() => {});
    callbacks.onGone(session);
  }
}
