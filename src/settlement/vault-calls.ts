/**
 * Everything that can be asked of a LaneVault and of its tokens, as calls ready to be put in a transaction.
 *
 * Nothing here is sent, and nothing is checked against the chain: a call that cannot be carried out reverts.
 */
import type { Abi } from "viem";
import { encodeFunctionData } from "viem/utils";
import { fromHex, type Hex } from "../base/bytes.ts";
import { Fault } from "../base/fault.ts";
import type { Amount } from "../base/money.ts";
import { type Call, type LaneKey, TOKEN_ABI, VAULT_ABI } from "./chain.ts";
import { type ClaimRow, encodeClaimBatch, packedAddress, packedNumber } from "./claim-batch.ts";
import type { Order, OrderMessages } from "./orders.ts";

/** One lane to fund. `window` is its class, 0..3; a lane that is open keeps the one it has. */
export type FundRow = { readonly payee: Hex; readonly amount: Amount; readonly window: number };

/** An EIP-3009 authorization for the vault; times in unix seconds, both ends excluded. */
export type Authorization = {
  readonly from: Hex;
  readonly amount: Amount;
  readonly validAfter: number;
  readonly validBefore: number;
  /** 32 bytes; the authorization's own nonce is keccak256(abi.encode(account, salt)). */
  readonly salt: Hex;
  readonly signature: Hex;
};

/** An EIP-2612 permit for the vault; `signature` is r | s | v, 65 bytes. */
export type Permit = {
  readonly from: Hex;
  readonly amount: Amount;
  /** Unix seconds. */
  readonly deadline: number;
  readonly signature: Hex;
};

/** A cooperative close. Signatures that the sender makes unnecessary are `0x`. */
export type CoopClose = LaneKey & {
  readonly epoch: number;
  /** All that the payee gets from this epoch, including what is settled. */
  readonly finalAmount: Amount;
  /** The cumulative of the payer's voucher. */
  readonly vouched: Amount;
  readonly payerSignature: Hex;
  /** Of the payee's consent, unix seconds. */
  readonly deadline: number;
  readonly payeeSignature: Hex;
};

/** Lets the vault pull `amount` of the signer's tokens. USDT wants the old allowance at zero first. */
export function approve(vault: Hex, token: Hex, amount: Amount): Call {
  return { to: token, data: encode(TOKEN_ABI, "approve", [vault, amount]) };
}

/** Sends the signer's tokens, not those in the vault. */
export function transfer(token: Hex, to: Hex, amount: Amount): Call {
  return { to: token, data: encode(TOKEN_ABI, "transfer", [to, amount]) };
}

/** Makes play money; only its deployer can, and no real token has this. */
export function mint(token: Hex, to: Hex, amount: Amount): Call {
  return { to: token, data: encode(TOKEN_ABI, "mint", [to, amount]) };
}

/** Moves the signer's approved tokens into an account's vault. */
export function deposit(vault: Hex, account: Hex, token: Hex, amount: Amount): Call {
  return asked(vault, "deposit", [account, token, amount]);
}

/**
 * Moves the signer's approved tokens straight into a lane; reverts while the lane is closing. A lane that this opens
 * has window class 1, which is 24 hours.
 */
export function depositLane(vault: Hex, lane: LaneKey, amount: Amount): Call {
  return asked(vault, "depositLane", [...ends(lane), amount]);
}

/** Takes tokens into an account's vault by an authorization that their owner signed. */
export function depositWithAuthorization(vault: Hex, account: Hex, token: Hex, by: Authorization): Call {
  const { from, amount, validAfter, validBefore, salt, signature } = by;
  const terms = [from, amount, BigInt(validAfter), BigInt(validBefore), salt, signature];
  return asked(vault, "depositWithAuthorization", [account, token, ...terms]);
}

/**
 * Takes tokens into the vault of `from` by a permit that it signed.
 *
 * @throws {@link Fault} `impossible` when the signature is not 65 bytes
 */
export function depositWithPermit(vault: Hex, token: Hex, by: Permit): Call {
  const { from, amount, deadline, signature } = by;
  if (fromHex(signature).length !== 65) throw new Fault("impossible", "a permit's signature is not 65 bytes");
  const [r, s] = [`0x${signature.slice(2, 66)}`, `0x${signature.slice(66, 130)}`];
  const v = Number.parseInt(signature.slice(130), 16);
  return asked(vault, "depositWithPermit", [from, token, amount, BigInt(deadline), v, r, s]);
}

/** Moves what was sent to an account's deposit address into its vault. */
export function sweep(vault: Hex, account: Hex, token: Hex): Call {
  return asked(vault, "sweep", [account, token]);
}

/** Sends tokens out of an account's vault; the signer acts for the account. */
export function withdraw(vault: Hex, account: Hex, token: Hex, amount: Amount, to: Hex): Call {
  return asked(vault, "withdraw", [account, token, amount, to]);
}

/** Carries out a signed withdrawal. */
export function withdrawWithSig(vault: Hex, what: OrderMessages["Withdraw"], order: Order): Call {
  return asked(vault, "withdrawWithSig", [what.account, what.token, what.amount, what.to, terms(order)]);
}

