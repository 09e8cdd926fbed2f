/** A gateway's counter on a real port: journal, heartbeat, reception and broker, and what came of each message. */
import { once } from "node:events";
import { connect } from "node:net";
import { onTestFinished } from "vitest";
import { type Hex, toHex } from "../../../src/base/bytes.ts";
import { type Instant, instant, systemClock } from "../../../src/base/clock.ts";
import { emptyState, type State } from "../../../src/exchange/state.ts";
import { Heartbeat } from "../../../src/heartbeat.ts";
import type { Journal } from "../../../src/journal/journal.ts";
import { memoryJournal } from "../../../src/journal/memory-journal.ts";
import { checkSigners } from "../../../src/kernels/signature.ts";
import type { Broker, BrokerCallbacks, Session } from "../../../src/link/broker/broker.ts";
import { startEmbeddedBroker } from "../../../src/link/broker/embedded-broker.ts";
import { clientIdOf, signConnectToken } from "../../../src/protocol/connect-token.ts";
import type { Fact } from "../../../src/protocol/facts.ts";
import { decodeMessage, encodeMessage, type Message, parseJson } from "../../../src/protocol/message.ts";
import type { Signer } from "../../../src/protocol/signer.ts";
import { parseTopic, type Topic, topicOf } from "../../../src/protocol/topic.ts";
import type { Market } from "../../../src/protocol/typed-data.ts";
import { Reception } from "../../../src/reception.ts";
import { GATEWAY, LIMITS, MARKET, METER, RULES, SALT } from "../../exchange/stage.ts";
import {
  connectPacket,
  PUBLISH,
  publishPacket,
  rawClient,
  subscribePacket,
} from "../../link/broker/raw-client.ts";

export type Counter = {
  readonly state: State;
  readonly journal: Journal;
  readonly broker: Broker;
  /** `connection` messages that came, last wills among them. */
  readonly said: { readonly session: Session; readonly text: string }[];
  readonly gone: Session[];
  /** The codes of all refusals so far. */
  readonly refused: string[];
  observe(facts: readonly Fact[]): Promise<void>;
};

/** Opens with devices on the roster, each with its address as serial number. */
export async function openCounter(devices: readonly Signer[], boot: Instant): Promise<Counter> {
  const [state, journal, clock] = [emptyState(), memoryJournal(), systemClock];
  const said: Counter["said"] = [];
  const gone: Session[] = [];
  const refused: string[] = [];
  const { feeBasisPoints, maxFuel, runMs } = RULES;
  const reception = new Reception({
    ...{ state, market: MARKET, clock, decimals: 6, feeBasisPoints },
    firmware: { ...METER, maxFuel, runMs },
    journalIndex: () => journal.head().index,
    admission: {
      admit: (device) => state.roster.get(device) ?? null,
      isEnrolled: (device) => state.roster.has(device),
      known: () => state.roster.values(),
    },
    onRefused: ({ refused: code }) => refused.push(code),
  });
  const heartbeat = new Heartbeat({
    ...{ state, journal, clock, signer: GATEWAY },
    checkSigners: (checks) => Promise.resolve(checkSigners(checks)),
    context: { market: MARKET, rules: RULES, draw: () => 0.99, limits: LIMITS, salt: () => SALT },
    bidders: () => reception.bidders(),
    publish: (outgoing) => reception.publish(outgoing),
    onEntries: () => undefined,
    onRefused: (refusal, by, topic) => reception.count(refusal, by, topic),
    onBroken: (cause) => {
      throw cause;
    },
  });
  const observe = (facts: readonly Fact[]) => heartbeat.tell({ topic: "observed", facts });
  await observe(devices.map(({ address }) => enrolled(address)));
  const listening = (callbacks: BrokerCallbacks) =>
    startEmbeddedBroker({ listen: [LOOPBACK], market: MARKET, clock, boot, callbacks });
  const { broker } = await reception.open(
    async (callbacks) => ({
      broker: await listening({
        ...callbacks,
        async onPublish(session, topic, payload) {
          if (topic === "connection") said.push({ session, text: Buffer.from(payload).toString() });
          await callbacks.onPublish(session, topic, payload);
        },
        onGone(session) {
          gone.push(session);
          callbacks.onGone(session);
        },
      }),
    }),
    { commands: heartbeat, courier: DEAF },
  );
  onTestFinished(() => broker.stop());
  return { state, journal, broker, said, gone, refused, observe };
}

