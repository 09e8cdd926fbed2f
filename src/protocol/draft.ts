/**
 * What a device says whose wallet the gateway keeps: the commands that cost money, without the signatures.
 *
 * The device decides all that is signed; the gateway only signs it. The same draft is completed to the same command.
 */
import { z } from "zod";
import { messageSchemas } from "./message.ts";
import { amount, commandId } from "./scalar.ts";

export const draftSchemas = {
  /** An offer that is paid for by credit, or on result; a voucher comes before it, by itself. */
  offer: messageSchemas.offer.omit({ voucher: true, signature: true }),
  /** Chain, vault, token and payee are those that the terms name. */
  voucher: z.strictObject({
    version: z.literal(1),
    id: commandId,
    epoch: z.number().int().min(0).max(0xffffff),
    cumulative: amount,
  }),
} as const;

/** The topics on which a device with a kept wallet says drafts. */
export type DraftTopic = keyof typeof draftSchemas;

/** The decoded draft of a topic. */
export type Draft<T extends DraftTopic> = z.output<(typeof draftSchemas)[T]>;

/** The draft, or null when the value is not one. */
export function decodeDraft<T extends DraftTopic>(topic: T, value: unknown): Draft<T> | null {
  const schema = draftSchemas[topic] as unknown as z.ZodType<Draft<T>>;
  const decoded = z.safeDecode(schema, value as never);
  return decoded.success ? decoded.data : null;
}

/** JSON of a draft, for a device to say. */
export function encodeDraft<T extends DraftTopic>(topic: T, draft: Draft<T>): string {
  const schema = draftSchemas[topic] as unknown as z.ZodType<Draft<T>>;
  return JSON.stringify(z.encode(schema, draft));
}
