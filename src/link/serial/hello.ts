/**
 * The payload of `syn` and `synack`: which session, and what its sender can receive.
 *
 *     offset  size  field
 *     0       1     protocol version, 1
 *     1       4     session id, little-endian: chosen by the board, another one at each start; echoed
 *     5       1     largest data payload its sender can receive, 1..240
 *
 * The receive window is the frame's credit, 1..16. A board whose UART buffers 64 bytes says 40 and 1.
 */
import { MAX_MTU } from "./frame.ts";

const VERSION = 1;
/** Payload of a hello. */
export const HELLO_BYTES = 6;

export interface Hello {
  /** 32 bits */
  session: number;
  /** 1..{@link MAX_MTU} bytes */
  mtu: number;
}

/**
 * The 6 bytes of the layout above.
 *
 * @throws RangeError when the session is not within 32 bits; `mtu` is not checked
 */
export function encodeHello(hello: Hello): Uint8Array {
  const payload = Buffer.alloc(HELLO_BYTES);
  payload[0] = VERSION;
  payload.writeUInt32LE(hello.session, 1);
  payload[5] = hello.mtu;
  return payload;
}

/** `undefined` for another version, another length or an impossible size. */
export function decodeHello(payload: Uint8Array): Hello | undefined {
  if (payload.length !== HELLO_BYTES || payload[0] !== VERSION) return undefined;
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.length);
  const mtu = bytes.readUInt8(5);
  return mtu < 1 || mtu > MAX_MTU ? undefined : { session: bytes.readUInt32LE(1), mtu };
}
