/**
 * A voucher: a signed promise that a lane's payee may have taken `cumulative` from it, in all.
 *
 * Cumulative, so the newest one replaces all before it, and losing or repeating one costs nothing. The payer is
 * not written in it: it is whoever the signature recovers to, and that selects the lane (`LaneVault.claimBatch`).
 */
import { hashTypedData } from "viem/utils";
import { z } from "zod";
import type { Hex } from "../base/bytes.ts";
import { recoverAddress } from "../kernels/signature.ts";
import { address, amount, signature } from "./scalar.ts";

export const voucherSchema = z.strictObject({
  payee: address,
  token: address,
  /** Counts the lane's lives; closing a lane raises it and voids every older voucher. */
  epoch: z.number().int().min(0).max(0xffffff),
  cumulative: amount,
  signature,
});

export type Voucher = z.output<typeof voucherSchema>;

/** Where a vault lives: what every signature is bound to, so that none counts on another chain or contract. */
export type Venue = { readonly chainId: number; readonly vault: Hex };

const TYPES = {
  Voucher: [
    { name: "payee", type: "address" },
    { name: "token", type: "address" },
    { name: "epoch", type: "uint24" },
    { name: "cumulative", type: "uint96" },
  ],
} as const;

/** The EIP-712 digest that the payer signs; the domain is the vault's own. */
export function voucherDigest(venue: Venue, voucher: Omit<Voucher, "signature">): Hex {
  return hashTypedData({
    domain: { name: "LaneVault", version: "1", chainId: venue.chainId, verifyingContract: venue.vault },
    types: TYPES,
    primaryType: "Voucher",
    message: voucher,
  });
}

/** Who signed, or null when nobody can have. */
export function voucherPayer(venue: Venue, voucher: Voucher): Hex | null {
  return recoverAddress(voucherDigest(venue, voucher), voucher.signature);
}
