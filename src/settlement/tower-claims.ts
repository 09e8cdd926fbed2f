/**
 * A watchtower's claims on their way into the chain, through a {@link TransactionQueue} of its own.
 *
 * The queue's transactions are on disk before they are sent and until they are in a block; from there on the chain's
 * lanes decide: what a reorganization has undone is due again at the next look. A claim therefore waits for a block and
 * not for the block to count, since the next lane may have to be saved before that.
 */
import type { Hex } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { isFault } from "../base/fault.ts";
import type { PendingTransaction } from "../exchange/state.ts";
import type { Fact } from "../protocol/facts.ts";
import type { Chain, Signer } from "./chain.ts";
import { type ClaimRow, MAX_CLAIM_ROWS } from "./claim-batch.ts";
import { type MinedTransaction, type QueueOptions, TransactionQueue } from "./queue.ts";
import type { TowerFile } from "./tower-file.ts";
import { claimBatch } from "./vault-calls.ts";

/** What became of a claim. */
export type ClaimEvent =
  | {
      readonly kind: "claimSent";
      readonly transaction: Hex;
      readonly nonce: number;
      readonly rows: number;
      /** The one whose nonce it takes, to pay more for the same. */
      readonly replaces: Hex | null;
    }
  /** `gasCost` in wei. */
  | {
      readonly kind: "claimMined";
      readonly transaction: Hex;
      readonly block: bigint;
      readonly gasUsed: bigint;
      readonly gasCost: bigint;
      readonly succeeded: boolean;
    }
  /** Another transaction of the gas key has its nonce. What it was to claim is claimed anew. */
  | { readonly kind: "claimDropped"; readonly transaction: Hex; readonly reason: string };

export type TowerClaimsOptions = {
  readonly chain: Chain;
  /** The key that pays the gas. */
  readonly signer: Signer;
  readonly file: TowerFile;
  readonly clock: Clock;
  /** Between two looks at a claim that waits, milliseconds. */
  readonly pollMs: number;
  /** How long a claim may wait for a block before it is sent anew for more, milliseconds. */
  readonly replaceAfterMs: number;
  /** The most that a claim pays, wei per unit of gas. */
  readonly maxFeePerGas: bigint;
  /** Ends every wait. */
  readonly signal: AbortSignal;
  readonly onFault: (fault: unknown) => void;
  readonly onEvent: (event: ClaimEvent) => void;
};

export class TowerClaims {
  readonly #options: TowerClaimsOptions;
  readonly #queue: TransactionQueue;
  readonly #transactions: Map<Hex, PendingTransaction>;
  #work: Promise<void> | null = null;
  #failing: string | null = null;
  #most = MAX_CLAIM_ROWS;

  /** @throws {@link Fault} `file_format`, `disk_failed` */
  constructor(options: TowerClaimsOptions) {
    const { chain, signer, clock, file, pollMs, replaceAfterMs, maxFeePerGas, signal, onFault } = options;
    this.#options = options;
    this.#transactions = file.transactions();
    this.#queue = new TransactionQueue({
      // a block that holds a claim is all it waits for
      chain: { ...chainPort(chain), confirmed: () => chain.head() },
      ...{ signer, clock, maxFeePerGas, signal, onFault },
      transactions: this.#transactions,
      record: (facts) => this.#record(facts),
      conclude: (mined) => this.#conclude(mined),
      lookMs: pollMs,
      bumpAfterMs: replaceAfterMs,
    });
  }

  /** Whether a claim waits for its block. */
  get isBusy(): boolean {
    return this.#work !== null;
  }

  /** What the newest claim failed for; null when none did, or it is better by now. */
  get failing(): string | null {
    return this.#failing;
  }

  /**
   * How many rows the next claim may have: half as many after each that the chain refused. Blocks may be smaller than
   * the dearest rows, and rows of strangers must not keep out the others for good.
   */
  get most(): number {
    return this.#most;
  }

  /** Resolves when no claim waits. */
  async idle(): Promise<void> {
    await this.#work;
  }

  /** Goes on, in the background, with what an earlier process has signed, or what has failed to be sent. */
  resume(): void {
    if (this.isBusy || this.#transactions.size === 0) return;
    this.#run(() => this.#queue.resume());
  }

  /** Claims these rows in the background, unless a claim waits; then the next look will. */
  claim(token: Hex, rows: readonly ClaimRow[]): void {
    if (this.isBusy || rows.length === 0) return;
    const { chain } = this.#options;
    this.#run(async () => {
      try {
        await this.#queue.send("claim", claimBatch(chain.vault, token, rows), rows.length);
        this.#most = Math.min(this.#most * 2, MAX_CLAIM_ROWS);
      } catch (fault) {
        if (isFault(fault, "transaction_failed"))
          this.#most = Math.ceil(Math.min(this.#most, rows.length) / 2);
        throw fault;
      }
    });
  }

  #run(work: () => Promise<unknown>): void {
    const { signal, onFault } = this.#options;
    const tell = (fault: unknown) => {
      const sort = isFault(fault) ? fault.code : "unknown";
      if (!signal.aborted && sort !== this.#failing) onFault(fault);
      this.#failing = sort;
    };
    this.#work = work()
      .then(() => {
        this.#failing = null;
      }, tell)
      .finally(() => {
        this.#work = null;
      });
  }

  #record(facts: readonly Fact[]): Promise<void> {
    const { file, onEvent } = this.#options;
    return Promise.try(() => {
      for (const fact of facts) {
        if (fact.kind === "transactionPrepared") {
          const { kind: _, transaction, ...pending } = fact;
          file.saveTransaction(fact);
          this.#transactions.set(transaction, pending);
          const { nonce, rows, replaces } = fact;
          onEvent({ kind: "claimSent", transaction, nonce, rows, replaces: replaces as Hex | null });
        } else if (fact.kind === "transactionDropped") {
          const { transaction, reason } = fact;
          this.#forget([transaction]);
          onEvent({ kind: "claimDropped", transaction, reason });
        }
      }
    });
  }

  #conclude({ transaction, block, gasUsed, gasCost, succeeded }: MinedTransaction): Promise<void> {
    return Promise.try(() => {
      const nonce = this.#transactions.get(transaction)?.nonce;
      this.#forget([...this.#transactions].filter(([, one]) => one.nonce === nonce).map(([hash]) => hash));
      this.#options.onEvent({ kind: "claimMined", transaction, block, gasUsed, gasCost, succeeded });
    });
  }

  #forget(transactions: readonly Hex[]): void {
    this.#options.file.dropTransactions(transactions);
    for (const transaction of transactions) this.#transactions.delete(transaction);
  }
}

/** The part of a chain that a queue asks, whatever kind of object the chain is. */
function chainPort(chain: Chain): Omit<QueueOptions["chain"], "confirmed"> {
  return {
    prepare: (signer, call, options) => chain.prepare(signer, call, options),
    broadcast: (raw) => chain.broadcast(raw),
    receipt: (hash) => chain.receipt(hash),
    nonce: (account, at) => chain.nonce(account, at),
    head: () => chain.head(),
    blockHash: (number) => chain.blockHash(number),
    gasBalance: (account) => chain.gasBalance(account),
  };
}
