/**
 * What a gateway needs from a chain: read the vault, and send a transaction exactly once.
 *
 * Sending is split in two so that a crash in between loses nothing: `prepare` signs and sends nothing, the caller
 * writes the bytes to its journal, and `broadcast` may then be repeated for ever with the same bytes. Private
 * keys stay with the {@link Signer}.
 *
 * Addresses are lower-case hex everywhere. Amounts are atomic units of the token that is named.
 */
import type { Abi } from "viem";
import type { Hex } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { Fault } from "../base/fault.ts";
import type { Amount } from "../base/money.ts";
import laneVault from "./artifacts/LaneVault.json" with { type: "json" };
import testUsdt from "./artifacts/TestUsdt.json" with { type: "json" };

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
  /** From when the payer can take back what is not claimed, in unix seconds below 2^32; 0 while open. */
  readonly closeAt: number;
  /**
   * The class of its challenge window: 0 is 1 h, 1 is 24 h, 2 is 72 h, 3 is 7 d. Fixed by the first funding of an
   * epoch; means nothing while `deposit` is 0.
   */
  readonly window: number;
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
  readonly blockHash: Hex;
  readonly gasUsed: bigint;
  /** Wei per unit of gas, as paid. */
  readonly gasPrice: bigint;
}

/** A block of the chain. */
export interface Block {
  readonly number: bigint;
  readonly hash: Hex;
  /** Its timestamp, unix seconds. */
  readonly time: number;
}

/** How an epoch of a lane ended. */
export interface LaneEnd {
  readonly epoch: number;
  /** All that the payee got from this epoch. */
  readonly settled: Amount;
  /** In which it was closed. */
  readonly block: bigint;
}

/** A payer's wish to close a lane. */
export interface CloseRequest extends LaneKey {
  /** From when it can take back what is not claimed, unix seconds. */
  readonly closeAt: number;
  /** In which it was asked. */
  readonly block: bigint;
}

/**
 * One chain with one vault on it, behind one node or several.
 *
 * Every method throws {@link Fault} `chain_unreachable` when no node answers, `chain_mismatch` when those that do are on
 * another chain, and `chain_reorganized` when the head fell back further than chains do. None retries: the caller has
 * the clock. With several nodes, those methods that say so also throw `rpc_disagrees`, and `chain_unreachable` when only
 * one of the nodes answers: what they say may be counted as a gain, and one node could invent it.
 */
export interface Chain {
  readonly chainId: number;
  readonly vault: Hex;
  /** The newest block of the first node that answers. */
  head(): Promise<Block>;
  /**
   * The newest block that counts: with the confirmations that the chain was opened with, or `finalized`.
   *
   * @throws {@link Fault} `rpc_disagrees`
   */
  confirmed(): Promise<Block>;
  /**
   * The hash of the block at this height, or null when the chain is not that long.
   *
   * @throws {@link Fault} `rpc_disagrees`
   */
  blockHash(number: bigint): Promise<Hex | null>;
  /**
   * Many lanes at one block, which is `block` with `hash`; up to 4,000 in one request.
   *
   * @param at - `"confirmed"`: at the block that {@link confirmed} says (count gains there); `"head"`: at the newest block
   *   (count closes there). At the head the worst that any node says of a lane is believed: the newest epoch, the
   *   earliest close, the smallest deposit
   * @throws {@link Fault} `rpc_disagrees` at `"confirmed"`
   */
  lanes(
    keys: readonly LaneKey[],
    at?: "confirmed" | "head",
  ): Promise<{ block: bigint; hash: Hex; lanes: LaneOnChain[] }>;
  /**
   * How the epochs of a lane ended that were closed between two blocks, oldest first; up to what {@link confirmed} says.
   *
   * @param fromBlock - the first block to look at
   * @throws {@link Fault} `rpc_disagrees`
   */
  laneEnds(key: LaneKey, fromBlock: bigint): Promise<LaneEnd[]>;
  /**
   * Every lane that the account is payer or payee of, of which anything happened since a block, up to the newest block.
   * Of several nodes, what any of them knows.
   */
  lanesOf(account: Hex, fromBlock: bigint): Promise<LaneKey[]>;
  /**
   * What payers asked to close between two blocks, both included, oldest first. Of several nodes, what any of them knows.
   * Blocks that are not there yet are no error.
   */
  closeRequests(fromBlock: bigint, toBlock: bigint): Promise<CloseRequest[]>;
  /** What the account may withdraw or put in lanes, at the newest block. */
  vaultBalance(account: Hex, token: Hex): Promise<Amount>;
  /** The account's tokens outside the vault, at the newest block. Never says more than `MAX_AMOUNT`. */
  tokenBalance(account: Hex, token: Hex): Promise<Amount>;
  /** What the vault may still pull from the account. Never says more than `MAX_AMOUNT`. */
  allowance(account: Hex, token: Hex): Promise<Amount>;
  /** The chain's own coin, in wei: what the account can pay gas with. */
  gasBalance(account: Hex): Promise<bigint>;
  /** Who alone may move the account's money without limit; null while the account has named nobody. */
  ownerOf(account: Hex): Promise<Hex | null>;
  /** What the account's own key may still move once it has an owner. Up to 2^256 - 1. */
  spendAllowance(account: Hex, token: Hex): Promise<bigint>;
  /** @throws {@link Fault} `chain_mismatch` when there is no token at this address */
  decimals(token: Hex): Promise<number>;
  /**
   * Asks contracts what they say of themselves, all at the newest block of one node.
   *
   * @returns for each call its answer: `0x` where there is no contract, null where the call reverts
   */
  view(calls: readonly Call[]): Promise<(Hex | null)[]>;
  /** The account's next nonce: behind what is mined, or behind what waits in the node's pool as well. */
  nonce(account: Hex, at: "latest" | "pending"): Promise<number>;
  /**
   * What {@link prepare} offers for a unit of gas now, in wei: a fifth more than the newest block's base fee, and the tip
   * that the node suggests.
   */
  fees(): Promise<{ maxFeePerGas: bigint; maxPriorityFeePerGas: bigint }>;
  /**
   * Builds and signs a transaction; sends nothing.
   *
   * @throws {@link Fault} `transaction_failed` when the call would revert now, with the contract's error
   */
  prepare(signer: Signer, call: Call, options?: PrepareOptions): Promise<Prepared>;
  /**
   * Hands a signed transaction to all nodes, and resolves as soon as one has it. Doing so again changes nothing.
   *
   * @throws {@link Fault} `transaction_failed` when they refuse it and do not know it: the nonce is used up by another
   *   one, the fee is too low, or the account cannot pay the gas
   */
  broadcast(raw: Hex): Promise<void>;
  /**
   * Null while the transaction is not in a block, or only one of several nodes says so.
   *
   * @throws {@link Fault} `rpc_disagrees` when nodes place it in different blocks, or say different things of it, although
   *   its block counts as confirmed
   */
  receipt(hash: Hex): Promise<Receipt | null>;
  /**
   * Why a transaction did not do what it was sent for: the error it reverted with, or that no node that answers knows it
   * (any more). Null when it succeeded or waits.
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