/** Funds one lane from the payer's vault and calls off a pending close; the signer acts for the payer. */
export function fundLane(vault: Hex, lane: LaneKey, amount: Amount, window: number): Call {
  return asked(vault, "fundLane", [...ends(lane), amount, window]);
}

/** Funds one lane on a signed order. */
export function fundLaneWithSig(vault: Hex, what: OrderMessages["FundLane"], order: Order): Call {
  const { epoch, amount, window } = what;
  return asked(vault, "fundLaneWithSig", [...ends(what), epoch, amount, window, terms(order)]);
}

/**
 * Funds lanes from the payer's vault; the signer acts for the payer. A row that cannot be paid is skipped, and so is a
 * closing lane, and one with another window class: read the lanes afterwards.
 *
 * @throws {@link Fault} `impossible` on a payee that is not 20 bytes, or a window that is not one
 */
export function fundLanes(vault: Hex, payer: Hex, token: Hex, rows: readonly FundRow[]): Call {
  const packed = rows
    .map(
      ({ payee, amount, window }) =>
        packedAddress(payee) + packedNumber(amount, 12) + packedNumber(BigInt(window), 1),
    )
    .join("");
  return asked(vault, "fundLanes", [payer, token, `0x${packed}`]);
}

/** Funds lanes on the orders of many payers. A row that cannot be carried out is skipped, as are smart wallets'. */
export function fundLanesWithSig(
  vault: Hex,
  rows: readonly { readonly what: OrderMessages["FundLane"]; readonly order: Order }[],
): Call {
  const structs = rows.map(({ what, order }) => ({ ...what, order: terms(order) }));
  return asked(vault, "fundLanesWithSig", [structs]);
}

/**
 * Claims vouchers for whoever they pay. A row that adds nothing is skipped: read the lanes afterwards.
 *
 * @throws {@link Fault} `impossible`, see {@link encodeClaimBatch}
 */
export function claimBatch(vault: Hex, token: Hex, rows: readonly ClaimRow[]): Call {
  return asked(vault, "claimBatch", [encodeClaimBatch(token, rows)]);
}

/** Claims one voucher of a smart wallet. */
export function claimWallet(
  vault: Hex,
  lane: LaneKey,
  voucher: { readonly epoch: number; readonly cumulative: Amount; readonly signature: Hex },
): Call {
  const { epoch, cumulative, signature } = voucher;
  return asked(vault, "claimWallet", [...ends(lane), epoch, cumulative, signature]);
}

/** Starts closing a lane; the signer acts for the payer. */
export function requestClose(vault: Hex, lane: LaneKey): Call {
  return asked(vault, "requestClose", ends(lane));
}

/** Starts closing a lane on a signed order. */
export function requestCloseWithSig(vault: Hex, what: OrderMessages["RequestClose"], order: Order): Call {
  return asked(vault, "requestCloseWithSig", [...ends(what), what.epoch, terms(order)]);
}

/** Closes a lane whose challenge window is over. */
export function finalizeClose(vault: Hex, lane: LaneKey): Call {
  return asked(vault, "finalizeClose", ends(lane));
}

/** Closes a lane at once, by consent. */
export function coopClose(vault: Hex, close: CoopClose): Call {
  const { epoch, finalAmount, vouched, payerSignature, deadline, payeeSignature } = close;
  const consent = [payerSignature, BigInt(deadline), payeeSignature];
  return asked(vault, "coopClose", [...ends(close), epoch, finalAmount, vouched, ...consent]);
}

/** Names the signer's owner, once and for good. */
export function setOwner(vault: Hex, owner: Hex): Call {
  return asked(vault, "setOwner", [owner]);
}

/** Names an account's owner on its signed order. */
export function setOwnerWithSig(vault: Hex, what: OrderMessages["SetOwner"], order: Order): Call {
  return asked(vault, "setOwnerWithSig", [what.account, what.owner, what.token, terms(order)]);
}

/** Sets how much an account's own key may move; the signer is the account's owner. */
export function setAllowance(vault: Hex, account: Hex, token: Hex, amount: bigint): Call {
  return asked(vault, "setAllowance", [account, token, amount]);
}

/** Sets how much an account's own key may move, on its owner's signed order. */
export function setAllowanceWithSig(vault: Hex, what: OrderMessages["SetAllowance"], order: Order): Call {
  return asked(vault, "setAllowanceWithSig", [what.account, what.token, what.amount, terms(order)]);
}

/** Calls off every order that the signer has signed with this nonce. */
export function cancelNonce(vault: Hex, nonce: bigint): Call {
  return asked(vault, "cancelNonce", [nonce]);
}

function asked(vault: Hex, name: string, args: readonly unknown[]): Call {
  return { to: vault, data: encode(VAULT_ABI, name, args) };
}

function encode(abi: Abi, functionName: string, args: readonly unknown[]): Hex {
  return encodeFunctionData({ abi, functionName, args });
}

function ends({ payer, payee, token }: LaneKey): readonly Hex[] {
  return [payer, payee, token];
}

function terms({ deadline, nonce, fee, signature }: Order) {
  return { deadline: BigInt(deadline), nonce, fee, signature };
}
