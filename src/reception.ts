/**
 * The reception: who is on the line, what they say, and what is said to them.
 *
 * Commands go to custody and the heartbeat, bytes to the courier; what a device says of itself (factsheet, state, connection)
 * is kept for its session only. Money never passes here.
 */
import type { Hex } from "./base/bytes.ts";
import type { Clock } from "./base/clock.ts";
import { isRefusal, type Refusal, type RefusalCode, refuse } from "./base/refusal.ts";
import type { Door } from "./door.ts";
import type { Enrolment } from "./enrolment.ts";
import { isCommandTopic } from "./exchange/intake.ts";
import { type Outgoing, refusalMessage, sayAgain } from "./exchange/outbox.ts";
import { ProgressRelay } from "./exchange/progress.ts";
import type { State } from "./exchange/state.ts";
import type { Heartbeat } from "./heartbeat.ts";
import { isSignedBy } from "./kernels/signature.ts";
import type { BlobCourier } from "./link/blob-courier.ts";
import type { Broker, BrokerCallbacks, RefusedAt, Session } from "./link/broker/broker.ts";
import { Traffic } from "./link/broker/traffic.ts";
import { termsFor } from "./payment/terms.ts";
import type { Ask } from "./protocol/ask.ts";
import { decodeMessage, encodeMessage, type Message, parseJson, type Terms } from "./protocol/message.ts";
import type { Topic } from "./protocol/topic.ts";
import { askDigest, type Market } from "./protocol/typed-data.ts";

export type ReceptionOptions = {
  readonly state: State;
  readonly market: Market;
  readonly clock: Clock;
  readonly decimals: number;
  readonly admission: Pick<Enrolment, "admit" | "isEnrolled" | "known">;
  readonly feeBasisPoints: number;
  readonly firmware: Terms["firmware"];
  readonly journalIndex: () => number;
  readonly onRefused: (refusal: Refusal, by: Hex | null, topic: string) => void;
  /** A device is in session, or is no more. */
  readonly onSession?: (what: "began" | "ended", session: Pick<Session, "device" | "origin">) => void;
};

/** Where the reception hands things on; they need it to speak, so they come after it. */
export type Backrooms = {
  readonly commands: Pick<Heartbeat, "submit">;
  readonly courier: Pick<BlobCourier, "onGet" | "onData" | "askAgain">;
};

type Provider = Pick<Message<"factsheet">, "profiles" | "memoryMiB"> & { readonly ask: Ask | null };

export class Reception {
  /** What each device has said and heard since the start. */
  readonly devices: Traffic;
  readonly #options: ReceptionOptions;
  /** Devices that run task firmware, and what the factsheet of their session says. */
  readonly #providers = new Map<Hex, Provider>();
  readonly #refusals = new Map<RefusalCode, number>();
  readonly #progress: ProgressRelay;
  /** Who hears what is said to requesters of the gateway's own, which have no session. */
  readonly #listeners = new Map<Hex, (outgoing: Outgoing) => void>();
  #broker: Broker | null = null;
  #heardCount = 0;
  #saidCount = 0;

  constructor(options: ReceptionOptions) {
    this.#options = options;
    this.devices = new Traffic(options.clock);
    this.#progress = new ProgressRelay(options.state.market.tasks);
  }

  /** Refusals by code since the start. */
  get refusals(): ReadonlyMap<RefusalCode, number> {
    return this.#refusals;
  }

