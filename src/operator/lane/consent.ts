/** A payee's consent to close a lane at once, as a file. */
import { z } from "zod";
import type { Hex } from "../../base/bytes.ts";
import { Fault } from "../../base/fault.ts";
import type { Amount } from "../../base/money.ts";
import { recoverAddress } from "../../kernels/signature.ts";
import type { Venue } from "../../protocol/eip712.ts";
import { address, amount, signature } from "../../protocol/scalar.ts";
import { keySigner } from "../../protocol/signer.ts";
import type { LaneKey } from "../../settlement/chain.ts";
import { coopCloseDigest } from "../../settlement/orders.ts";

const schema = z.strictObject({
  version: z.literal(1),
  kind: z.literal("CoopClose"),
  chainId: z.number().int().min(1),
  vault: address,
  payer: address,
  payee: address,
  token: address,
  epoch: z.number().int().min(0).max(0xffffff),
  finalAmount: amount,
  /** Unix seconds. */
  deadline: z.number().int().min(0),
  signature,
});

export type Consent = z.output<typeof schema>;

/**
 * Signs that the payee gets `finalAmount` in all from this epoch, including what is settled, and nothing beyond.
 *
 * @param payeeKey - the payee's own key
 * @param terms - `deadline` in unix seconds
 */
export async function signConsent(
  payeeKey: Uint8Array,
  { chainId, vault }: Venue,
  lane: LaneKey,
  terms: { readonly epoch: number; readonly finalAmount: Amount; readonly deadline: number },
): Promise<Consent> {
  const close = { ...lane, ...terms };
  const signed = await keySigner(payeeKey).sign(coopCloseDigest({ chainId, vault }, close));
  return { version: 1, kind: "CoopClose", chainId, vault, ...close, signature: signed };
}

/** The file's text: indented JSON and a line feed. */
export function consentText(consent: Consent): string {
  return `${JSON.stringify(z.encode(schema, consent), null, 2)}\n`;
}

/**
 * Reads a consent to close exactly this lane in this epoch, signed by its payee.
 *
 * @param path - for the fault
 * @throws {@link Fault} `file_format` when it is none, or is another lane's, epoch's or account's
 */
export function parseConsent(
  text: string,
  path: string,
  venue: Venue,
  lane: LaneKey,
  epoch: number,
): Consent {
  let consent: Consent;
  try {
    consent = z.decode(schema, JSON.parse(text));
  } catch (cause) {
    throw new Fault("file_format", `${path} is no consent to close a lane`, { cause });
  }
  const expected: Record<string, unknown> = { chainId: venue.chainId, vault: venue.vault, ...lane, epoch };
  for (const [part, wanted] of Object.entries(expected)) {
    const found: unknown = Reflect.get(consent, part);
    if (found !== wanted) throw new Fault("file_format", `${path} is for ${part} ${found}, not ${wanted}`);
  }
  if (signerOf(consent) === lane.payee) return consent;
  throw new Fault(
    "file_format",
    `${path} is not signed by ${lane.payee}, who gives up what is above its amount`,
  );
}

function signerOf(consent: Consent): Hex | null {
  return recoverAddress(coopCloseDigest(consent, consent), consent.signature);
}
