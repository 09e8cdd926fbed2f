/** The guarded broker as the programs of this folder start it: whom it admits, and limits that let a load through. */
import { readFileSync } from "node:fs";
import type { Hex } from "../../../src/base/bytes.ts";
import { systemClock } from "../../../src/base/clock.ts";
import type { Refusal } from "../../../src/base/refusal.ts";
import type { Broker, BrokerCallbacks } from "../../../src/link/broker/broker.ts";
import { startEmbeddedBroker } from "../../../src/link/broker/embedded-broker.ts";
import type { BrokerLimits } from "../../../src/link/broker/limits.ts";
import type { TopicName } from "../../../src/protocol/topic.ts";
import { MARKET } from "../../exchange/stage.ts";

/**
 * For thousands of devices at once from one address, and for more messages than any of them would say. All limits are on
 * and cost what they cost; the windows are as wide as the peer's.
 */
export const CROWD: Partial<BrokerLimits> = {
  connections: 20_000,
  connectionsPerAddress: 20_000,
  addressConnectRate: 20_000,
  addressConnectBurst: 20_000,
  deviceConnectRate: 1_000,
  deviceConnectBurst: 1_000,
  deviceMessageRate: 1_000_000,
  deviceMessageBurst: 1_000_000,
  addressMessageRate: 1_000_000,
  addressMessageBurst: 1_000_000,
  connectTimeoutMs: 60_000,
  inFlight: 65_000,
  queuedMessages: 100_000,
  queuedBytes: 67_108_864,
  unsentBytes: 67_108_864,
};

/** Until a frozen subscriber is given up, ours and the peer's: a tenth of what aedes waits by itself, milliseconds. */
export const DRAIN_MS = 6_000;

/** The product's own limits otherwise. */
export const FROZEN_BESIDE: Partial<BrokerLimits> = { drainTimeoutMs: DRAIN_MS };

/** By address, from a file of {@link deviceList}. */
export function readNames(file: string): ReadonlyMap<Hex, TopicName> {
  return new Map(JSON.parse(readFileSync(file, "utf8")));
}

/** How often each code was refused. */
export class RefusalCount {
  readonly codes: Record<string, number> = {};

  readonly count = ({ refused }: Refusal): void => {
    this.codes[refused] = (this.codes[refused] ?? 0) + 1;
  };
}

/** On any free port of the loopback. */
export function startGuarded(callbacks: BrokerCallbacks, limits: Partial<BrokerLimits>): Promise<Broker> {
  return startEmbeddedBroker({
    listen: [{ scheme: "mqtt", host: "127.0.0.1", port: 0 }],
    ...{ market: MARKET, clock: systemClock, boot: systemClock.now(), limits, callbacks },
  });
}
