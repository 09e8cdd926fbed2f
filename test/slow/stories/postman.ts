/** A device's MQTT session that says things twice, out of order, and again: what a bad network makes of a good device. */
import type { Duplex } from "node:stream";
import { MqttClient } from "mqtt";
import { type Hex, toHex } from "../../../src/base/bytes.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { clientIdOf, signConnectToken, TOKEN_LIFE_MS } from "../../../src/protocol/connect-token.ts";
import type { Signer } from "../../../src/protocol/signer.ts";
import { type CommandTopic, parseTopic, type TopicName, topicOf } from "../../../src/protocol/topic.ts";
import type { Market } from "../../../src/protocol/typed-data.ts";
import { publishPacket } from "../../link/broker/raw-client.ts";

/** A command as it goes over the wire. */
export type Letter = { readonly id: string; readonly topic: CommandTopic; readonly text: string };

/** MQTT's flag for a PUBLISH that may have come before. */
const DUPLICATE = 0b1000;
/** Packet ids that mqtt.js does not come to use in a session this short. */
const FIRST_OWN_ID = 50_000;

export class Postman {
  /** Every answer to a command, in order: `ack`, or the refusal's code. */
  readonly answers = new Map<string, string[]>();
  readonly #client: MqttClient;
  readonly #name: TopicName;
  #sent = 0;
  #answered = 0;
  #heard: () => void = () => undefined;

  /** Connects over a stream, and hears its device's topics from then on. */
  static async connect(market: Market, signer: Signer, name: TopicName, stream: Duplex): Promise<Postman> {
    const clientId = clientIdOf(signer.address, "0");
    const issued = systemClock.now();
    const nonce: Hex = toHex(crypto.getRandomValues(new Uint8Array(32)));
    const claim = { clientId, issued, expires: issued + TOKEN_LIFE_MS, nonce };
    const password = await signConnectToken(market, signer, claim);
    const client = new MqttClient(() => stream, {
      ...{ protocolVersion: 4, clean: true, reconnectPeriod: 0, resubscribe: false, keepalive: 0 },
      ...{ clientId, username: signer.address, password },
    });
    const postman = new Postman(client, name);
    await new Promise((resolve, reject) => {
      client.once("connect", resolve).once("error", reject);
    });
    const all = topicOf(name, "voucher").replace(/[^/]+$/, "+");
    await client.subscribeAsync(all, { qos: 1 });
    return postman;
  }

  private constructor(client: MqttClient, name: TopicName) {
    this.#client = client;
    this.#name = name;
    client.on("message", (topic, payload) => {
      const said = JSON.parse(payload.toString()) as { id: string | null; code?: string; terms?: object };
      const kind = parseTopic(topic)?.topic;
      if ((kind !== "ack" && kind !== "refusal") || said.terms || said.id === null) return;
      this.answers.set(said.id, [...(this.answers.get(said.id) ?? []), said.code ?? "ack"]);
      this.#answered += 1;
      this.#heard();
    });
  }

  /** Sends a command in a packet of its own. */
  send({ topic, text }: Letter): void {
    this.#sent += 1;
    this.#client.publish(this.#topic(topic), text, { qos: 1 });
  }

  /** Sends a packet twice, the second one marked as such: what QoS 1 does when a PUBACK gets lost. */
  sendTwice({ topic, text }: Letter): void {
    const id = FIRST_OWN_ID + this.#sent;
    this.#sent += 2;
    const once = publishPacket(this.#topic(topic), text, { id });
    const again = Buffer.from(once);
    again.writeUInt8(again.readUInt8(0) | DUPLICATE, 0);
    this.#client.stream.write(Buffer.concat([once, again]));
  }

  /** Resolves when everything that was sent has been answered. */
  async settled(): Promise<void> {
    while (this.#answered < this.#sent) {
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
      });
    }
  }

  async leave(): Promise<void> {
    await this.#client.endAsync();
  }

  #topic(topic: CommandTopic): string {
    return topicOf(this.#name, topic);
  }
}
