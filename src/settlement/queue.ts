/**
 * The one writer of a key on a chain: sends transactions one after the other, each exactly once.
 *
 * A transaction is journalled before its first broadcast, so whatever happens afterwards the same bytes can be sent
 * again: a nonce takes one transaction, and what has the same nonce can have at most one effect. Only when it stands
 * in a block that counts as confirmed, and that block is still the chain's, is it over. The journal is the queue's
 * whole memory: what stands there and is not over is finished before anything new is signed.
 */
import { parseTransaction } from "viem/utils";
import type { Hex } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { Fault, isFault } from "../base/fault.ts";
import type { PendingTransaction } from "../exchange/state.ts";
import type { Fact, FactNamed } from "../protocol/facts.ts";
import type { Block, Call, Chain, Prepared, Signer } from "./chain.ts";

/** The first wait between two looks, milliseconds; it doubles up to `lookMs`. */
const FIRST_LOOK_MS = 50;

/** Looks that must find a nonce used and none of its receipts before another process gets the blame. */
const FOREIGN_LOOKS = 5;

/** Transactions that are over and kept, to send them again when a reorganization drops them. */
const KEPT = 16;

export type Purpose = PendingTransaction["purpose"];

/** A transaction in a confirmed block. */
export type MinedTransaction = {
  readonly transaction: Hex;
  readonly purpose: Purpose;
  readonly rows: number;
  readonly block: bigint;
  readonly gasUsed: bigint;
  /** Wei. */
  readonly gasCost: bigint;
  /** False when it reverted. */
  readonly succeeded: boolean;
};

/** Records that a transaction is over; whichever of a nonce's transactions it was, the others are over with it. */
export type Conclude = (mined: MinedTransaction) => Promise<void>;

export type QueueOptions = {
  readonly chain: Pick<
    Chain,
    "prepare" | "broadcast" | "receipt" | "nonce" | "head" | "confirmed" | "blockHash" | "gasBalance"
  >;
  readonly signer: Signer;
  readonly clock: Clock;
  /** Journalled and not over, in the order of the journal. */
  readonly transactions: ReadonlyMap<Hex, PendingTransaction>;
  /** Makes facts durable and applies them to `transactions` before it resolves. */
  readonly record: (facts: readonly Fact[]) => Promise<void>;
  /** What is recorded of a transaction that is over, where its sender does not say: at a restart. */
  readonly conclude: Conclude;
  readonly onFault: (fault: unknown) => void;
  /** Between two looks at a transaction that waits, at most, milliseconds. */
  readonly lookMs: number;
  /** How long a transaction may wait for a block before it is sent anew with a higher fee, milliseconds. */
  readonly bumpAfterMs: number;
  /** No transaction offers more, wei per unit of gas. */
  readonly maxFeePerGas: bigint;
  /** Ends every wait; what is journalled stays. */
  readonly signal: AbortSignal;
  /**
   * Whether anything new may not be signed now, or what waits not be handed to the chain again; what is on its way already
   * is waited for. Default: never.
   */
  readonly isHeld?: (what: "new" | "waiting") => boolean;
};

type Sent = PendingTransaction & { readonly hash: Hex };

/** What this process has seen of the nonce that it is waiting for. */
type Flight = {
  readonly nonce: number;
  /** When its newest transaction was first sent by this process. */
  since: number;
  sentAt: number | null;
  /** It was in a block at the last look. */
  isIncluded: boolean;
  isStuck: boolean;
  isBroke: boolean;
  /** The newest block when the nonce was first seen used by none of ours. */
  usedAt: Block | null;
  usedLooks: number;
  gapSince: number | null;
};

