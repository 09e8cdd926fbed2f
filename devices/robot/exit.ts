/**
 * Orders to the vault that a device signs and anybody may send: how to leave without gas, and without the gateway.
 *
 * EIP-712 structs of LaneVault; whoever relays one pays the gas and receives `fee` out of the signer's vault.
 */
import { hashTypedData } from "viem/utils";
import { type Hex, toHex } from "../../src/base/bytes.ts";
import type { Amount } from "../../src/base/money.ts";
import type { Venue } from "../../src/protocol/eip712.ts";
import type { Signer } from "../../src/protocol/signer.ts";

/** Begins to close a lane: what its payee has not claimed when the window ends goes back to the payer's vault. */
export type RequestClose = {
  readonly payer: Hex;
  readonly payee: Hex;
  readonly token: Hex;
  readonly epoch: number;
  /** Last second at which the order is valid, unix seconds. */
  readonly deadline: number;
  /** Any number below 2^255 that the signer has not used; which is the higher one means nothing. */
  readonly nonce: bigint;
  /** For whoever relays it, out of the signer's vault. */
  readonly fee: Amount;
};

/** Sends tokens out of the signer's vault. */
export type Withdraw = {
  readonly account: Hex;
  readonly token: Hex;
  readonly amount: Amount;
  readonly to: Hex;
  readonly deadline: number;
  readonly nonce: bigint;
  readonly fee: Amount;
};

export type Signed<T> = T & { readonly signature: Hex };

const fields = (text: string) =>
  text.split(", ").map((field) => {
    const [type = "", name = ""] = field.split(" ");
    return { type, name };
  });

const STRUCTS = {
  RequestClose: fields(
    "address payer, address payee, address token, uint24 epoch, uint256 deadline, uint256 nonce, uint96 fee",
  ),
  Withdraw: fields(
    "address account, address token, uint256 amount, address to, uint256 deadline, uint256 nonce, uint96 fee",
  ),
} as const;

function digest(venue: Venue, primaryType: keyof typeof STRUCTS, order: RequestClose | Withdraw): Hex {
  const { chainId, vault: verifyingContract } = venue;
  const domain = { name: "LaneVault", version: "1", chainId, verifyingContract };
  const message = { ...order, deadline: BigInt(order.deadline) };
  return hashTypedData({ domain, types: { [primaryType]: STRUCTS[primaryType] }, primaryType, message });
}

/** What `requestCloseWithSig` takes. An account that has named an owner is closed by that owner's signature instead. */
export async function signRequestClose(
  venue: Venue,
  signer: Signer,
  order: RequestClose,
): Promise<Signed<RequestClose>> {
  return { ...order, signature: await signer.sign(digest(venue, "RequestClose", order)) };
}

/** What `withdrawWithSig` takes. */
export async function signWithdraw(venue: Venue, signer: Signer, order: Withdraw): Promise<Signed<Withdraw>> {
  return { ...order, signature: await signer.sign(digest(venue, "Withdraw", order)) };
}

/** A nonce that nobody has used: 248 random bits, for the vault keeps the highest ones for smart wallets. */
export function randomNonce(): bigint {
  return BigInt(toHex(crypto.getRandomValues(new Uint8Array(31))));
}
