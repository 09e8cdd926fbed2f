/** Several brokers as one: devices that connect here, and those that log in through a broker of somebody else's. */
import type { Duplex } from "node:stream";
import type { Hex } from "../../base/bytes.ts";
import type { Topic, TopicName } from "../../protocol/topic.ts";
import type { Broker, BrokerFigures, PairingHandover, Session, WaitingBoard } from "./broker.ts";

/** Streams of ours, such as serial sessions, go to the first. */
export function joinBrokers(first: Broker, ...others: readonly Broker[]): Broker {
  return others.length === 0 ? first : new JoinedBroker(first, others);
}

class JoinedBroker implements Broker {
  readonly #first: Broker;
  readonly #all: readonly Broker[];

  constructor(first: Broker, others: readonly Broker[]) {
    this.#first = first;
    this.#all = [first, ...others];
  }

  publish(device: TopicName, topic: Topic, payload: string): void {
    for (const broker of this.#all) broker.publish(device, topic, payload);
  }

  attach(stream: Duplex, origin: string): void {
    this.#first.attach(stream, origin);
  }

  sessions(): readonly Session[] {
    return this.#all.flatMap((broker) => broker.sessions());
  }

  /** On a stream of ours, so all are the first one's. */
  waiting(): readonly WaitingBoard[] {
    return this.#first.waiting();
  }

  pair(board: WaitingBoard, handover: PairingHandover): Promise<void> {
    return this.#first.pair(board, handover);
  }

  drop(device: Hex): void {
    for (const broker of this.#all) broker.drop(device);
  }

  get port(): number {
    return this.#first.port;
  }

  get urls(): readonly string[] {
    return this.#all.flatMap(({ urls }) => urls);
  }

  get figures(): BrokerFigures {
    return this.#all.map(({ figures }) => figures).reduce(sum);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#all.map((broker) => broker.stop()));
  }
}

function sum(a: BrokerFigures, b: BrokerFigures): BrokerFigures {
  return {
    connections: a.connections + b.connections,
    sessions: a.sessions + b.sessions,
    queuedMessages: a.queuedMessages + b.queuedMessages,
    queuedBytes: a.queuedBytes + b.queuedBytes,
    delayed: a.delayed + b.delayed,
  };
}
