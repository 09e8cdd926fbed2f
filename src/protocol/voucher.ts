/**
 * A voucher: a signed promise that a lane's payee may have taken `cumulative` from it, in all.
 *
 * Cumulative, so the newest one replaces all before it, and losing or repeating one costs nothing. The payer is
 * not written in it: it is whoever the signature recovers to, and that selects the lane (`LaneVault.claimBatch`).
 */
import { z } from "zod";
import type { Hex } from "../base/bytes.ts";
import { isSignedBy, recoverAddress } from "../kernels/signature.ts";
import { structDigest, structOf } from "./eip712.ts";
import { address, amount, signature } from "./scalar.ts";

export const voucherSchema = z.strictObject({
  /** Where it counts: both are in the domain that the signature covers, and named so that a stray one can be told. */
  chainId: z.number().int().min(1),
  vault: address,
  payee: address,
  token: address,
  /** Counts the lane's lives; closing a lane raises it and voids every older voucher. */
  epoch: z.number().int().min(0).max(0xffffff),
  cumulative: amount,
  signature,
});

export type Voucher = z.output<typeof voucherSchema>;

const STRUCT = structOf("Voucher", [
  { type: "address", name: "payee" },
  { type: "address", name: "token" },
  { type: "uint24", name: "epoch" },
  { type: "uint96", name: "cumulative" },
]);

/** The EIP-712 digest that the payer signs, 32 bytes; the domain is that of the vault it names. */
export function voucherDigest(voucher: Omit<Voucher, "signature">): Hex {
  return structDigest("LaneVault", voucher, STRUCT, voucher);
}

/** Whether this account signed it. */
export function isVoucherOf(voucher: Voucher, payer: Hex): boolean {
  return isSignedBy(payer, voucherDigest(voucher), voucher.signature);
}

/** Who signed, or null when nobody can have. */
export function voucherPayer(voucher: Voucher): Hex | null {
  return recoverAddress(voucherDigest(voucher), voucher.signature);
}
