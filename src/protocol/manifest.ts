/**
 * A manifest: what an author says of its task firmware, signed, so that a provider may trust authors and not only hashes.
 *
 * Its EIP-712 domain names neither chain nor vault: an author speaks to every market. It is no part of an offer's
 * signature, as it carries its own.
 */
import { z } from "zod";
import type { Hex } from "../base/bytes.ts";
import { isSignedBy } from "../kernels/signature.ts";
import { structDigest, structOf } from "./eip712.ts";
import { PROFILES } from "./fuel.ts";
import { address, hash32, memoryClass, signature } from "./scalar.ts";
import type { Signer } from "./signer.ts";

/** Printable ASCII, so that what was signed has one spelling and shows the same everywhere. */
const label = (most: number) => z.string().regex(new RegExp(`^[ -~]{1,${most}}$`));

export const manifestSchema = z.strictObject({
  /** SHA-256 of the module's bytes. */
  firmware: hash32,
  name: label(64),
  version: label(32),
  /** An SPDX licence expression. */
  licence: label(64),
  profile: z.enum(PROFILES),
  memoryMiB: memoryClass,
  author: address,
  signature,
});

export type Manifest = z.output<typeof manifestSchema>;

const STRUCT = structOf("Manifest", [
  { type: "bytes32", name: "firmware" },
  { type: "string", name: "name" },
  { type: "string", name: "version" },
  { type: "string", name: "licence" },
  { type: "string", name: "profile" },
  { type: "uint16", name: "memoryMiB" },
  { type: "address", name: "author" },
]);

/** The EIP-712 digest that the author signs, 32 bytes. */
export function manifestDigest(manifest: Omit<Manifest, "signature">): Hex {
  return structDigest("hirewire", null, STRUCT, manifest);
}

/** The manifest of an author's firmware. */
export async function signManifest(
  signer: Signer,
  parts: Omit<Manifest, "author" | "signature">,
): Promise<Manifest> {
  const unsigned = { ...parts, author: signer.address };
  return { ...unsigned, signature: await signer.sign(manifestDigest(unsigned)) };
}

/** Whether its author has signed it, of this firmware. */
export function isManifestOf(manifest: Manifest, firmware: Hex): boolean {
  const { author, signature: signed } = manifest;
  return manifest.firmware === firmware && isSignedBy(author, manifestDigest(manifest), signed);
}
