/** A board without a wallet, packet by packet: asks to be paired, saves what it is given when told to, and proves it. */
import { once } from "node:events";
import type { Duplex } from "node:stream";
import type { Hex } from "../../../src/base/bytes.ts";
import { type PairingFile, pairClientId, pairingSchema, proofOf } from "../../../src/protocol/pairing.ts";
import { topicOf } from "../../../src/protocol/topic.ts";
import {
  CONNACK,
  connectPacket,
  PUBACK,
  PUBLISH,
  publishPacket,
  rawClient,
  SUBACK,
  subscribePacket,
} from "./raw-client.ts";

export const BOARD = { manufacturer: "acme", serialNumber: "b-1", model: "cortex-m3" };

/** What a board reads in a pairing file. */
export const parsePairing = (text: string): PairingFile => pairingSchema.parse(JSON.parse(text));

/** Connects on a stream and subscribes; it has not said who it is. */
export async function plugIn(stream: Duplex, who = BOARD, filters = ["pairing", "refusal"]) {
  const line = rawClient(stream);
  const { manufacturer, serialNumber, model } = who;
  const name = { manufacturer, serialNumber };
  const clientId = pairClientId(name);
  line.send(connectPacket({ clientId, username: "pair", password: "pair" }));
  const connack = await line.next();
  const codes: number[] = [];
  if (connack?.type === CONNACK && connack.body[1] === 0 && filters.length > 0) {
    const topics = filters.map((filter) =>
      filter.includes("/") ? filter : `hirewire/v1/${manufacturer}/${serialNumber}/${filter}`,
    );
    line.send(subscribePacket(topics));
    const suback = await line.next();
    if (suback?.type === SUBACK) codes.push(...suback.body.subarray(2));
  }
  const topic = topicOf(name, "pair");
  const say = (changes: object = {}) => {
    line.send(
      publishPacket(topic, JSON.stringify({ version: 1, manufacturer, serialNumber, model, ...changes })),
    );
  };
  /** The next message that it is sent, or null at the end; `null` in place of a topic is a PUBACK. */
  const hear = async (): Promise<{ topic: string | null; message: Record<string, unknown> } | null> => {
    for (;;) {
      const got = await line.next();
      if (got === null) return null;
      if (got.type === PUBACK) return { topic: null, message: {} };
      if (got.type !== PUBLISH) continue;
      const end = 2 + got.body.readUInt16BE(0);
      const packetId = got.body.readUInt16BE(end);
      line.send(Buffer.of(0x40, 2, packetId >> 8, packetId & 255));
      const heard = got.body.subarray(2, end).toString().split("/").at(-1) ?? "";
      return { topic: heard, message: JSON.parse(got.body.subarray(end + 2).toString()) };
    }
  };
  return {
    ...line,
    name,
    /** The return code of its CONNECT. */
    returnCode: connack?.body[1] ?? null,
    /** What it was granted, filter by filter. */
    codes,
    say,
    hear,
    /** Asks to be paired, and waits until that is heard. */
    wait: async () => {
      say();
      const heard = await hear();
      if (heard?.topic !== null) throw new Error(`not acknowledged: ${JSON.stringify(heard)}`);
    },
    /** The pairing that it is sent. */
    given: async (): Promise<PairingFile> => {
      const heard = await hear();
      if (heard?.topic !== "pairing") throw new Error(`no pairing: ${JSON.stringify(heard)}`);
      return parsePairing(JSON.stringify(heard.message));
    },
    prove: (file: PairingFile, proof: Hex = proofOf(file)) => say({ proof }),
    /** Pulls the cable. */
    leave: async () => {
      const closed = once(stream, "close");
      stream.destroy();
      await closed;
    },
  };
}
