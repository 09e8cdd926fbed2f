/** Signed orders as they are kept and passed on: one JSON object, sent by whoever pays the gas. */
import { randomBytes } from "node:crypto";
import { z } from "zod";
import { toHex } from "../../base/bytes.ts";
import type { Instant } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import { type Amount, ZERO } from "../../base/money.ts";
import type { Venue } from "../../protocol/eip712.ts";
import { address, amount, signature } from "../../protocol/scalar.ts";
import { keySigner } from "../../protocol/signer.ts";
import type { Call } from "../../settlement/chain.ts";
import { type Order, type OrderMessages, signOrder, type Terms } from "../../settlement/orders.ts";
import { requestCloseWithSig, setOwnerWithSig } from "../../settlement/vault-calls.ts";

/** How long an order is good for that is sent at once, seconds: longer than a transaction may wait. */
export const RELAY_SECONDS = 3_600;

/** How long the order is good for by which a new device names its owner: its key signs no other, seconds. */
export const OWNER_SECONDS = 365 * 86_400;

/** How long one is good for that is carried to who sends it in a file, seconds. */
export const FILE_SECONDS = 30 * 86_400;

const whole = z.codec(z.string().regex(/^\d{1,78}$/), z.bigint(), {
  decode: (text) => BigInt(text),
  encode: (count) => count.toString(),
});

const common = {
  version: z.literal(1),
  chainId: z.number().int().min(1),
  vault: address,
  deadline: z.number().int().min(0),
  nonce: whole,
  fee: amount,
  signature,
};

const schema = z.discriminatedUnion("kind", [
  z.strictObject({
    ...common,
    kind: z.literal("RequestClose"),
    message: z.strictObject({
      payer: address,
      payee: address,
      token: address,
      epoch: z.number().int().min(0).max(0xffffff),
    }),
  }),
  z.strictObject({
    ...common,
    kind: z.literal("SetOwner"),
    message: z.strictObject({ account: address, owner: address, token: address }),
  }),
]);

/** An order to close a lane or to name an owner, in the form that files hold. */
export type OrderFile = z.output<typeof schema>;

/**
 * How an order ends: good until then, under a nonce that nobody has used.
 *
 * @param seconds - from now
 */
export function newTerms(now: Instant, seconds: number, fee: Amount = ZERO): Terms {
  const nonce = BigInt(toHex(randomBytes(16)));
  return { deadline: Math.floor(now / 1_000) + seconds, nonce, fee };
}

/** Signs with a key, the account's own or its owner's. */
export async function signFile<K extends OrderFile["kind"]>(
  key: Uint8Array,
  { chainId, vault }: Venue,
  kind: K,
  message: OrderMessages[K],
  terms: Terms,
): Promise<OrderFile> {
  const order = await signOrder(keySigner(key), { chainId, vault }, kind, message, terms);
  return { version: 1, chainId, vault, kind, message, ...order } as unknown as OrderFile;
}

/** The file's text: indented JSON and a line feed. It is no secret: it can be used for what it says, once. */
export function orderText(file: OrderFile): string {
  return `${JSON.stringify(z.encode(schema, file), null, 2)}\n`;
}

/**
 * @param path - for the fault
 * @throws {@link Fault} `file_format` when it is no order, `chain_mismatch` when it is for another chain or vault
 */
export function parseOrder(text: string, path: string, venue: Venue): OrderFile {
  let file: OrderFile;
  try {
    file = z.decode(schema, JSON.parse(text));
  } catch (cause) {
    throw new Fault("file_format", `${path} is no signed order`, { cause });
  }
  if (file.chainId === venue.chainId && file.vault === venue.vault) return file;
  throw new Fault("chain_mismatch", `${path} is for vault ${file.vault} on chain ${file.chainId}`);
}

/** The call that carries it out. */
export function orderCall(file: OrderFile): Call {
  const { vault, deadline, nonce, fee, signature } = file;
  const order: Order = { deadline, nonce, fee, signature };
  return file.kind === "RequestClose"
    ? requestCloseWithSig(vault, file.message, order)
    : setOwnerWithSig(vault, file.message, order);
}
