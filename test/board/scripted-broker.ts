/** A broker that says what a test wants it to, byte for byte, and keeps what it hears. */
import type { Duplex } from "node:stream";
import type { CMqtt } from "./c-mqtt.ts";

export const CONNACK = Buffer.of(0x20, 2, 0, 0);
const PINGRESP = Buffer.of(0xd0, 0);

export type Packet = { kind: number; body: Buffer };

/** A control packet with its length in front (2.2.3). */
export function packet(kind: number, ...parts: Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const length: number[] = [];
  let left = body.length;
  do {
    length.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
    left >>= 7;
  } while (left > 0);
  return Buffer.concat([Buffer.of(kind, ...length), body]);
}

/** A number of 16 bits. */
export function two(value: number): Buffer {
  return Buffer.of(value >> 8, value & 0xff);
}

/** A text with its length in front. */
export function text(value: string): Buffer {
  return Buffer.concat([two(Buffer.byteLength(value)), Buffer.from(value)]);
}

/** A PUBLISH at QoS 1 where it has an id, at QoS 0 otherwise. */
export function publishing(topic: string, payload: Uint8Array, id?: number): Buffer {
  return packet(
    id === undefined ? 0x30 : 0x32,
    text(topic),
    id === undefined ? Buffer.alloc(0) : two(id),
    payload,
  );
}

export class ScriptedBroker {
  /** All packets of the newest session. */
  packets: Packet[] = [];
  /** Whether CONNECT, SUBSCRIBE, PUBLISH at QoS 1 and PINGREQ are answered as they should be. */
  isKind: boolean;
  stream: Duplex | null = null;
  #rest = Buffer.alloc(0);

  constructor(client: CMqtt, isKind = true) {
    this.isKind = isKind;
    client.onStream = (stream) => {
      this.stream = stream;
      this.packets = [];
      this.#rest = Buffer.alloc(0);
      stream.on("data", (bytes: Buffer) => this.#hear(bytes));
    };
  }

  send(...packets: Uint8Array[]): void {
    if (this.stream?.destroyed === false) this.stream.write(Buffer.concat(packets));
  }

  /** The bodies of all packets of a kind. */
  heard(kind: number): Buffer[] {
    return this.packets.filter((one) => one.kind === kind).map(({ body }) => body);
  }

  #hear(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    for (;;) {
      let length = 0;
      let at = 1;
      for (let shift = 0; ; shift += 7) {
        const byte = this.#rest[at++];
        if (byte === undefined) return;
        length += (byte & 0x7f) << shift;
        if (byte < 0x80) break;
      }
      if (this.#rest.length < at + length) return;
      const whole = { kind: this.#rest[0] ?? 0, body: Buffer.from(this.#rest.subarray(at, at + length)) };
      this.#rest = this.#rest.subarray(at + length);
      this.packets.push(whole);
      if (this.isKind) this.#answer(whole);
    }
  }

  #answer({ kind, body }: Packet): void {
    if (kind === 0x10) this.send(CONNACK);
    if (kind === 0x82) this.send(packet(0x90, body.subarray(0, 2), Buffer.of(1)));
    if (kind === 0x32) {
      const idAt = 2 + body.readUInt16BE();
      this.send(packet(0x40, body.subarray(idAt, idAt + 2)));
    }
    if (kind === 0xc0) this.send(PINGRESP);
  }
}
