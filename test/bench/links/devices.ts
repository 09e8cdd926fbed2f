/** Devices with keys of their own, and their CONNECT packets with freshly signed tokens. */
import { randomBytes } from "node:crypto";
import { pointFromScalar, signRecoverable } from "tiny-secp256k1";
import { fromHex, type Hex, toHex } from "../../../src/base/bytes.ts";
import { keccak256 } from "../../../src/kernels/digest.ts";
import { randomKey } from "../../../src/kernels/signature.ts";
import { clientIdOf, signConnectToken, TOKEN_LIFE_MS } from "../../../src/protocol/connect-token.ts";
import type { Signer } from "../../../src/protocol/signer.ts";
import { TOPIC_ROOT } from "../../../src/protocol/topic.ts";
import { MARKET } from "../../exchange/stage.ts";

const MANUFACTURER = "bench";

/** A topic of the devices whose serial number begins with a letter; `%d` is the rest of it. */
export function topicsOf(letter: string, topic: string): string {
  return `${TOPIC_ROOT}/${MANUFACTURER}/${letter}%d/${topic}`;
}

export type BenchDevice = { readonly serialNumber: string; readonly signer: Signer };

/** Numbered from 0; `letter` says what they do. */
export function makeDevices(letter: string, count: number): readonly BenchDevice[] {
  return Array.from({ length: count }, (_, number) => ({
    serialNumber: `${letter}${number}`,
    signer: quickSigner(randomKey()),
  }));
}

/** Signs as `keySigner` does, several times as fast. */
function quickSigner(key: Uint8Array): Signer {
  const point = pointFromScalar(key, false);
  if (!point) throw new Error("not a key");
  const sign = (digest: Hex) => {
    const { signature, recoveryId } = signRecoverable(fromHex(digest), key);
    return Promise.resolve<Hex>(`${toHex(signature)}${(27 + recoveryId).toString(16)}`);
  };
  return { address: `0x${keccak256(point.subarray(1)).slice(-40)}`, sign };
}

/** What the programs of the hub read: who may connect, and under which name. */
export function deviceList(devices: readonly BenchDevice[]): Buffer {
  const rows = devices.map(({ serialNumber, signer }) => [
    signer.address,
    { manufacturer: MANUFACTURER, serialNumber },
  ]);
  return Buffer.from(JSON.stringify(rows));
}

/** One after another; each token opens one connection. */
export async function connectPackets(devices: readonly BenchDevice[]): Promise<Buffer> {
  const packets: Buffer[] = [];
  for (const { signer } of devices) packets.push(await connectPacket(signer));
  return Buffer.concat(packets);
}

/** Keep-alive in seconds: longer than anything here lasts. */
const KEEP_ALIVE = 300;

async function connectPacket(signer: Signer): Promise<Buffer> {
  const clientId = clientIdOf(signer.address, "bench");
  const issued = Date.now();
  const claim = { clientId, issued, expires: issued + TOKEN_LIFE_MS, nonce: toHex(randomBytes(32)) };
  const token = await signConnectToken(MARKET, signer, claim);
  // clean session, username and password: MQTT 3.1.1 section 3.1.2
  const header = Buffer.from([
    0,
    4,
    ...Buffer.from("MQTT"),
    4,
    0b1100_0010,
    KEEP_ALIVE >> 8,
    KEEP_ALIVE & 255,
  ]);
  const body = Buffer.concat([header, ...[clientId, signer.address, token].map(lengthFirst)]);
  return Buffer.concat([Buffer.from([0x10, (body.length & 127) | 128, body.length >> 7]), body]);
}

function lengthFirst(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
}
