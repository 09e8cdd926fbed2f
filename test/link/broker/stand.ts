/** A broker on a free port, devices that may connect to it, and a record of what it called back. */
import { randomBytes } from "node:crypto";
import { EventEmitter, once } from "node:events";
import mqtt, { type IClientOptions, type MqttClient } from "mqtt";
import { onTestFinished } from "vitest";
import { type Hex, toHex } from "../../../src/base/bytes.ts";
import { type Clock, type Instant, instant, systemClock } from "../../../src/base/clock.ts";
import type { Refusal } from "../../../src/base/refusal.ts";
import { randomKey } from "../../../src/kernels/signature.ts";
import type { Broker, BrokerCallbacks, RefusedAt, Session } from "../../../src/link/broker/broker.ts";
import { startEmbeddedBroker } from "../../../src/link/broker/embedded-broker.ts";
import type { BrokerLimits } from "../../../src/link/broker/limits.ts";
import type { NonceMemory } from "../../../src/link/broker/nonce-memory.ts";
import { clientIdOf, signConnectToken } from "../../../src/protocol/connect-token.ts";
import { keySigner } from "../../../src/protocol/signer.ts";
import { type Topic, type TopicName, topicOf } from "../../../src/protocol/topic.ts";
import type { Market } from "../../../src/protocol/typed-data.ts";

export const market: Market = {
  chainId: 31_337,
  vault: "0x5fbdb2315678afecb367f032d93f642f64180aa3",
  gateway: "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266",
  token: "0xe7f1725e7734ce288f8367e1bb143e90bb3f0512",
};

/** A free port of this machine, for MQTT. */
export const LOOPBACK = { scheme: "mqtt", host: "127.0.0.1", port: 0 } as const;

export type Device = ReturnType<typeof makeDevice>;

type TokenChanges = { market?: Market; issued?: number; expires?: number; nonce?: Hex };

/** A device with a key of its own; enrolled once a stand knows it. */
export function makeDevice(name: TopicName = { manufacturer: "acme", serialNumber: "r-1" }) {
  const signer = keySigner(randomKey());
  const tokenFor = (clientId: string, changes: TokenChanges = {}) => {
    const issued = changes.issued ?? Date.now();
    const expires = changes.expires ?? issued + 60_000;
    const nonce = changes.nonce ?? toHex(randomBytes(32));
    return signConnectToken(changes.market ?? market, signer, { clientId, issued, expires, nonce });
  };
  return {
    address: signer.address,
    name,
    clientId: (slot = "main") => clientIdOf(signer.address, slot),
    tokenFor,
    topic: (topic: Topic) => topicOf(name, topic),
    all: `hirewire/v1/${name.manufacturer}/${name.serialNumber}/+`,
  };
}

export type Happening =
  | { what: "publish"; session: Session; topic: Topic; payload: string }
  | { what: "ready" | "gone"; session: Session }
  | { what: "refused"; refusal: Refusal; at: RefusedAt };

export type StandOptions = {
  devices?: readonly Device[];
  limits?: Partial<BrokerLimits>;
  boot?: Instant;
  clock?: Clock;
  nonces?: NonceMemory;
  callbacks?: Partial<BrokerCallbacks>;
};

export type Stand = {
  broker: Broker;
  happened: Happening[];
  /** Resolves when `check` holds of what has happened. */
  until(check: (happened: Happening[]) => boolean): Promise<void>;
  /** The codes of all refusals so far. */
  refused(): string[];
};

export async function startStand(options: StandOptions = {}): Promise<Stand> {
  const happened: Happening[] = [];
  const changes = new EventEmitter().setMaxListeners(0);
  const record = (happening: Happening) => {
    happened.push(happening);
    changes.emit("change");
  };
  const names = new Map(options.devices?.map((device) => [device.address, device.name]));
  const { callbacks = {} } = options;
  const broker = await startEmbeddedBroker({
    listen: [LOOPBACK],
    market,
    clock: options.clock ?? systemClock,
    boot: options.boot ?? instant(0),
    limits: options.limits ?? {},
    ...(options.nonces && { nonces: options.nonces }),
    callbacks: {
      admit: (device) => callbacks.admit?.(device) ?? names.get(device) ?? null,
      async onPublish(session, topic, payload) {
        record({ what: "publish", session, topic, payload: Buffer.from(payload).toString() });
        await callbacks.onPublish?.(session, topic, payload);
      },
      onReady(session) {
        record({ what: "ready", session });
        callbacks.onReady?.(session);
      },
      onGone: (session) => record({ what: "gone", session }),
      onRefused: (refusal, at) => record({ what: "refused", refusal, at }),
      ...(callbacks.onPing && { onPing: callbacks.onPing }),
      ...(callbacks.secretOf && { secretOf: callbacks.secretOf }),
    },
  });
  onTestFinished(() => broker.stop());
  return {
    broker,
    happened,
    async until(check) {
      while (!check(happened)) await once(changes, "change");
    },
    refused: () => happened.flatMap((h) => (h.what === "refused" ? h.refusal.refused : [])),
  };
}

/** mqtt.js's client of a device, not connected yet. It does not reconnect. */
export async function openClient(
  broker: Broker,
  device: Device,
  options: IClientOptions & { slot?: string } = {},
): Promise<MqttClient> {
  const clientId = device.clientId(options.slot);
  const client = mqtt.connect({
    host: "127.0.0.1",
    port: broker.port,
    protocolVersion: 4,
    reconnectPeriod: 0,
    manualConnect: true,
    clientId,
    username: device.address,
    password: await device.tokenFor(clientId),
    ...options,
  });
  client.on("error", () => {});
  onTestFinished(async () => {
    await client.endAsync(true);
  });
  return client;
}

/** The arguments of a client's next event of a kind. */
export function next(client: MqttClient, event: "connect" | "message" | "close"): Promise<unknown[]> {
  return new Promise((resolve) => {
    client.once(event, (...args: unknown[]) => resolve(args));
  });
}

export async function connect(client: MqttClient): Promise<MqttClient> {
  client.connect();
  await next(client, "connect");
  return client;
}

/** Connects a client and subscribes it to all its topics. */
export async function connectReady(broker: Broker, device: Device, slot = "main"): Promise<MqttClient> {
  const client = await connect(await openClient(broker, device, { slot }));
  await client.subscribeAsync(device.all, { qos: 1 });
  return client;
}

/** The return code of a CONNECT that is refused. */
export async function refusedConnect(client: MqttClient): Promise<unknown> {
  const failed = new Promise((resolve) =>
    client.once("error", (error) => resolve(Reflect.get(error, "code"))),
  );
  client.connect();
  return await failed;
}
