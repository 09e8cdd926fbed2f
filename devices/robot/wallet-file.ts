/** What a wallet remembers on disk: how far it has signed, what it has received, and which offers are unsettled. */
import { z } from "zod";
import { Fault } from "../../src/base/fault.ts";
import { messageSchemas } from "../../src/protocol/message.ts";
import { address, amount } from "../../src/protocol/scalar.ts";
import { voucherSchema } from "../../src/protocol/voucher.ts";

const schema = z.strictObject({
  version: z.literal(1),
  chainId: z.number().int().min(1),
  vault: address,
  token: address,
  gateway: address,
  device: address,
  epoch: voucherSchema.shape.epoch,
  signed: amount,
  /** The gateway's highest voucher of each epoch. */
  received: z.array(voucherSchema),
  /** The largest maxPrice ever offered. */
  largestPrice: amount,
  /** Offers that may cost something yet although nobody waits for them. */
  offers: z.array(messageSchemas.offer),
});

export type WalletFile = z.output<typeof schema>;

/** The file's text. */
export function walletText(wallet: WalletFile): string {
  return `${JSON.stringify(z.encode(schema, wallet), null, 2)}\n`;
}

/** @throws {@link Fault} `file_format` when the text is no wallet file */
export function parseWallet(text: string): WalletFile {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new Fault("file_format", "the wallet file is not one", { cause });
  }
}
