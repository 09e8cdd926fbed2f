/** Who signs a message, and with what else at hand. */

import type { Instant } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import { type ConnectionFile, marketOf } from "../../protocol/connection-file.ts";
import type { Terms } from "../../protocol/message.ts";
import type { Signer } from "../../protocol/signer.ts";
import type { Market } from "../../protocol/typed-data.ts";
import { type Voucher, voucherDigest } from "../../protocol/voucher.ts";
import type { LaneView } from "./lane-cover.ts";
import type { StandardInput } from "./message-file.ts";

/** The device in a connection file, once its key is at hand. */
export type Party = { readonly file: ConnectionFile; readonly signer: Signer };

/** What the options of a command say, as they were typed. */
export type Typed = Readonly<Partial<Record<SignOption, string>>>;

export type SignOption =
  | "ack"
  | "cumulative"
  | "epoch"
  | "firmware"
  | "input"
  | "manifest"
  | "deadline"
  | "announce"
  | "rate"
  | "award"
  | "output"
  | "fuel"
  | "verdict"
  | "for"
  | "bytes"
  | "slot"
  | "challenge";

export type Signing = {
  /** Null where nobody has named a connection file. */
  readonly party: Party | null;
  readonly typed: Typed;
  /** Of the login, where an ack was named. */
  readonly terms: Terms | null;
  readonly decimals: number;
  readonly now: Instant;
  readonly streams: StandardInput;
  /** What whoever signs should know, beside the message. */
  readonly note: (text: string) => void;
};

/** @throws {@link Fault} `usage` when no connection file was named */
export function partyOf({ party }: Signing): Party {
  if (party) return party;
  throw new Fault("usage", "name the device whose key signs: --connection FILE");
}

/** What the device's signatures are bound to. @throws {@link Fault} `usage` when no connection file was named */
export function marketAt(signing: Signing): Market {
  return marketOf(partyOf(signing).file);
}

/** The lane by the ack, or null without one. */
export function laneView(signing: Signing): LaneView | null {
  const { terms } = signing;
  return terms && { market: marketAt(signing), device: partyOf(signing).signer.address, terms };
}

/** The voucher, with the device's signature. */
export async function signVoucher(signing: Signing, unsigned: Omit<Voucher, "signature">): Promise<Voucher> {
  const signature = await partyOf(signing).signer.sign(voucherDigest(unsigned));
  return { ...unsigned, signature };
}
