/**
 * What a gateway needs from a chain: read the vault, and send a transaction exactly once.
 *
 * Sending is split in two so that a crash in between loses nothing: `prepare` signs and sends nothing, the caller
 * writes the bytes to its journal, and `broadcast` may then be repeated for ever with the same bytes. Private
 * keys stay with the {@link Signer}.
 *
 * Addresses are lower-case hex everywhere. Amounts are atomic units of the token that is named.
 */
import { type Abi, encodeFunctionData } from "viem";
import type { Hex } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { Fault } from "../base/fault.ts";
import type { Amount } from "../base/money.ts";
import laneVault from "./artifacts/LaneVault.json" with { type: "json" };
import testUsdt from "./artifacts/TestUsdt.json" with { type: "json" };
import { type ClaimRow, encodeClaimBatch } from "./claim-batch.ts";

/** Everything LaneVault understands, and the errors it reverts with. */
export const VAULT_ABI = laneVault.abi as Abi;

/** ERC-20 as USDT has it (no return values), plus `mint` of the play-money token. */
export const TOKEN_ABI = testUsdt.abi as Abi;

/** A one-way lane: the payer signs, the payee claims. */
export interface LaneKey {
  readonly payer: Hex;
  readonly payee: Hex;
  readonly token: Hex;
}

/** A lane as the vault has it. `settled <= deposit`. */
export interface LaneOnChain {
  /** Claimed in this epoch. */
  readonly settled: Amount;
  /** Paid in during this epoch. */
  readonly deposit: Amount;
  /** From when the payer can take back what is not claimed, in unix seconds; 0 while open. */
  readonly closeAt: number;
  /** How often the lane has been closed, `0..2^24 - 1`. Vouchers of earlier epochs are void. */
  readonly epoch: number;
}

/** A contract call without value. */
export interface Call {
  readonly to: Hex;
  readonly data: Hex;
}

/** What a {@link Signer} is asked to sign (EIP-1559). */
export interface Transaction extends Call {
  readonly type: "eip1559";
  readonly chainId: number;
  readonly nonce: number;
  readonly gas: bigint;
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
}

/** Holds a private key. viem's local accounts are signers. */
export interface Signer {
  readonly address: Hex;
  signTransaction(transaction: Transaction): Promise<Hex>;
}

/** A signed transaction. The hash is that of `raw`, so it is known before anything is sent. */
export interface Prepared {
  readonly raw: Hex;
  readonly hash: Hex;
  readonly nonce: number;
  /** Wei per unit of gas. */
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
}

export interface PrepareOptions {
  /** Default: the next one, counting what waits in the node's pool. */
  readonly nonce?: number;
  /** Gas limit. Default: what the node estimates at its newest block, and a fifth more. */
  readonly gas?: bigint;
  /** Takes the nonce of this one and pays at least an eighth more, which nodes accept as a replacement. */
  readonly replaces?: Prepared;
}

/** A mined transaction. */
export interface Receipt {
  readonly status: "success" | "reverted";
  readonly block: bigint;
  readonly gasUsed: bigint;
  /** Wei per unit of gas, as paid. */
  readonly gasPrice: bigint;
}

/**
 * One chain with one vault on it.
 *
 * Every method throws {@link Fault} `chain_unreachable` when the node does not answer or is out of order. None
 * retries: the caller has the clock.
 */
export interface Chain {
  readonly chainId: number;
  readonly vault: Hex;
  /** The vault's challenge window, in seconds. */
  readonly challengeSeconds: number;
  /** The newest block; `time` is its timestamp in unix seconds. */
  head(): Promise<{ number: bigint; time: number }>;
  /**
   * Many lanes at one block, in one request; up to some 10,000 at a time.
   *
   * @param at - `"confirmed"`: the newest block with as many confirmations as the chain was opened with (count
   *   gains there); `"head"`: the newest block (count closes there)
   */
  lanes(
    keys: readonly LaneKey[],
    at?: "confirmed" | "head",
  ): Promise<{ block: bigint; lanes: LaneOnChain[] }>;
  /** What the account may withdraw or put in lanes, at the newest block. */
  vaultBalance(account: Hex, token: Hex): Promise<Amount>;
  /** The account's tokens outside the vault, at the newest block. Never says more than `MAX_AMOUNT`. */
  tokenBalance(account: Hex, token: Hex): Promise<Amount>;
  /** What the vault may still pull from the account. Never says more than `MAX_AMOUNT`. */
  allowance(account: Hex, token: Hex): Promise<Amount>;
  /** The chain's own coin, in wei: what the account can pay gas with. */
  gasBalance(account: Hex): Promise<bigint>;
  /** @throws {@link Fault} `chain_mismatch` when there is no token at this address */
  decimals(token: Hex): Promise<number>;
  /**
   * Builds and signs a transaction; sends nothing.
   *
   * @throws {@link Fault} `transaction_failed` when the call would revert now, with the contract's error
   */
  prepare(signer: Signer, call: Call, options?: PrepareOptions): Promise<Prepared>;
  /**
   * Hands a signed transaction to the node. Doing so again changes nothing.
   *
   * @throws {@link Fault} `transaction_failed` when the node refuses it and does not know it: the nonce is used
   *   up by another one, the fee is too low, or the account cannot pay the gas
   */
  broadcast(raw: Hex): Promise<void>;
  /** Null while the transaction is not in a block. */
  receipt(hash: Hex): Promise<Receipt | null>;
  /**
   * Why a transaction did not do what it was sent for: the error it reverted with, or that the node does not know
   * it (any more). Null when it succeeded or waits.
   */
  failure(hash: Hex): Promise<string | null>;
}

