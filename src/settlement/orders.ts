/**
 * Orders: what an account or its owner signs so that somebody else can carry it out on LaneVault.
 *
 * Each is an EIP-712 struct of the vault's own domain, ends with a deadline, a nonce and a fee for whoever carries it
 * out, and counts once. The digests of a cooperative close and of a smart wallet's voucher stand here as well.
 */
import { hashTypedData } from "viem/utils";
import type { Hex } from "../base/bytes.ts";
import { Fault } from "../base/fault.ts";
import type { Amount } from "../base/money.ts";
import type { Venue } from "../protocol/eip712.ts";
import type { Signer } from "../protocol/signer.ts";

type Lane = { readonly payer: Hex; readonly payee: Hex; readonly token: Hex };
type Cause = { readonly account: Hex; readonly token: Hex };

/** What each kind of order says, before its {@link Terms}. Addresses are 20 bytes, epochs `0..2^24 - 1`. */
export type OrderMessages = {
  readonly Withdraw: Cause & { readonly amount: bigint; readonly to: Hex };
  /** `window`: the lane's window class, 0..3. */
  readonly FundLane: Lane & { readonly epoch: number; readonly amount: Amount; readonly window: number };
  readonly RequestClose: Lane & { readonly epoch: number };
  /** `token` is what the fee is paid in. */
  readonly SetOwner: Cause & { readonly owner: Hex };
  readonly SetAllowance: Cause & { readonly amount: bigint };
};

export type OrderKind = keyof OrderMessages;

/** How every order ends. */
export type Terms = {
  /** Last second at which the order is valid, unix seconds. */
  readonly deadline: number;
  /**
   * Any number that the signer has not used: below 2^255 where a key signs, from {@link walletNonce} where a smart
   * wallet does.
   */
  readonly nonce: bigint;
  /** Atomic units that the account's vault pays to whoever carries the order out. */
  readonly fee: Amount;
};

/** What the vault takes next to an order's message. */
export type Order = Terms & { readonly signature: Hex };

const TERMS = "uint256 deadline,uint256 nonce,uint96 fee";

const STRUCTS = {
  Withdraw: `address account,address token,uint256 amount,address to,${TERMS}`,
  FundLane: `address payer,address payee,address token,uint24 epoch,uint96 amount,uint8 window,${TERMS}`,
  RequestClose: `address payer,address payee,address token,uint24 epoch,${TERMS}`,
  SetOwner: `address account,address owner,address token,${TERMS}`,
  SetAllowance: `address account,address token,uint256 amount,${TERMS}`,
  CoopClose: "address payer,address payee,address token,uint24 epoch,uint96 finalAmount,uint256 deadline",
  WalletVoucher: "address payer,address payee,address token,uint24 epoch,uint96 cumulative",
} as const;

/** Where the nonces of smart wallets begin: the two highest bits of a nonce say who signs. */
const WALLET_NONCES = 1n << 255n;
const OWNER_BIT = 1n << 254n;

/** The 32 bytes that are signed to order something. */
export function orderDigest<K extends OrderKind>(
  venue: Venue,
  kind: K,
  message: OrderMessages[K],
  terms: Terms,
): Hex {
  const { deadline, nonce, fee } = terms;
  return digest(venue, kind, { ...message, deadline: BigInt(deadline), nonce, fee });
}

/**
 * The payee's consent to close a lane at once.
 *
 * Whoever signs it takes no voucher above `finalAmount` in this epoch until `deadline` (unix seconds) is over.
 */
export function coopCloseDigest(
  venue: Venue,
  close: Lane & { readonly epoch: number; readonly finalAmount: Amount; readonly deadline: number },
): Hex {
  return digest(venue, "CoopClose", { ...close, deadline: BigInt(close.deadline) });
}

/** What a smart wallet signs in place of a voucher; it names the wallet, since no signature recovers to one. */
export function walletVoucherDigest(
  venue: Venue,
  voucher: Lane & { readonly epoch: number; readonly cumulative: Amount },
): Hex {
  return digest(venue, "WalletVoucher", voucher);
}

/**
 * Signs an order with a key, the account's own or its owner's.
 *
 * @throws {@link Fault} `impossible` when the nonce is a smart wallet's, which the vault would not take from a key
 */
export async function signOrder<K extends OrderKind>(
  signer: Signer,
  venue: Venue,
  kind: K,
  message: OrderMessages[K],
  terms: Terms,
): Promise<Order> {
  const { deadline, nonce, fee } = terms;
  if (nonce < 0n || nonce >= WALLET_NONCES) throw new Fault("impossible", `${nonce} is no nonce of a key`);
  const signature = await signer.sign(orderDigest(venue, kind, message, terms));
  return { deadline, nonce, fee, signature };
}

/**
 * The nonce of an order that a smart wallet signs (EIP-1271).
 *
 * @param as - what the wallet is to the order's account
 * @param count - any number that it has not used, `0..2^254 - 1`
 * @throws {@link Fault} `impossible` out of this range
 */
export function walletNonce(as: "account" | "owner", count: bigint): bigint {
  if (count < 0n || count >= OWNER_BIT) throw new Fault("impossible", `${count} is not within 0..2^254 - 1`);
  return WALLET_NONCES + (as === "owner" ? OWNER_BIT : 0n) + count;
}

function digest(venue: Venue, primaryType: keyof typeof STRUCTS, message: Record<string, unknown>): Hex {
  const fields = STRUCTS[primaryType].split(",").map((field) => {
    const [type = "", name = ""] = field.split(" ");
    return { type, name };
  });
  return hashTypedData({
    domain: { name: "LaneVault", version: "1", chainId: venue.chainId, verifyingContract: venue.vault },
    types: { [primaryType]: fields },
    primaryType,
    message,
  });
}
