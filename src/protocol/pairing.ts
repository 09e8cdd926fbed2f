/**
 * Pairing: how a board on a serial line comes to a wallet that the gateway keeps for it.
 *
 * The board says who it is (`pair`); its operator gives it a name, and the gateway a secret (`pairing`); the board saves
 * that and proves it (`pair` again, with `proof`). What it was given is also a file, for boards that are made ready
 * without a gateway on the line. From then on the secret proves the board, and the key never leaves the gateway.
 */
import { z } from "zod";
import { fromHex, type Hex, toHex } from "../base/bytes.ts";
import { hmacSha256 } from "../kernels/hmac.ts";
import { address, hash32, topicLevel } from "./scalar.ts";
import { isEqual } from "./seal.ts";

/** User name and password of a board's CONNECT that has no wallet yet; its client id begins with it. */
export const PAIR_WORD = "pair";

/** What a board says to be paired. Its names are those of its topics. */
export const pairSchema = z.strictObject({
  version: z.literal(1),
  manufacturer: topicLevel,
  serialNumber: topicLevel,
  /** What kind of board it is, for whoever has to recognise it: printable ASCII. */
  model: z.string().regex(/^[\x20-\x7e]{1,64}$/),
  /** HMAC-SHA-256 by the secret over the byte 3, the gateway's address and the device's. */
  proof: hash32.optional(),
});

/** What a board is given, and the whole of a pairing file. */
export const pairingSchema = z.strictObject({
  version: z.literal(1),
  manufacturer: topicLevel,
  serialNumber: topicLevel,
  name: topicLevel,
  /** 32 bytes, known to the board and the gateway alone. */
  secret: hash32,
  device: address,
  gateway: address,
  chainId: z.number().int().min(1),
  vault: address,
  token: address,
});

export type PairingFile = z.output<typeof pairingSchema>;

/** The client id of a board that wants to be paired: the names may have a `-` themselves, so it is never taken apart. */
export function pairClientId({ manufacturer, serialNumber }: { manufacturer: string; serialNumber: string }) {
  return `${PAIR_WORD}-${manufacturer}-${serialNumber}`;
}

/** The file's text: indented JSON and a line feed, at most 1,024 bytes. It is a secret: give its file mode 0600. */
export function pairingText(file: PairingFile): string {
  return `${JSON.stringify(z.encode(pairingSchema, file), null, 2)}\n`;
}

/** Before what a board proves that it has saved its secret. */
const SAVED = Uint8Array.of(0x03);

/** What a board answers that has saved its pairing: HMAC-SHA-256 by its secret, which does not cross the line again. */
export function proofOf({ secret, gateway, device }: PairingFile): Hex {
  return toHex(hmacSha256(fromHex(secret), SAVED, fromHex(gateway), fromHex(device)));
}

/** Whether a board has saved this very pairing. */
export function isProof(file: PairingFile, proof: Hex): boolean {
  return isEqual(fromHex(proofOf(file)), fromHex(proof));
}