/**
 * Waits until a transaction is in a block.
 *
 * @param wait - `withinMs` in all, asking every `everyMs` (default 500)
 * @throws {@link Fault} `transaction_failed` when it reverted, or at the end when the node has lost it;
 *   `timed_out` when it still waits; `chain_unreachable`
 */
export async function mined(
  chain: Chain,
  hash: Hex,
  clock: Clock,
  wait: { readonly withinMs: number; readonly everyMs?: number; readonly signal?: AbortSignal },
): Promise<Receipt> {
  const deadline = clock.now() + wait.withinMs;
  for (;;) {
    const receipt = await chain.receipt(hash);
    if (receipt?.status === "success") return receipt;
    const late = clock.now() >= deadline;
    const failure = receipt || late ? await chain.failure(hash) : null;
    if (failure !== null) {
      throw new Fault("transaction_failed", `transaction ${hash} failed: ${failure}`, { facts: { hash } });
    }
    if (late) throw new Fault("timed_out", `transaction ${hash} is not mined yet`, { facts: { hash } });
    await clock.sleep(wait.everyMs ?? 500, wait.signal);
  }
}

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
  return { to: vault, data: encode(VAULT_ABI, "deposit", [account, token, amount]) };
}

/** Moves the signer's approved tokens straight into a lane; reverts while the lane is closing. */
export function depositLane(vault: Hex, lane: LaneKey, amount: Amount): Call {
  return { to: vault, data: encode(VAULT_ABI, "depositLane", [lane.payer, lane.payee, lane.token, amount]) };
}

/**
 * Funds lanes from the signer's vault. A row that cannot be paid is skipped, and so is a closing lane: read the
 * lanes afterwards.
 */
export function fundLanes(
  vault: Hex,
  token: Hex,
  rows: readonly { readonly payee: Hex; readonly amount: Amount }[],
): Call {
  const payees = rows.map((row) => row.payee);
  const amounts = rows.map((row) => row.amount);
  return { to: vault, data: encode(VAULT_ABI, "fundLanes", [payees, token, amounts]) };
}

/**
 * Claims vouchers for whoever they pay. A row that adds nothing is skipped: read the lanes afterwards.
 *
 * @throws {@link Fault} `impossible`, see {@link encodeClaimBatch}
 */
export function claimBatch(vault: Hex, token: Hex, rows: readonly ClaimRow[]): Call {
  return { to: vault, data: encode(VAULT_ABI, "claimBatch", [encodeClaimBatch(token, rows)]) };
}

/** Sends tokens out of the signer's vault. */
export function withdraw(vault: Hex, token: Hex, amount: Amount, to: Hex): Call {
  return { to: vault, data: encode(VAULT_ABI, "withdraw", [token, amount, to]) };
}

/** Starts closing the signer's lane to `payee`. */
export function requestClose(vault: Hex, payee: Hex, token: Hex): Call {
  return { to: vault, data: encode(VAULT_ABI, "requestClose", [payee, token]) };
}

/** Closes a lane whose challenge window is over. */
export function finalizeClose(vault: Hex, lane: LaneKey): Call {
  return { to: vault, data: encode(VAULT_ABI, "finalizeClose", [lane.payer, lane.payee, lane.token]) };
}

function encode(abi: Abi, functionName: string, args: readonly unknown[]): Hex {
  return encodeFunctionData({ abi, functionName, args });
}
