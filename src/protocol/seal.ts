/**
 * The sealed session: what a device whose wallet the gateway keeps has in place of a signature.
 *
 * Device and gateway share a secret of 32 bytes. The device answers a challenge with a mac over both nonces, and from
 * then on each payload carries a counter and a mac, under one key for each direction and session. So a payload of
 * another session, direction or topic, one that was changed, and one that comes twice or out of turn is told from a good
 * one. It is not encrypted.
 *
 * ```
 * T       = "hirewire/hmac/1" | gateway (20) | device (20) | length of slot (1) | slot | gateway nonce (32) | device nonce (16)
 * mac     = HMAC-SHA-256(secret, 0x00 | T)      up = HMAC-SHA-256(secret, 0x01 | T)      down = HMAC-SHA-256(secret, 0x02 | T)
 * payload = body | counter (4, big-endian) | first 16 bytes of HMAC-SHA-256(key, counter | last topic level | 0x00 | body)
 * ```
 */
import { fromHex, type Hex, toHex } from "../base/bytes.ts";
import { Fault } from "../base/fault.ts";
import { hmacSha256 } from "../kernels/hmac.ts";

/** What a session's keys are made of, besides the secret. */
export type Handshake = {
  readonly gateway: Hex;
  readonly device: Hex;
  readonly slot: string;
  /** The challenge's, 32 bytes. */
  readonly gatewayNonce: Hex;
  /** The device's own, 16 bytes, which it never uses twice with one secret. */
  readonly deviceNonce: Hex;
};

/** The key of each direction, 32 bytes each. */
export type SealKeys = { readonly up: Uint8Array; readonly down: Uint8Array };

/** What stands before a login token that is no signature. */
export const SEAL_TOKEN = "h1.";

/** How much longer a sealed payload is than its body. */
export const SEAL_BYTES = 20;

const COUNTER_BYTES = 4;
const LAST_COUNTER = 0xffff_ffff;

const text = new TextEncoder();

/** What a handshake is written as before it is hashed. */
function transcript({ gateway, device, slot, gatewayNonce, deviceNonce }: Handshake): readonly Uint8Array[] {
  const name = text.encode(slot);
  const known = [text.encode("hirewire/hmac/1"), fromHex(gateway), fromHex(device)];
  return [...known, Uint8Array.of(name.length), name, fromHex(gatewayNonce), fromHex(deviceNonce)];
}

function derive(secret: Uint8Array, purpose: 0 | 1 | 2, handshake: Handshake): Uint8Array {
  return hmacSha256(secret, Uint8Array.of(purpose), ...transcript(handshake));
}

/** A device's answer to a challenge, for `login`: `h1.<device nonce>.<gateway nonce>.<mac>`, in hexadecimal. */
export function sealToken(secret: Uint8Array, handshake: Handshake): string {
  const mac = toHex(derive(secret, 0, handshake));
  const { deviceNonce, gatewayNonce } = handshake;
  return SEAL_TOKEN + [deviceNonce, gatewayNonce, mac].map((hex) => hex.slice(2)).join(".");
}

export type SealClaim = Pick<Handshake, "deviceNonce" | "gatewayNonce"> & { readonly mac: Hex };

/** What a token says, or null for any text that {@link sealToken} does not write; whether it is true is another matter. */
export function readSealToken(token: string): SealClaim | null {
  const [, device, gateway, mac] = /^h1\.([0-9a-f]{32})\.([0-9a-f]{64})\.([0-9a-f]{64})$/.exec(token) ?? [];
  if (device === undefined || gateway === undefined || mac === undefined) return null;
  return { deviceNonce: `0x${device}`, gatewayNonce: `0x${gateway}`, mac: `0x${mac}` };
}

/** Whether whoever wrote the mac of a token knows the secret. */
export function isSealMac(secret: Uint8Array, handshake: Handshake, mac: Hex): boolean {
  return isEqual(derive(secret, 0, handshake), fromHex(mac));
}

/** The keys of the session that a good token opens. */
export function sealKeys(secret: Uint8Array, handshake: Handshake): SealKeys {
  return { up: derive(secret, 1, handshake), down: derive(secret, 2, handshake) };
}

/** Whether two byte strings are the same, in a time that tells nothing but whether they are as long as each other. */
export function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  let difference = 0;
  for (const [at, byte] of one.entries()) difference |= byte ^ (other[at] ?? 0);
  return difference === 0;
}

/** Seals what one side of a session says, in the order in which it is said. */
export class Sealer {
  readonly #key: Uint8Array;
  #counter: number;

  /** @param counter - of the payload that was sealed last, `0..2^32 - 1`; 0 for a new session */
  constructor(key: Uint8Array, counter = 0) {
    this.#key = key;
    this.#counter = counter;
  }

  /** Whether it has sealed 2^32 - 1 payloads, after which none can be told from an older one. */
  get isSpent(): boolean {
    return this.#counter >= LAST_COUNTER;
  }

  /**
   * The payload that says a body on a topic.
   *
   * @param topic - whole, or its last level, which is what counts
   * @throws {@link Fault} `impossible` once it is spent
   */
  seal(topic: string, body: Uint8Array): Uint8Array {
    const payload = new Uint8Array(body.length + SEAL_BYTES);
    payload.set(body);
    this.sealInPlace(topic, payload);
    return payload;
  }

  /** Like {@link seal}, where the body stands in the payload already, before {@link SEAL_BYTES} that are written over. */
  sealInPlace(topic: string, payload: Uint8Array): void {
    if (this.isSpent) throw new Fault("impossible", "a session has no counter left");
    this.#counter++;
    const end = payload.length - SEAL_BYTES;
    new DataView(payload.buffer, payload.byteOffset).setUint32(end, this.#counter);
    payload.set(macOf(this.#key, topic, payload), end + COUNTER_BYTES);
  }
}

/** Opens what the other side of a session says. */
export class Opener {
  readonly #key: Uint8Array;
  #counter = 0;

  constructor(key: Uint8Array) {
    this.#key = key;
  }

  /**
   * The body of a payload that came on a topic; null when its seal is wrong, or no newer than the newest that was good.
   *
   * @param topic - whole, or its last level
   */
  open(topic: string, payload: Uint8Array): Uint8Array | null {
    const end = payload.length - SEAL_BYTES;
    if (end < 0) return null;
    const counter = new DataView(payload.buffer, payload.byteOffset).getUint32(end);
    const isGood = isEqual(macOf(this.#key, topic, payload), payload.subarray(end + COUNTER_BYTES));
    if (!isGood || counter <= this.#counter) return null;
    this.#counter = counter;
    return payload.subarray(0, end);
  }
}

/** The mac that belongs at the end of a payload. */
function macOf(key: Uint8Array, topic: string, payload: Uint8Array): Uint8Array {
  const end = payload.length - SEAL_BYTES;
  const counter = payload.subarray(end, end + COUNTER_BYTES);
  const level = text.encode(topic.slice(topic.lastIndexOf("/") + 1));
  const mac = hmacSha256(key, counter, level, Uint8Array.of(0), payload.subarray(0, end));
  return mac.subarray(0, SEAL_BYTES - COUNTER_BYTES);
}
