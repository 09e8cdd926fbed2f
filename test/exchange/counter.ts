/** A heartbeat on a memory journal, with everything that it says and does written down in order. */

import { type Clock, type Instant, instant, systemClock } from "../../src/base/clock.ts";
import type { Refusal } from "../../src/base/refusal.ts";
import type { InnerCommand } from "../../src/exchange/decide.ts";
import type { Outgoing } from "../../src/exchange/outbox.ts";
import { emptyState, type Obstacle, type State } from "../../src/exchange/state.ts";
import { Heartbeat } from "../../src/heartbeat.ts";
import type { Entry, Journal } from "../../src/journal/journal.ts";
import { memoryJournal } from "../../src/journal/memory-journal.ts";
import { checkSigners } from "../../src/kernels/signature.ts";
import type { MarketRules } from "../../src/market/rules.ts";
import type { Limits } from "../../src/payment/standing.ts";
import type { Fact } from "../../src/protocol/facts.ts";
import { encodeMessage, type Message } from "../../src/protocol/message.ts";
import type { Signer } from "../../src/protocol/signer.ts";
import type { CommandTopic, Topic } from "../../src/protocol/topic.ts";
import { ARM, BOARD, CAMERA, GATEWAY, LIMITS, MARKET, RULES, SALT, START } from "./stage.ts";

/** Stands still until the test moves it. */
export type HandClock = Clock & { set(at: number): void };

function handClock(after: Clock["after"]): HandClock {
  let at: Instant = START;
  const { sleep } = systemClock;
  return {
    sleep,
    after,
    now: () => at,
    set: (to) => {
      at = instant(to);
    },
  };
}

export type Event =
  | { readonly what: "appended"; readonly count: number }
  | { readonly what: "said"; readonly outgoing: Outgoing }
  | { readonly what: "entries"; readonly entries: readonly Entry[] }
  | { readonly what: "done"; readonly name: string };

export type Counter = {
  readonly heartbeat: Heartbeat;
  readonly journal: Journal;
  readonly state: State;
  readonly clock: HandClock;
  readonly events: Event[];
  readonly refused: { readonly refusal: Refusal; readonly by: string; readonly topic: string }[];
  readonly broken: unknown[];
  /** Sends a message as its sender's broker session would. */
  send<T extends CommandTopic>(by: Signer, topic: T, message: Message<T>): Promise<void>;
  sendBytes(by: Signer, topic: CommandTopic, bytes: string | Uint8Array): Promise<void>;
  tell(inner: InnerCommand): Promise<void>;
  observe(facts: readonly Fact[]): Promise<void>;
  /** From now on the machine is in the way, or no more. */
  hinder(obstacle: Obstacle | null): void;
  /** What was said since the last call. */
  heard(): Outgoing[];
};

type CounterOptions = {
  readonly rules?: MarketRules;
  readonly limits?: Partial<Limits>;
  /** Uniform draws; by default none falls on a task. */
  readonly draw?: () => number;
  readonly journal?: Journal;
  readonly state?: State;
  /** How long a group gathers after the one before; not at all by default. */
  readonly breathMs?: () => number;
  /** Sets a timer; by default one of the machine's. */
  readonly after?: Clock["after"];
};

export function openCounter(options: CounterOptions = {}): Counter {
  const limits = { ...LIMITS, ...options.limits };
  const { rules = RULES, draw = () => 0.99, journal: kept = memoryJournal(), state = emptyState() } = options;
  const events: Event[] = [];
  const refused: Counter["refused"] = [];
  const broken: unknown[] = [];
  const clock = handClock(options.after ?? systemClock.after);
  let obstacle: Obstacle | null = null;
  const journal: Journal = {
    ...kept,
    append(drafts) {
      const entries = kept.append(drafts);
      events.push({ what: "appended", count: drafts.length });
      return entries;
    },
  };
  const heartbeat = new Heartbeat({
    state,
    journal,
    signer: GATEWAY,
    clock,
    checkSigners: (checks) => Promise.resolve(checkSigners(checks)),
    context: { market: MARKET, rules, draw, limits, salt: () => SALT },
    obstacle: () => obstacle,
    breathMs: options.breathMs ?? (() => 0),
    bidders: () => [BOARD, ARM, CAMERA].map(({ address }) => address),
    publish: (outgoing) => {
      // As the gateway does: what cannot be encoded must not be decided.
      encodeMessage(outgoing.topic, outgoing.message);
      events.push({ what: "said", outgoing });
    },
    onEntries: (entries) => events.push({ what: "entries", entries }),
    onRefused: (refusal, by, topic) => refused.push({ refusal, by, topic }),
    onBroken: (cause) => broken.push(cause),
  });
  const sendBytes = (by: Signer, topic: CommandTopic, bytes: string | Uint8Array) =>
    heartbeat.submit(by.address, topic, typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes);
  let heardUpTo = 0;
  return {
    heartbeat,
    journal,
    state,
    clock,
    events,
    refused,
    broken,
    send: (by, topic, message) => sendBytes(by, topic, encodeMessage(topic, message)),
    sendBytes,
    tell: (inner) => heartbeat.tell(inner),
    hinder: (by) => {
      obstacle = by;
    },
    observe: (facts) => heartbeat.tell({ topic: "observed", facts }),
    heard() {
      const fresh = events.slice(heardUpTo);
      heardUpTo = events.length;
      return fresh.flatMap((event) => (event.what === "said" ? [event.outgoing] : []));
    },
  };
}

/** The first message of a topic among those said. */
export function saidOf<T extends Topic>(said: readonly Outgoing[], topic: T): Message<T> {
  const found = said.find((one) => one.topic === topic);
  if (!found) throw new Error(`no ${topic} among ${said.map((one) => one.topic).join(", ")}`);
  return found.message as Message<T>;
}
