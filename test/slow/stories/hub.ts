/**
 * A gateway's counter behind a real broker: heartbeat, reception and MQTT, on a journal in memory, without a chain.
 *
 * What it hears and writes is what a gateway does; what it says, a test may hold back.
 */

import type { Hex } from "../../../src/base/bytes.ts";
import { type Clock, instant } from "../../../src/base/clock.ts";
import type { InnerCommand } from "../../../src/exchange/decide.ts";
import type { Outgoing } from "../../../src/exchange/outbox.ts";
import { emptyState, type State } from "../../../src/exchange/state.ts";
import { Heartbeat } from "../../../src/heartbeat.ts";
import type { Journal } from "../../../src/journal/journal.ts";
import { memoryJournal } from "../../../src/journal/memory-journal.ts";
import { checkSigners } from "../../../src/kernels/signature.ts";
import type { Broker } from "../../../src/link/broker/broker.ts";
import { startEmbeddedBroker } from "../../../src/link/broker/embedded-broker.ts";
import type { Fact } from "../../../src/protocol/facts.ts";
import { encodeMessage, type Message } from "../../../src/protocol/message.ts";
import type { Signer } from "../../../src/protocol/signer.ts";
import type { CommandTopic } from "../../../src/protocol/topic.ts";
import type { Market } from "../../../src/protocol/typed-data.ts";
import { Reception } from "../../../src/reception.ts";
import { LIMITS, RULES, SALT } from "../../exchange/stage.ts";

type HubOptions = {
  readonly market: Market;
  readonly signer: Signer;
  readonly clock: Clock;
  /** Who may connect; each one's serial number is its name. */
  readonly devices: ReadonlyMap<string, Pick<Signer, "address">>;
  /** What is never said, although the journal says that it was. */
  readonly withholds?: (outgoing: Outgoing) => boolean;
  /** What its offers have to name: the stage's own meter, which no device has, unless told. */
  readonly meter?: typeof RULES.meter;
};

/** The manufacturer of every device of a hub. */
export const MAKER = "acme";

export class Hub {
  readonly state: State = emptyState();
  readonly journal: Journal = memoryJournal();
  readonly #heartbeat: Heartbeat;
  readonly #reception: Reception;
  readonly #options: HubOptions;
  #broker: Broker | null = null;

  static async open(options: HubOptions): Promise<Hub> {
    const hub = new Hub(options);
    await hub.#open();
    return hub;
  }

  private constructor(options: HubOptions) {
    const { market, signer, clock, withholds = () => false, meter = RULES.meter } = options;
    const { state, journal } = this;
    this.#options = options;
    this.#reception = new Reception({
      ...{ state, market, clock, decimals: 6, feeBasisPoints: RULES.feeBasisPoints },
      firmware: {
        ...{ meter: meter.version, costs: meter.costs },
        ...{ maxFuel: RULES.maxFuel, runMs: RULES.runMs },
      },
      journalIndex: () => journal.head().index,
      admission: {
        isEnrolled: (device) => state.roster.has(device),
        admit: (device) => state.roster.get(device) ?? null,
        known: () => state.roster.values(),
      },
      onRefused: () => undefined,
    });
    this.#heartbeat = new Heartbeat({
      ...{ state, journal, signer, clock },
      checkSigners: (checks) => Promise.resolve(checkSigners(checks)),
      context: {
        market,
        rules: { ...RULES, meter, maxOpen: 8 },
        draw: () => 0.99,
        limits: LIMITS,
        salt: () => SALT,
      },
      bidders: () => this.#reception.bidders(),
      publish: (outgoing) => {
        if (!withholds(outgoing)) this.#reception.publish(outgoing);
      },
      onEntries: () => undefined,
      onRefused: (refusal, by, topic) => this.#reception.count(refusal, by, topic),
      onBroken: (cause) => {
        throw cause;
      },
    });
  }

  get broker(): Broker {
    if (!this.#broker) throw new Error("the hub is not open");
    return this.#broker;
  }

  /** Makes facts durable that nobody but the gateway can have seen. */
  observe(facts: readonly Fact[]): Promise<void> {
    return this.tell({ topic: "observed", facts });
  }

  /** Something that the gateway has found out, or says it has. */
  tell(inner: InnerCommand): Promise<void> {
    return this.#heartbeat.tell(inner);
  }

  /** A device's command, without the broker in between. */
  submit<T extends CommandTopic>(by: Hex, topic: T, message: Message<T>): Promise<void> {
    return this.#heartbeat.submit(by, topic, new TextEncoder().encode(encodeMessage(topic, message)));
  }

  async stop(): Promise<void> {
    await this.#broker?.stop();
    await this.#heartbeat.idle();
  }

  async #open(): Promise<void> {
    const { market, clock, devices } = this.#options;
    await this.observe(
      [...devices].map(([name, { address: device }]) => {
        return {
          ...{ kind: "deviceEnrolled", device, owner: null, name },
          ...{ manufacturer: MAKER, serialNumber: name },
        };
      }),
    );
    const deaf = {
      onGet: () => Promise.resolve(null),
      onData: () => Promise.resolve(null),
      askAgain: () => undefined,
    };
    const listen = [{ scheme: "mqtt", host: "127.0.0.1", port: 0 }] as const;
    const { broker } = await this.#reception.open(
      async (callbacks) => ({
        broker: await startEmbeddedBroker({ listen, market, clock, boot: instant(0), callbacks }),
      }),
      { commands: this.#heartbeat, courier: deaf },
    );
    this.#broker = broker;
  }
}
