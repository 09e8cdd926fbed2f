/** Claims: which vouchers go to the chain, in which transactions, and what came of them. */
import type { Hex } from "../base/bytes.ts";
import { type Clock, type Instant, instant } from "../base/clock.ts";
import { Fault, isFault } from "../base/fault.ts";
import type { Amount } from "../base/money.ts";
import type { Lane } from "../payment/lane.ts";
import { claimable } from "../payment/payment.ts";
import type { Fact } from "../protocol/facts.ts";
import type { Market } from "../protocol/typed-data.ts";
import type { Alarms } from "./alarms.ts";
import type { Chain, LaneKey } from "./chain.ts";
import {
  BATCH_GAS,
  batchesOf,
  type Claimable,
  costOf,
  type GasTerms,
  type PlannedClaim,
  patienceWith,
  planClaims,
  worthOf,
} from "./claim-policy.ts";
import { knownLane, type Ledger, laneKeys, laneName } from "./ledger.ts";
import type { Look, Lookout } from "./lookout.ts";
import type { MinedTransaction, TransactionQueue } from "./queue.ts";
import { claimBatch } from "./vault-calls.ts";

export type ClaimOptions = {
  /** How long vouchers may go unclaimed, milliseconds; a quarter of their lane's window if that is less. */
  readonly settleEveryMs: number;
  /** Atomic units of the token for one native coin of 10^18 wei; null when nobody has said: only time decides. */
  readonly coinPrice: Amount | null;
  /** A lane is claimed as soon as that brings so many times what its gas costs. */
  readonly claimGain: number;
  /** Reads the token again before each claim; throws {@link Fault} `token_mismatch` when it is not what it was. */
  readonly recheckToken: () => Promise<void>;
};

export type ClaimParts = {
  readonly chain: Pick<Chain, "fees">;
  readonly market: Market;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly alarms: Alarms;
  readonly queue: TransactionQueue;
  readonly lookout: Pick<Lookout, "read">;
  readonly record: (facts: readonly Fact[]) => Promise<void>;
  /** Reads every lane anew. */
  readonly look: () => Promise<unknown>;
  /** Runs alone among looks. */
  readonly inLooks: <T>(work: () => Promise<T>) => Promise<T>;
};

/** What one claim did. */
export type Settled = { readonly transaction: Hex; readonly rows: number; readonly gasUsed: bigint };

/** What a settlement would do. `value`, `gas` and `cost` are of the rows that have a reason. */
export type ClaimPlan = GasTerms & {
  readonly rows: readonly PlannedClaim[];
  readonly value: bigint;
  readonly gas: bigint;
  readonly cost: bigint | null;
};

export class Claims {
  readonly #options: ClaimOptions;
  readonly #parts: ClaimParts;
  /** Since when each lane has had something to claim. */
  #waiting: ReadonlyMap<string, Instant> = new Map();
  #hasLooked: boolean = false;
  /** Lanes that the chain has closed and of which the journal has yet to learn how: their vouchers are void. */
  #ended: ReadonlySet<string> = new Set();
  /** How lanes stood whose voucher the chain does not pay although a claim of it went through. */
  readonly #unpaid = new Map<string, string>();

  constructor(options: ClaimOptions, parts: ClaimParts) {
    this.#options = options;
    this.#parts = parts;
  }

  /** Takes note of what waits; called after each look. */
  note(look: Look): void {
    const { ledger, clock, market } = this.#parts;
    const ended = look.lanes.filter(({ key, counted }) => {
      return counted.epoch > knownLane(ledger, market, key).epoch;
    });
    this.#ended = new Set(ended.map(({ key }) => laneName(key)));
    const now = clock.now();
    // What a start finds may have waited since the last claim.
    const since = this.#hasLooked ? now : ledger.claimedAt() || now;
    const names = claimable(ledger.payment).map(laneName);
    this.#waiting = new Map(names.map((name) => [name, this.#waiting.get(name) ?? instant(since)]));
    this.#hasLooked = true;
  }

