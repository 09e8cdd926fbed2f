/**
 * A voucher: a signed promise that a lane's payee may have taken `cumulative` from it, in all.
 *
 * Cumulative, so the newest one replaces all before it, and losing or repeating one costs nothing. The payer is
 * not written in it: it is whoever the signature recovers to, and that selects the lane (`LaneVault.claimBatch`).
 */
import { z } from "zod";
import { fromHex, type Hex } from "../base/bytes.ts";
import { keccak256 } from "../kernels/digest.ts";
import { recoverAddress } from "../kernels/signature.ts";
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

/** Where a vault lives: what every signature is bound to, so that none counts on another chain or contract. */
export type Venue = { readonly chainId: number; readonly vault: Hex };

const hashOf = (text: string) => keccak256(new TextEncoder().encode(text)).slice(2);

const VOUCHER_TYPE = hashOf("Voucher(address payee,address token,uint24 epoch,uint96 cumulative)");

/** EIP-712's type of a domain without a salt, then name and version of ours. */
const DOMAIN_HEAD =
  hashOf("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)") +
  hashOf("LaneVault") +
  hashOf("1");

/** Words of 32 bytes, left-padded. */
const words = (...fields: readonly string[]) => fields.map((field) => field.padStart(64, "0")).join("");

/** The separators of the vaults seen so far: two to a process, not one to a voucher. */
const separators = new Map<string, string>();

function separatorOf({ chainId, vault }: Venue): string {
  const key = `${chainId} ${vault}`;
  const known = separators.get(key);
  if (known !== undefined) return known;
  const separator = keccak256(fromHex(DOMAIN_HEAD + words(chainId.toString(16), vault.slice(2)))).slice(2);
  // vouchers of strangers name any vault: what they name must not stay for ever
  if (separators.size >= MOST_SEPARATORS) separators.clear();
  separators.set(key, separator);
  return separator;
}

const MOST_SEPARATORS = 64;

/**
 * The EIP-712 digest that the payer signs; the domain is that of the vault it names.
 *
 * Packed by hand: `0x1901 ‖ separator ‖ keccak256(type ‖ payee ‖ token ‖ epoch ‖ cumulative)`, each 32 bytes.
 */
export function voucherDigest(voucher: Omit<Voucher, "signature">): Hex {
  const { payee, token, epoch, cumulative } = voucher;
  const fields = words(payee.slice(2), token.slice(2), epoch.toString(16), cumulative.toString(16));
  const struct = keccak256(fromHex(VOUCHER_TYPE + fields)).slice(2);
  return keccak256(fromHex(`1901${separatorOf(voucher)}${struct}`));
}

/** Whether this account signed it. */
export function isSignedBy(voucher: Voucher, payer: Hex): boolean {
  return voucherPayer(voucher) === payer;
}

/** Who signed, or null when nobody can have. */
export function voucherPayer(voucher: Voucher): Hex | null {
  return recoverAddress(voucherDigest(voucher), voucher.signature);
}
