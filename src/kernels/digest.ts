/** Hashes that browsers and devices need too, so without `node:`. */
import { keccak256 as keccak } from "viem/utils";
import type { Hex } from "../base/bytes.ts";

/** Keccak-256 as Ethereum uses it (the original padding, not SHA3-256 of FIPS 202). */
export function keccak256(bytes: Uint8Array): Hex {
  return keccak(bytes);
}