const LOOPBACK = { scheme: "mqtt", host: "127.0.0.1", port: 0 } as const;
const DEAF = { onGet: async () => null, onData: () => Promise.resolve(null), askAgain: () => undefined };

function enrolled(device: Hex): Fact {
  return { kind: "deviceEnrolled", device, owner: null, name: device, ...nameOf(device) };
}

function nameOf(device: Hex) {
  return { manufacturer: "acme", serialNumber: device };
}

type TokenChanges = {
  readonly market?: Market;
  readonly issued?: number;
  readonly expires?: number;
  readonly nonce?: Hex;
  /** Whose name it is for; its signer's own unless told. */
  readonly clientId?: string;
};

/** A token that is good for a minute from now on the slot `main`, unless changed. */
export function token(signer: Signer, changes: TokenChanges = {}): Promise<string> {
  const { market = MARKET, issued = Date.now(), clientId = clientIdOf(signer.address, "main") } = changes;
  const { expires = issued + 60_000, nonce = toHex(crypto.getRandomValues(new Uint8Array(32))) } = changes;
  return signConnectToken(market, signer, {
    clientId,
    issued: instant(issued),
    expires: instant(expires),
    nonce,
  });
}

/** One connection of a device, which reads what it is sent when it is asked for it. */
export class Phone {
  readonly device: Hex;
  readonly #client: ReturnType<typeof rawClient>;
  #lastId = 1;

  static async dial({ broker }: Pick<Counter, "broker">, device: Hex): Promise<Phone> {
    const socket = connect(broker.port, "127.0.0.1");
    await once(socket, "connect");
    return new Phone(device, rawClient(socket));
  }

  /** A session with a fresh token, after its terms. */
  static async login(counter: Pick<Counter, "broker">, signer: Signer, will?: string): Promise<Phone> {
    const phone = await Phone.dial(counter, signer.address);
    if ((await phone.connect(await token(signer), { will })) !== 0) throw new Error("not let in");
    phone.subscribe();
    await phone.hear("ack");
    return phone;
  }

  private constructor(device: Hex, client: ReturnType<typeof rawClient>) {
    this.device = device;
    this.#client = client;
  }

  /** Sends the CONNECT; the return code of its CONNACK, null where the connection ends without one. */
  async connect(
    password: string,
    {
      clientId = clientIdOf(this.device, "main"),
      username = this.device as string,
      will = undefined as string | undefined,
    } = {},
  ): Promise<number | null> {
    const last = will === undefined ? {} : { will: { topic: this.#topic("connection"), payload: will } };
    this.#client.send(connectPacket({ clientId, username, password, ...last }));
    const connack = await this.#client.next();
    return connack?.body[1] ?? null;
  }

  subscribe(): void {
    this.#client.send(subscribePacket([this.#topic("ack").replace(/[^/]+$/, "+")]));
  }

  /** Publishes at QoS 1; as a packet that may have come before if it is told so. */
  send(topic: Topic, text: string, { id = ++this.#lastId, dup = false } = {}): void {
    const sent = publishPacket(this.#topic(topic), text, { id });
    if (dup) sent.writeUInt8(sent.readUInt8(0) | 0b1000, 0);
    this.#client.send(sent);
  }

  say<T extends Topic>(topic: T, message: Message<T>): void {
    this.send(topic, encodeMessage(topic, message));
  }

  /** The next packet's type, or null at the end. */
  async type(): Promise<number | null> {
    return (await this.#client.next())?.type ?? null;
  }

  /** The next message on a topic; what comes before it is passed over. Rejects at the end of the connection. */
  async hear<T extends Topic>(topic: T): Promise<Message<T>> {
    for (;;) {
      const packet = await this.#client.next();
      if (!packet) throw new Error(`the connection ended before a message of ${topic}`);
      if (packet.type !== PUBLISH) continue;
      const at = 2 + packet.body.readUInt16BE(0);
      if (parseTopic(packet.body.toString("utf8", 2, at))?.topic !== topic) continue;
      const message = decodeMessage(topic, parseJson(packet.body.subarray(at + 2)));
      if (message) return message;
    }
  }

  hangUp(): void {
    this.#client.stream.destroy();
  }

  #topic(topic: Topic): string {
    return topicOf(nameOf(this.device), topic);
  }
}
