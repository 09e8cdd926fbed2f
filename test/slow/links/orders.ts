/** What tests and the processes that they start say to each other. */
import type { Hex } from "../../../src/base/bytes.ts";
import type { BrokerLimits } from "../../../src/link/broker/limits.ts";
import type { Topic, TopicName } from "../../../src/protocol/topic.ts";
import type { Market } from "../../../src/protocol/typed-data.ts";

export type HubOptions = {
  readonly market: Market;
  readonly devices: readonly { readonly address: Hex; readonly name: TopicName }[];
  readonly limits?: Partial<BrokerLimits>;
  /** Over whose messages the gateway takes how long, milliseconds; null for ever. It takes no time over the others'. */
  readonly slow?: { readonly devices: readonly Hex[]; readonly ms: number | null };
  /** What a device is told as soon as it is ready, with the numbers that follow those of {@link Say}. */
  readonly greet?: Say;
  /** Who is sent everything that everybody says, as `announce`. */
  readonly copyTo?: TopicName;
};

/** Messages of `bytes` bytes, each its number and spaces; the numbers count all that was ever said, from 1. */
export type Say = {
  readonly to: TopicName;
  readonly topic: Topic;
  readonly count: number;
  readonly bytes: number;
  /** Bytes of buffers that other work takes and leaves between two of them. */
  readonly between?: number;
};

export type HubFigures = {
  /** Messages that reached the gateway. */
  readonly heard: number;
  readonly ready: number;
  readonly gone: number;
  readonly sessions: number;
  /** Exceptions that nobody caught. */
  readonly crashes: readonly string[];
  readonly refused: Readonly<Record<string, number>>;
  /** Resident bytes, after a collection. */
  readonly rss: number;
  /** The most resident bytes since the last answer, looked at 50 times a second. */
  readonly peak: number;
  /** Bytes in JavaScript objects and buffers, after a collection. */
  readonly heap: number;
};

export type CompanionOptions = {
  readonly port: number;
  /** The loopback address that it connects from. */
  readonly from: string;
  readonly clientId: string;
  readonly username: string;
  readonly password: string;
  readonly name: TopicName;
};

export type CompanionFigures = {
  readonly trips: number;
  /** The longest time between two answers since the last question, milliseconds. */
  readonly longest: number;
  readonly isConnected: boolean;
};
