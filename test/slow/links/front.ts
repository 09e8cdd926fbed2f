/** Reception and heartbeat as a gateway has them, behind a broker that only writes down what is said. */
import type { Hex } from "../../../src/base/bytes.ts";
import { type Instant, instant, systemClock } from "../../../src/base/clock.ts";
import { emptyState, type State } from "../../../src/exchange/state.ts";
import { Heartbeat } from "../../../src/heartbeat.ts";
import type { Journal } from "../../../src/journal/journal.ts";
import { memoryJournal } from "../../../src/journal/memory-journal.ts";
import { checkSigners } from "../../../src/kernels/signature.ts";
import type { Broker, BrokerCallbacks, Session } from "../../../src/link/broker/broker.ts";
import type { Fact } from "../../../src/protocol/facts.ts";
import type { Signer } from "../../../src/protocol/signer.ts";
import type { Topic } from "../../../src/protocol/topic.ts";
import { Reception } from "../../../src/reception.ts";
import { GATEWAY, hash32, LIMITS, MARKET, RULES, SALT, START } from "../../exchange/stage.ts";

/** What a device hears on its topics, as it reads it. */
export type Told = { readonly to: string; readonly topic: Topic; readonly message: Record<string, unknown> };

export type Front = {
  readonly state: State;
  readonly journal: Journal;
  readonly reception: Reception;
  readonly heartbeat: Heartbeat;
  readonly broken: unknown[];
  setTime(at: number): void;
  observe(facts: readonly Fact[]): Promise<void>;
  /** What was said while the gateway took these messages, which come at once. */
  hear(...letters: readonly Letter[]): Promise<Told[]>;
};

/** One message of a device's. */
export type Letter = { readonly by: Signer; readonly topic: Topic; readonly payload: Uint8Array };

export async function openFront(devices: readonly Signer[]): Promise<Front> {
  const state = emptyState();
  const journal = memoryJournal();
  const broken: unknown[] = [];
  const said: Told[] = [];
  let at: Instant = START;
  const clock = { ...systemClock, now: () => at };
  const reception = new Reception({
    ...{ state, market: MARKET, clock, decimals: 6, feeBasisPoints: RULES.feeBasisPoints },
    firmware: {
      ...{ meter: RULES.meter.version, costs: RULES.meter.costs, maxFuel: RULES.maxFuel, runMs: RULES.runMs },
    },
    journalIndex: () => journal.head().index,
    admission: {
      admit: (device) => Promise.resolve(state.roster.get(device) ?? null),
      isEnrolled: (device) => state.roster.has(device),
      known: () => state.roster.values(),
    },
    onRefused: () => undefined,
  });
  const heartbeat = new Heartbeat({
    ...{ state, journal, clock, signer: GATEWAY },
    checkSigners: (checks) => Promise.resolve(checkSigners(checks)),
    context: {
      market: MARKET,
      rules: { ...RULES, maxOpen: 10_000 },
      draw: () => 0.99,
      limits: LIMITS,
      salt: () => SALT,
    },
    bidders: () => reception.bidders(),
    publish: (outgoing) => reception.publish(outgoing),
    onEntries: () => undefined,
    onRefused: (refusal, by, topic) => reception.count(refusal, by, topic),
    onBroken: (cause) => broken.push(cause),
  });
  const sessions = new Map(devices.map(({ address }) => [address, sessionOf(address)]));
  const broker: Broker = {
    ...{ waiting: () => [], pair: () => Promise.resolve() },
    ...{ port: 0, urls: [], attach: () => undefined, drop: () => undefined, stop: () => Promise.resolve() },
    figures: { connections: 0, sessions: 0, queuedMessages: 0, queuedBytes: 0, delayed: 0 },
    sessions: () => [...sessions.values()],
    publish: (to, topic, payload) => {
      said.push({ to: to.serialNumber, topic, message: JSON.parse(payload) as Told["message"] });
    },
  };
  const courier = { onGet: async () => null, onData: () => Promise.resolve(null), askAgain: () => undefined };
  const { promise: opened, resolve: open } = Promise.withResolvers<BrokerCallbacks>();
  await reception.open(
    (callbacks) => {
      open(callbacks);
      return Promise.resolve({ broker });
    },
    { commands: heartbeat, courier },
  );
  const callbacks = await opened;
  const enrolled = devices.map(({ address }): Fact => ({ kind: "deviceEnrolled", ...deviceOf(address) }));
  await heartbeat.tell({ topic: "observed", facts: enrolled });
  return {
    ...{ state, journal, reception, heartbeat, broken },
    setTime: (to) => {
      at = instant(to);
    },
    observe: (facts) => heartbeat.tell({ topic: "observed", facts }),
    async hear(...letters) {
      said.length = 0;
      const heard = letters.map(({ by, topic, payload }) =>
        callbacks.onPublish(sessions.get(by.address) ?? sessionOf(by.address), topic, payload),
      );
      await Promise.all(heard);
      return said.splice(0);
    },
  };
}

function sessionOf(device: Hex): Session {
  const { manufacturer, serialNumber } = deviceOf(device);
  const name = { manufacturer, serialNumber };
  const login = { way: "listener", origin: "192.0.2.1", since: instant(1) } as const;
  return { id: `${device}-main`, device, slot: "main", nonce: hash32(9), name, ...login };
}

function deviceOf(address: Hex) {
  return { device: address, name: address, owner: null, manufacturer: "acme", serialNumber: address };
}