  /** Messages since the start: from devices, and handed over to them. */
  get traffic(): { readonly heard: number; readonly said: number } {
    return { heard: this.#heardCount, said: this.#saidCount };
  }

  /** The providers that are connected now. */
  bidders(): readonly Hex[] {
    return [...this.#providers.keys()];
  }

  /** What the providers that are connected now stand by: rates and speeds that they have signed. */
  asks(): ReadonlyMap<Hex, Ask> {
    const asks = new Map<Hex, Ask>();
    for (const [device, { ask }] of this.#providers) if (ask) asks.set(device, ask);
    return asks;
  }

  /** Opens the door: `start` begins to serve with the callbacks it is given. */
  async open<Opened extends Pick<Door, "broker">>(
    start: (callbacks: BrokerCallbacks) => Promise<Opened>,
    backrooms: Backrooms,
  ): Promise<Opened> {
    const { admission } = this.#options;
    const isOpen = Promise.withResolvers<void>();
    const door = await start({
      admit: (device) => isOpen.promise.then(() => admission.admit(device)),
      known: () => admission.known(),
      onPublish: (session, topic, payload) => this.#heard(backrooms, session.device, topic, payload),
      onPing: ({ device }) => this.devices.alive(device),
      onReady: (session) => this.#greet(backrooms, session),
      onGone: (session) => this.#gone(session),
      onRefused: (refusal, at) => this.#refusedAt(refusal, at),
    });
    this.#broker = door.broker;
    // Whoever came first has waited: nothing could have been said to it.
    isOpen.resolve();
    return door;
  }

  /**
   * Ends the sessions of devices that are on the roster no more.
   *
   * @param isEstranged - whether a device that is has to log in anew
   */
  dismiss(isEstranged: (device: Hex) => boolean): void {
    for (const { device } of this.#broker?.sessions() ?? []) {
      if (!this.#options.admission.isEnrolled(device) || isEstranged(device)) this.#broker?.drop(device);
    }
  }

  /**
   * Hands a message over to its device, if it is connected; whoever is not hears it again at its next session. One that
   * is on the roster no more hears nothing: its topics may be another's by then.
   */
  publish(outgoing: Outgoing): void {
    const listener = this.#listeners.get(outgoing.to);
    if (listener) {
      listener(outgoing);
      return;
    }
    if (outgoing.topic === "announce" && !this.runs(outgoing.to, outgoing.message)) return;
    const { state, admission } = this.#options;
    const device = admission.isEnrolled(outgoing.to) ? state.roster.get(outgoing.to) : undefined;
    if (!device) return;
    const { topic, message } = outgoing;
    const payload = encodeMessage(topic, message);
    const code = topic === "refusal" ? message.code : null;
    if (this.devices.said(outgoing.to, topic, Buffer.byteLength(payload), code)) this.#saidCount++;
    this.#broker?.publish(device, topic, payload);
  }

  /** From now on what is said to this device is said here, and to no session. */
  listen(device: Hex, heard: (outgoing: Outgoing) => void): void {
    this.#listeners.set(device, heard);
  }

  /** Whether a device is connected and has said that it runs such modules. */
  runs(device: Hex, { profile, memoryMiB }: Pick<Message<"announce">, "profile" | "memoryMiB">): boolean {
    const provider = this.#providers.get(device);
    return provider?.profiles.includes(profile) === true && provider.memoryMiB >= memoryMiB;
  }

  /** Tells a device that something of it was refused, and counts it. */
  refuse(device: Hex, id: string | null, topic: string, refusal: Refusal): void {
    this.count(refusal, device, topic);
    this.publish(refusalMessage(device, id, topic, refusal.refused, refusal.hint));
  }

  /** Counts a refusal that is told elsewhere, or to nobody. */
  count(refusal: Refusal, by: Hex | null, topic: string): void {
    this.#refusals.set(refusal.refused, (this.#refusals.get(refusal.refused) ?? 0) + 1);
    // whoever has a key can prove it: only those who were let in once are remembered
    if (by !== null && this.#options.state.roster.has(by)) this.devices.refused(by, topic, refusal.refused);
    this.#options.onRefused(refusal, by, topic);
  }

  /** The terms first: a device signs nothing before it knows them. */
  #greet({ courier }: Backrooms, session: Session): void {
    const { state } = this.#options;
    const { device, nonce } = session;
    this.devices.began(session);
    this.#options.onSession?.("began", session);
    this.#tellTerms(device, nonce);
    for (const outgoing of sayAgain(state, device, this.#providers.has(device))) this.publish(outgoing);
    courier.askAgain(device);
  }

  /** The chain shows another lane: its device hears the terms again. */
  laneChanged(device: Hex): void {
    for (const session of this.#broker?.sessions() ?? []) {
      if (session.device === device) this.#tellTerms(device, session.nonce);
    }
  }

  /** An ack that names the CONNECT by its nonce. */
  #tellTerms(device: Hex, nonce: Hex): void {
    const { state, market, clock, decimals, feeBasisPoints, firmware, journalIndex } = this.#options;
    const common = { time: clock.now(), feeBasisPoints, decimals, firmware };
    const terms = termsFor(state.payment, market, device, common);
    const message = { version: 1 as const, id: nonce.slice(2), journalIndex: journalIndex(), terms };
    this.publish({ to: device, topic: "ack", message });
  }

  #gone(session: Session): void {
    const { device, id } = session;
    this.devices.ended(session);
    this.#options.onSession?.("ended", session);
    if (!this.#providers.has(device)) return;
    const others = this.#broker?.sessions().some((other) => other.device === device && other.id !== id);
    if (!others) this.#providers.delete(device);
  }

  async #heard(backrooms: Backrooms, device: Hex, topic: Topic, payload: Uint8Array): Promise<void> {
    this.#heardCount++;
    this.devices.heard(device, topic, payload.length);
    if (isCommandTopic(topic)) return backrooms.commands.submit(device, topic, new Uint8Array(payload));
    const refusal = await this.#heardOther(backrooms, device, topic, payload);
    if (refusal) this.refuse(device, null, topic, refusal);
  }

  #heardOther(
    { courier }: Backrooms,
    device: Hex,
    topic: Topic,
    payload: Uint8Array,
  ): Refusal | null | Promise<Refusal | null> {
    const value = parseJson(payload);
    if (value === undefined) return refuse("bad_json");
    const message = decodeMessage(topic, value);
    if (!message) return refuse("bad_schema");
    if (topic === "blob-get") return courier.onGet(device, message as Message<"blob-get">);
    if (topic === "blob-data") return courier.onData(device, message as Message<"blob-data">);
    if (topic === "progress") return this.#pass(device, message as Message<"progress">);
    return topic === "factsheet" ? this.#read(device, message as Message<"factsheet">) : null;
  }

  /** Tells a task's requester how far it has come. */
  #pass(device: Hex, message: Message<"progress">): Refusal | null {
    const outgoing = this.#progress.pass(device, message, this.#options.clock.now());
    if (outgoing === null || isRefusal(outgoing)) return outgoing;
    this.publish(outgoing);
    return null;
  }

  /** Keeps what a factsheet says; of one whose ask cannot be believed, all but the ask. */
  #read(device: Hex, { profiles, memoryMiB, ask }: Message<"factsheet">): Refusal | null {
    const refusal = ask === undefined ? null : this.#whyUnbelieved(device, ask);
    const before = this.#providers.get(device);
    if (profiles.length === 0) {
      this.#providers.delete(device);
      return refusal;
    }
    const now = { profiles, memoryMiB, ask: refusal === null ? (ask ?? null) : null };
    this.#providers.set(device, now);
    const isSame = before?.profiles.join() === profiles.join() && before.memoryMiB === memoryMiB;
    if (isSame) return refusal;
    for (const outgoing of sayAgain(this.#options.state, device, true)) {
      if (outgoing.topic === "announce") this.publish(outgoing);
    }
    return refusal;
  }

  #whyUnbelieved(device: Hex, ask: Ask): Refusal | null {
    const { market, firmware } = this.#options;
    if (ask.meter !== firmware.meter || ask.costs !== firmware.costs) return refuse("meter_unknown");
    return isSignedBy(device, askDigest(market, device, ask), ask.signature) ? null : refuse("bad_signature");
  }

  #refusedAt(refusal: Refusal, { device, session, topic }: RefusedAt): void {
    if (session) this.refuse(session.device, null, topic, refusal);
    else this.count(refusal, device, topic);
  }
}
