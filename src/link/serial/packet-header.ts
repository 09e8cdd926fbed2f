/** How an MQTT packet of a client begins: enough of it to tell one from a boot log. MQTT 3.1.1, section 2.2 and chapter 3. */

/** Bytes that follow the length in every CONNECT: a protocol name of four letters, or the six of MQTT 3.1. */
const NAMES = [Buffer.from("\0\x04MQTT"), Buffer.from("\0\x06MQIsdp")];
const CONNECT = 0x10;
const PUBLISH = 0x3;
const MAX_LENGTH_BYTES = 4;

/** First bytes of a client's other packets, and how many bytes follow the length, at least and at most. */
const OTHERS = new Map<number, readonly [least: number, most: number]>([
  [0x40, [2, 2]], // PUBACK
  [0x50, [2, 2]], // PUBREC
  [0x62, [2, 2]], // PUBREL
  [0x70, [2, 2]], // PUBCOMP
  [0x82, [6, 2 ** 28]], // SUBSCRIBE
  [0xa2, [5, 2 ** 28]], // UNSUBSCRIBE
  [0xc0, [0, 0]], // PINGREQ
  [0xe0, [0, 0]], // DISCONNECT
]);

type FixedHeader = {
  /** Bytes of the header itself, 2..5. */
  readonly size: number;
  /** Bytes that follow it, below 2^28. */
  readonly remaining: number;
};

/**
 * How long the packet is that begins at `from`, header included; "short" when more bytes are needed to tell, "none" when
 * no client sends a packet that begins so.
 */
export function packetBytes(bytes: Uint8Array, from: number): number | "short" | "none" {
  const first = bytes[from];
  if (first === undefined) return "short";
  const isPublish = first >> 4 === PUBLISH && (first & 0b110) !== 0b110;
  const range = OTHERS.get(first);
  if (first !== CONNECT && !isPublish && range === undefined) return "none";
  const header = fixedHeader(bytes, from);
  if (typeof header === "string") return header;
  const total = header.size + header.remaining;
  if (range !== undefined) return header.remaining < range[0] || header.remaining > range[1] ? "none" : total;
  const body = from + header.size;
  if (!isPublish) return connectName(bytes.subarray(body), total);
  const [high, low] = [bytes[body], bytes[body + 1]];
  if (header.remaining < 3) return "none";
  if (high === undefined || low === undefined) return "short";
  const topicBytes = high * 256 + low;
  return topicBytes === 0 || topicBytes + 2 > header.remaining ? "none" : total;
}

/** Whether a CONNECT begins at `from`; "short" when it may, and more bytes would tell. */
export function beginsConnect(bytes: Uint8Array, from: number): boolean | "short" {
  if (from >= bytes.length) return "short";
  if (bytes[from] !== CONNECT) return false;
  const found = packetBytes(bytes, from);
  return found === "short" ? "short" : found !== "none";
}

/** Where the first CONNECT at or after `from` begins, or may begin once more bytes are there; -1 where neither. */
export function findConnect(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(CONNECT, from); at !== -1; at = bytes.indexOf(CONNECT, at + 1)) {
    if (beginsConnect(bytes, at) !== false) return at;
  }
  return -1;
}

function connectName(body: Uint8Array, total: number): number | "short" | "none" {
  if (NAMES.some((name) => startsWith(body, name))) return total;
  return NAMES.some((name) => startsWith(name, body)) ? "short" : "none";
}

function fixedHeader(bytes: Uint8Array, from: number): FixedHeader | "short" | "none" {
  let remaining = 0;
  for (let index = 0; index < MAX_LENGTH_BYTES; index++) {
    const byte = bytes[from + 1 + index];
    if (byte === undefined) return "short";
    remaining += (byte & 0x7f) * 128 ** index;
    if (byte < 0x80) return { size: 2 + index, remaining };
  }
  return "none";
}

function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  return bytes.length >= prefix.length && prefix.every((byte, index) => bytes[index] === byte);
}
