/** What a wallet remembers on disk: how far it has signed, what it has received, and which offers are unsettled. */
import { z } from "zod";
import { Fault } from "../../src/base/fault.ts";
import { messageSchemas } from "../../src/protocol/message.ts";
import { address, amount } from "../../src/protocol/scalar.ts";
import { voucherSchema } from "../../src/protocol/voucher.ts";

/** Raised whenever files of an earlier one can no longer be read. */
const VERSION = 2;

const schema = z.strictObject({
  version: z.literal(VERSION),
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

/** What every version begins with. */
const versioned = z.object({ version: z.number().int().min(1) });

export type WalletFile = Omit<z.output<typeof schema>, "version">;

/** The file's text. */
export function walletText(wallet: WalletFile): string {
  return `${JSON.stringify(z.encode(schema, { ...wallet, version: VERSION }), null, 2)}\n`;
}

/** @throws {@link Fault} `file_format` when the text is no wallet file, or one of another hirewire's version */
export function parseWallet(text: string): WalletFile {
  let json: unknown;
  try {
    json = JSON.parse(text);
    return schema.parse(json);
  } catch (cause) {
    throw otherVersion(json) ?? new Fault("file_format", "the wallet file is not one", { cause });
  }
}

function otherVersion(json: unknown): Fault | null {
  const version = versioned.safeParse(json).data?.version;
  if (version === undefined || version === VERSION) return null;
  const [age, remedy] =
    version > VERSION
      ? ["a newer", "update this one"]
      : [
          "an older",
          "move it away, and keep it for the vouchers in it; the next login proves what is signed",
        ];
  const message = `the wallet file is of version ${version}, that of ${age} hirewire; this one reads ${VERSION}: ${remedy}`;
  return new Fault("file_format", message, { facts: { version, reads: VERSION } });
}
