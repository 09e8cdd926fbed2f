/** A gateway's broker port over a mosquitto, a record of what it called back, and devices that log in by message. */
import { randomBytes } from "node:crypto";
import { EventEmitter, once } from "node:events";
import mqtt, { type MqttClient } from "mqtt";
import { onTestFinished } from "vitest";
import { type Hex, toHex } from "../../../src/base/bytes.ts";
import { instant, systemClock } from "../../../src/base/clock.ts";
import type { Fault } from "../../../src/base/fault.ts";
import type { Broker } from "../../../src/link/broker/broker.ts";
import { type ExternalBrokerOptions, startExternalBroker } from "../../../src/link/broker/external-broker.ts";
import { decodeMessage, encodeMessage, type Message } from "../../../src/protocol/message.ts";
import { parseTopic, type Topic } from "../../../src/protocol/topic.ts";
import { type Mosquitto, type MosquittoOptions, startMosquitto } from "./mosquitto.ts";
import { type Device, type Happening, market } from "./stand.ts";

/** A mosquitto that ends with the test. */
export async function mosquittoHere(options?: MosquittoOptions): Promise<Mosquitto> {
  const mosquitto = await startMosquitto(options);
  onTestFinished(() => mosquitto.stop());
  return mosquitto;
}

export type ExternalStand = {
  readonly broker: Broker;
  readonly happened: Happening[];
  readonly faults: Fault[];
  /** Resolves when `check` holds of what has happened. */
  until(check: (happened: Happening[]) => boolean): Promise<void>;
  /** What was published, as `topic payload`. */
  published(): string[];
  refused(): string[];
};

/** Starts the port; `devices` are admitted and known. */
export async function startExternalStand(
  url: string,
  devices: readonly Device[],
  changes: Partial<ExternalBrokerOptions> = {},
): Promise<ExternalStand> {
  const happened: Happening[] = [];
  const faults: Fault[] = [];
  const events = new EventEmitter().setMaxListeners(0);
  const record = (happening: Happening) => {
    happened.push(happening);
    events.emit("change");
  };
  const names = new Map<Hex, Device["name"]>(devices.map((device) => [device.address, device.name]));
  const broker = await startExternalBroker({
    ...{ url, version: 5, account: null, ca: null, market, clock: systemClock },
    boot: instant(0),
    onFault: (fault) => {
      faults.push(fault);
      events.emit("change");
    },
    ...changes,
    callbacks: {
      admit: (device) => changes.callbacks?.admit(device) ?? names.get(device) ?? null,
      known: () => names.values(),
      async onPublish(session, topic, payload) {
        record({ what: "publish", session, topic, payload: Buffer.from(payload).toString() });
        await changes.callbacks?.onPublish(session, topic, payload);
      },
      onReady(session) {
        record({ what: "ready", session });
        changes.callbacks?.onReady(session);
      },
      onGone: (session) => record({ what: "gone", session }),
      onRefused: (refusal, at) => record({ what: "refused", refusal, at }),
      ...(changes.callbacks?.secretOf && { secretOf: changes.callbacks.secretOf }),
    },
  });
  onTestFinished(() => broker.stop());
  return {
    broker,
    happened,
    faults,
    async until(check) {
      while (!check(happened)) await once(events, "change");
    },
    published: () => happened.flatMap((h) => (h.what === "publish" ? `${h.topic} ${h.payload}` : [])),
    refused: () => happened.flatMap((h) => (h.what === "refused" ? h.refusal.refused : [])),
  };
}

/** What a plain MQTT client on the broker hears and says for a device. */
export class Board {
  readonly client: MqttClient;
  readonly heard: { readonly topic: Topic; readonly text: string }[] = [];
  readonly #device: Device;
  readonly #events = new EventEmitter().setMaxListeners(0);

  private constructor(device: Device, client: MqttClient) {
    this.#device = device;
    this.client = client;
    client.on("message", (text, payload) => {
      const topic = parseTopic(text)?.topic;
      if (topic) this.heard.push({ topic, text: payload.toString() });
      this.#events.emit("heard");
    });
  }

  /** Connects and subscribes to all topics of the device. */
  static async connect(
    { url }: Pick<Mosquitto, "url">,
    device: Device,
    options: mqtt.IClientOptions = {},
  ): Promise<Board> {
    const client = mqtt.connect(url, { reconnectPeriod: 0, ...options });
    client.on("error", () => {});
    const board = new Board(device, client);
    onTestFinished(async () => {
      await client.endAsync(true);
    });
    await new Promise<void>((resolve) => client.once("connect", () => resolve()));
    await client.subscribeAsync(device.all, { qos: 1 });
    return board;
  }

  /** Resolves when it has heard so many messages of a topic. */
  async hears(topic: Topic, count: number): Promise<void> {
    while (this.heard.filter((one) => one.topic === topic).length < count) await once(this.#events, "heard");
  }

  /** The n-th message of a topic that it hears, counted from 1. */
  async nth<T extends Topic>(topic: T, n: number): Promise<Message<T>> {
    for (;;) {
      const found = this.heard.filter((one) => one.topic === topic)[n - 1];
      const message = found && decodeMessage(topic, JSON.parse(found.text));
      if (message) return message;
      await once(this.#events, "heard");
    }
  }

  async say(topic: Topic, payload: string, retain = false): Promise<void> {
    await this.client.publishAsync(this.#device.topic(topic), payload, { qos: 1, retain });
  }

  /** A login with a token of the device's own clock, or the one given. */
  async logIn(slot = "main", token?: string, by = this.#device): Promise<Hex> {
    const nonce = toHex(randomBytes(32));
    const signed = token ?? (await by.tokenFor(by.clientId(slot), { nonce }));
    await this.say("login", encodeMessage("login", { version: 1, device: by.address, slot, token: signed }));
    return nonce;
  }

  async askForChallenge(slot = "main"): Promise<void> {
    const { address: device } = this.#device;
    await this.say("login", encodeMessage("login", { version: 1, device, slot, token: null }));
  }
}