export class TransactionQueue {
  readonly #options: QueueOptions;
  #turn: Promise<unknown> = Promise.resolve();
  #over: readonly { readonly nonce: number; readonly raw: Hex }[] = [];
  readonly #mined = new Map<Hex, bigint>();

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  /**
   * Signs, journals, sends, and waits until the transaction stands in a confirmed block, however long that takes.
   *
   * Whatever an earlier call or process has left in the journal is finished first.
   *
   * @param rows - how many lanes it is about
   * @param conclude - records the outcome; default: that of the options
   * @throws {@link Fault} `transaction_failed` when the call would revert now, and with the fact `transaction` when it
   *   has reverted in its block; `transaction_stuck` when gas costs more than the cap; `key_in_use` when another process
   *   has used the nonce; `chain_unreachable`, after which the next call or {@link resume} goes on; `usage` while it is held
   */
  send(purpose: Purpose, call: Call, rows: number, conclude?: Conclude): Promise<MinedTransaction> {
    return this.#inTurn(async () => {
      await this.#finishAll();
      const { chain, signer, maxFeePerGas, signal } = this.#options;
      signal.throwIfAborted();
      this.#requireFree();
      const nonce = await this.#nextNonce();
      const prepared = await chain.prepare(signer, call, { nonce });
      this.#requireFree();
      if (prepared.maxFeePerGas > maxFeePerGas) {
        throw new Fault("transaction_stuck", `gas costs ${prepared.maxFeePerGas} wei, above ${maxFeePerGas}`);
      }
      await this.#journal(prepared, purpose, null, rows);
      const mined = await this.#finish(nonce, conclude ?? this.#options.conclude);
      if (mined.succeeded) return mined;
      const { transaction, block } = mined;
      const words = `transaction ${transaction} has reverted in block ${block}`;
      throw new Fault("transaction_failed", words, { facts: { transaction } });
    });
  }

  /**
   * Finishes what the journal says was signed and is not over.
   *
   * @throws {@link Fault} `key_in_use`, `chain_unreachable`
   */
  resume(): Promise<readonly MinedTransaction[]> {
    return this.#inTurn(() => this.#finishAll());
  }

  /**
   * Sends what this process has seen confirmed once more, where a reorganization has taken it off the chain again.
   *
   * Does not wait for its turn: what is being waited for may have to come after these.
   *
   * @throws {@link Fault} `chain_unreachable`
   */
  async resend(): Promise<void> {
    const { chain, signer } = this.#options;
    if (this.#isHeld("waiting")) return;
    const used = await chain.nonce(signer.address, "latest");
    for (const { nonce, raw } of this.#over) if (nonce >= used) await this.#offer(raw);
  }

  /** Transactions that stand in a block, by the last look, and are not over; each with its block. */
  get mined(): ReadonlyMap<Hex, bigint> {
    return this.#mined;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  #isHeld(what: "new" | "waiting"): boolean {
    return this.#options.isHeld?.(what) ?? false;
  }

  #requireFree(): void {
    if (this.#isHeld("new")) throw new Fault("usage", "nothing is sent while paying is stopped");
  }

  async #finishAll(): Promise<MinedTransaction[]> {
    const done: MinedTransaction[] = [];
    for (;;) {
      const nonces = [...this.#options.transactions.values()].map(({ nonce }) => nonce);
      if (nonces.length === 0) return done;
      done.push(await this.#finish(Math.min(...nonces), this.#options.conclude));
    }
  }

  /** Every transaction of a nonce, the newest last. */
  #group(nonce: number): Sent[] {
    const all = [...this.#options.transactions].map(([hash, sent]) => ({ ...sent, hash }));
    return all.filter((sent) => sent.nonce === nonce);
  }

  /**
   * The nonce after the last one used: never one above it, which would leave a gap if what waits were dropped.
   *
   * Transactions of this key that this queue does not know of get the time to be mined first.
   */
  async #nextNonce(): Promise<number> {
    const { chain, signer, clock, bumpAfterMs, lookMs, signal, onFault } = this.#options;
    const deadline = clock.now() + bumpAfterMs;
    for (let wait = FIRST_LOOK_MS; ; wait = Math.min(wait * 2, lookMs)) {
      const used = await chain.nonce(signer.address, "latest");
      const isBehind = this.#over.some(({ nonce }) => nonce >= used);
      const waiting = isBehind ? used : await chain.nonce(signer.address, "pending");
      if (!isBehind && waiting <= used) return used;
      if (clock.now() >= deadline) {
        this.#over = [];
        if (!isBehind) onFault(inUse(used, "an unknown transaction waits with it"));
        return used;
      }
      if (isBehind) await this.resend();
      await clock.sleep(wait, signal);
    }
  }

  async #journal(
    prepared: Prepared,
    purpose: Purpose,
    replaces: Hex | null,
    rows: number,
  ): Promise<FactNamed<"transactionPrepared">> {
    const { hash: transaction, nonce, raw, maxFeePerGas, maxPriorityFeePerGas } = prepared;
    const fees = { maxFeePerGas, maxPriorityFeePerGas };
    const kind = "transactionPrepared" as const;
    const fact = { kind, transaction, purpose, nonce, raw, ...fees, replaces, rows };
    await this.#options.record([fact]);
    return fact;
  }

  async #finish(nonce: number, conclude: Conclude): Promise<MinedTransaction> {
    const { chain, signer, clock, lookMs, signal } = this.#options;
    const flight = takeOff(nonce, clock.now());
    for (let wait = FIRST_LOOK_MS; ; wait = Math.min(wait * 2, lookMs)) {
      const group = this.#group(nonce);
      const confirmed = await chain.confirmed();
      const used = await chain.nonce(signer.address, "latest");
      const found = used > nonce ? await this.#included(group) : null;
      this.#mined.clear();
      if (found) this.#mined.set(found.mined.transaction, found.mined.block);
      if (found && found.mined.block <= confirmed.number) {
        await conclude(found.mined);
        this.#mined.clear();
        this.#over = [...this.#over.filter((kept) => kept.nonce !== nonce), { nonce, raw: found.raw }]
          .sort((a, b) => a.nonce - b.nonce)
          .slice(-KEPT);
        return found.mined;
      }
      if (found) {
        flight.isIncluded = true;
        flight.usedAt = null;
      } else if (used > nonce) {
        await this.#suspect(flight, group, confirmed);
      } else {
        await this.#push(flight, group, used);
      }
      await clock.sleep(wait, signal);
    }
  }

  /** Whichever of a nonce's transactions is in a block of the chain as it is; a receipt alone proves nothing. */
  async #included(group: readonly Sent[]): Promise<{ mined: MinedTransaction; raw: Hex } | null> {
    const { chain } = this.#options;
    for (const { hash, purpose, rows, raw } of group) {
      const receipt = await chain.receipt(hash);
      if (!receipt || (await chain.blockHash(receipt.block)) !== receipt.blockHash) continue;
      const { block, gasUsed, gasPrice, status } = receipt;
      const outcome = { block, gasUsed, gasCost: gasUsed * gasPrice, succeeded: status === "success" };
      return { mined: { transaction: hash, purpose, rows, ...outcome }, raw: raw as Hex };
    }
    return null;
  }

  /** The nonce is used and no receipt is ours: once the block that used it is confirmed, it was somebody else. */
  async #suspect(flight: Flight, group: readonly Sent[], confirmed: Block): Promise<void> {
    const { chain, record } = this.#options;
    const since = flight.usedAt;
    if (!since || (await chain.blockHash(since.number)) !== since.hash) {
      flight.usedAt = await chain.head();
      flight.usedLooks = 1;
      return;
    }
    flight.usedLooks++;
    if (flight.usedLooks < FOREIGN_LOOKS || confirmed.number < since.number) return;
    const reason = `nonce ${flight.nonce} was used by an unknown transaction`;
    await record(group.map(({ hash }) => ({ kind: "transactionDropped", transaction: hash, reason })));
    throw inUse(flight.nonce, "an unknown transaction has used it");
  }

  /** Not in a block: sent again from time to time, and for more when it has waited too long. */
  async #push(flight: Flight, group: readonly Sent[], used: number): Promise<void> {
    const { clock, bumpAfterMs } = this.#options;
    const newest = group.at(-1);
    if (!newest) throw new Fault("impossible", `nothing with nonce ${flight.nonce} is journalled`);
    flight.usedAt = null;
    if (this.#isHeld("waiting")) {
      // time that it was kept back is no reason to offer more
      flight.since = clock.now();
      return;
    }
    if (used < flight.nonce) await this.#fillGap(flight, used);
    const isDue = flight.sentAt === null || clock.now() - flight.sentAt >= bumpAfterMs / 4;
    if (flight.isIncluded) flight.since = clock.now();
    if (flight.isIncluded || isDue) await this.#broadcast(flight, newest);
    flight.isIncluded = false;
    const isLate = clock.now() - flight.since >= bumpAfterMs;
    if (isLate && !flight.isStuck && !flight.isBroke) await this.#bump(flight, newest);
  }

  async #broadcast(flight: Flight, { raw, maxFeePerGas }: Sent): Promise<void> {
    const { chain, signer, clock, onFault } = this.#options;
    const isTaken = await this.#offer(raw as Hex);
    flight.sentAt = clock.now();
    if (isTaken) {
      flight.isBroke = false;
      return;
    }
    // A higher fee helps against every refusal but this one.
    const needed = callOf(raw as Hex).gas * maxFeePerGas;
    const left = await chain.gasBalance(signer.address);
    if (left < needed && !flight.isBroke) {
      onFault(new Fault("gas_low", `a waiting transaction may cost ${needed} wei, ${left} are left`));
    }
    flight.isBroke = left < needed;
  }

  /** Hands bytes to the node; false when it refuses them. */
  async #offer(raw: Hex): Promise<boolean> {
    try {
      await this.#options.chain.broadcast(raw);
      return true;
    } catch (fault) {
      if (isFault(fault, "transaction_failed")) return false;
      throw fault;
    }
  }

  async #bump(flight: Flight, newest: Sent): Promise<void> {
    const { chain, signer, clock, maxFeePerGas, onFault } = this.#options;
    const { gas, ...call } = callOf(newest.raw as Hex);
    const replaces = { ...newest, raw: newest.raw as Hex };
    const prepared = await chain.prepare(signer, call, { replaces, gas });
    flight.since = clock.now();
    if (prepared.maxFeePerGas > maxFeePerGas) {
      flight.isStuck = true;
      const words = `transaction ${newest.hash} waits for ${newest.maxFeePerGas} wei of gas, and the cap is ${maxFeePerGas}`;
      const facts = { transaction: newest.hash, nonce: flight.nonce };
      onFault(new Fault("transaction_stuck", words, { facts }));
      return;
    }
    const { purpose, rows, hash } = newest;
    const fact = await this.#journal(prepared, purpose, hash, rows);
    await this.#broadcast(flight, { ...fact, hash: prepared.hash });
  }

  /**
   * A reorganization has taken transactions off the chain that were over. The same bytes fill their nonces; where they
   * are not known any more, and do not come back by themselves, an empty call of the key to itself does.
   */
  async #fillGap(flight: Flight, used: number): Promise<void> {
    const { chain, signer, clock, bumpAfterMs } = this.#options;
    flight.since = clock.now();
    flight.gapSince ??= clock.now();
    if (this.#over.some(({ nonce }) => nonce === used)) return this.resend();
    if (clock.now() - flight.gapSince < bumpAfterMs) return;
    const prepared = await chain.prepare(signer, { to: signer.address, data: "0x" }, { nonce: used });
    await this.#journal(prepared, "fund", null, 0);
    await this.#finish(used, this.#options.conclude);
    flight.gapSince = null;
  }
}

function takeOff(nonce: number, now: number): Flight {
  const sight = { isIncluded: false, isStuck: false, isBroke: false, usedAt: null, usedLooks: 0 };
  return { nonce, since: now, sentAt: null, gapSince: null, ...sight };
}

/** What a signed transaction calls, and its gas limit. */
function callOf(raw: Hex): Call & { readonly gas: bigint } {
  const { to, data, gas } = parseTransaction(raw);
  return { to: to ?? "0x", data: data ?? "0x", gas: gas ?? 0n };
}

function inUse(nonce: number, how: string): Fault {
  const words = `nonce ${nonce} of the gateway's key: ${how}; another process signs with this key`;
  return new Fault("key_in_use", words, { facts: { nonce } });
}