  /**
   * When a lane is claimed at the latest, if that is worth its gas by then; null while it has nothing to claim, and while
   * nothing is claimed at all.
   */
  claimBy(lane: Lane): Instant | null {
    const since = this.#waiting.get(laneName(lane));
    if (since === undefined || this.#parts.ledger.payment.stopped !== null) return null;
    return instant(since + patienceWith(lane, this.#options.settleEveryMs));
  }

  /** What {@link settle} would claim, and why; sends nothing. */
  async plan(isAsked: boolean): Promise<ClaimPlan> {
    const terms = await this.gasTerms();
    const rows = this.#planned(terms, isAsked);
    const going = rows.filter(({ reason }) => reason !== null);
    const batches = batchesOf(lanesOf(going)).length;
    const gas = going.reduce((sum, row) => sum + row.gas, BATCH_GAS * BigInt(batches));
    const value = going.reduce((sum, row) => sum + row.value, 0n);
    return { ...terms, rows, value, gas, cost: costOf(gas, terms) };
  }

  /** What gas costs in this minute. */
  async gasTerms(): Promise<GasTerms> {
    return { gasPrice: (await this.#parts.chain.fees()).maxFeePerGas, coinPrice: this.#options.coinPrice };
  }

  /** Claims what the policy says is due; everything, when the operator asks. */
  async settle(isAsked: boolean): Promise<Settled[]> {
    if (claimable(this.#parts.ledger.payment).length === 0) return [];
    const rows = this.#planned(await this.gasTerms(), isAsked);
    return this.claim(lanesOf(rows.filter(({ reason }) => reason !== null)));
  }

  /** Claims what is due if any of it is on a lane that is closing: that must not wait for work that can. */
  async rescue(): Promise<void> {
    if (claimable(this.#parts.ledger.payment).some(({ closeAt }) => closeAt !== 0)) await this.settle(false);
  }

  /** Claims these lanes, whatever that is worth. */
  async claim(lanes: readonly Claimable[]): Promise<Settled[]> {
    if (lanes.length === 0) return [];
    await this.#options.recheckToken();
    const done: Settled[] = [];
    for (const batch of batchesOf(lanes)) done.push(...(await this.#send(batch)));
    await this.#parts.look();
    for (const lane of lanes) this.#checkPaid(lane);
    return done;
  }

  /**
   * Records that a claim is over.
   *
   * @param about - the lanes it was about; null when that is not known any more
   */
  conclude(mined: MinedTransaction, about: readonly LaneKey[] | null): Promise<void> {
    const { record, ledger, market, lookout, inLooks } = this.#parts;
    const { transaction, block, gasUsed, gasCost, succeeded } = mined;
    const cost = { transaction, block: Number(block), gasUsed, gasCost };
    return inLooks(async () => {
      if (!succeeded) return await record([{ kind: "transactionMined", ...cost, succeeded }]);
      const seen = await lookout.read((about ?? laneKeys(ledger, market)).map(keyOf));
      if (seen.block < block)
        throw new Fault("chain_unreachable", `the node is behind: it has no block ${block}`);
      // A lane that was closed meanwhile is the next look's: what its old life paid has to be found out first.
      const lanes = seen.lanes.flatMap(({ key, counted }) => {
        const isSameLife = counted.epoch === knownLane(ledger, market, key).epoch;
        return isSameLife && counted.settled > 0n ? [{ ...key, ...counted }] : [];
      });
      await record([{ kind: "claimed", ...cost, lanes }]);
    });
  }

  #planned(terms: GasTerms, isAsked: boolean): PlannedClaim[] {
    const { ledger, clock, market } = this.#parts;
    const { settleEveryMs: everyMs, claimGain } = this.#options;
    const now = clock.now();
    const isOpen = (lane: Claimable) => {
      const name = laneName(lane);
      return !this.#ended.has(name) && (isAsked || this.#unpaid.get(name) !== standingOf(lane));
    };
    return planClaims(claimable(ledger.payment).filter(isOpen), {
      ...{ ...terms, now, everyMs, claimGain, isAsked, gateway: market.gateway },
      waitingSince: (lane) => this.#waiting.get(laneName(lane)) ?? now,
    });
  }

  async #send(batch: readonly Claimable[]): Promise<Settled[]> {
    const { queue, market } = this.#parts;
    const rows = batch.map(({ newest }) => newest);
    const call = claimBatch(market.vault, market.token, rows);
    try {
      const mined = await queue.send("claim", call, rows.length, (over) => this.conclude(over, batch));
      return [{ transaction: mined.transaction, rows: rows.length, gasUsed: mined.gasUsed }];
    } catch (fault) {
      // More than a transaction can hold as the chain is today: each half may fit.
      const isRefused = isFault(fault, "transaction_failed") && fault.facts["transaction"] === undefined;
      if (!isRefused || batch.length === 1) throw fault;
      const half = Math.ceil(batch.length / 2);
      const first = await this.#send(batch.slice(0, half));
      return [...first, ...(await this.#send(batch.slice(half)))];
    }
  }

  /**
   * A voucher that a claim should have paid and has not is told, and not claimed again by itself before the lane is
   * closing: a deposit that a reorganization took away may have come back since.
   */
  #checkPaid(claimed: Claimable): void {
    const { ledger, market, alarms } = this.#parts;
    const now = knownLane(ledger, market, claimed);
    const { epoch, settled: chain } = now;
    const journal = claimed.newest.cumulative;
    if (epoch !== claimed.epoch || worthOf({ ...claimed, settled: chain }) === 0n) return;
    const name = laneName(claimed);
    this.#unpaid.set(name, standingOf({ ...now, newest: claimed.newest }));
    const words = `lane ${name}, settled: the chain has ${chain}, the journal claimed ${journal}`;
    const facts = { payer: claimed.payer, payee: claimed.payee, chain, journal };
    alarms.raise(words, new Fault("books_disagree", words, { facts }));
  }
}

function lanesOf(rows: readonly PlannedClaim[]): Claimable[] {
  return rows.map(({ lane }) => lane);
}

/** A lane's voucher, and whether the time for it runs out. */
function standingOf({ newest, epoch, closeAt }: Claimable): string {
  return [epoch, newest.cumulative, closeAt].join();
}

function keyOf({ payer, payee, token }: LaneKey): LaneKey {
  return { payer, payee, token };
}
