/**
 * Settlement: keeps the gateway's picture of the chain true, funds the lanes it pays on, and claims.
 *
 * What the chain shows becomes facts; a claim is journalled before it is broadcast, so that a crash in between
 * repeats the same bytes instead of making new ones. A top-up needs no memory: the next look sees what came of it.
 */
import type { Hex } from "../base/bytes.ts";
import { type Clock, type Instant, instant } from "../base/clock.ts";
import { Fault, isFault } from "../base/fault.ts";
import { type Amount, subtract } from "../base/money.ts";
import { type Lane, newLane, observe, roomOf } from "../payment/lane.ts";
import { claimable, type PaymentState } from "../payment/payment.ts";
import type { Fact } from "../protocol/facts.ts";
import type { Market } from "../protocol/typed-data.ts";
import {
  type Chain,
  claimBatch,
  fundLanes,
  type LaneKey,
  type LaneOnChain,
  mined,
  type Signer,
} from "./chain.ts";
import { MAX_CLAIM_ROWS } from "./claim-batch.ts";

/** How long a transaction may take to be mined, milliseconds, before the caller is told. */
const MINED_WITHIN_MS = 120_000;

/** How long its block may take to be confirmed, milliseconds: 64 blocks of 12 seconds, and a little. */
const CONFIRMED_WITHIN_MS = 900_000;

/** What settlement reads of the gateway's state; it changes it only by facts. */
export type Ledger = {
  readonly payment: PaymentState;
  readonly claims: ReadonlyMap<Hex, { readonly raw: string }>;
  readonly devices: () => readonly Hex[];
  /** When the newest claim was recorded; 0 before the first. */
  readonly claimedAt: () => number;
};

export type SettlementOptions = {
  readonly chain: Chain;
  readonly signer: Signer;
  readonly market: Market;
  readonly ledger: Ledger;
  readonly clock: Clock;
  /** Room that each lane to a device is topped up to, as far as the gateway's vault goes. */
  readonly laneDeposit: Amount;
  readonly pollMs: number;
  /** How long vouchers may go unclaimed, milliseconds. */
  readonly settleEveryMs: number;
  /** Makes facts durable. */
  readonly record: (facts: readonly Fact[]) => Promise<void>;
  readonly onFault: (fault: unknown) => void;
};

/** What one claim did. */
export type Settled = { readonly transaction: Hex; readonly rows: number; readonly gasUsed: bigint };

export class Settlement {
  readonly #options: SettlementOptions;
  readonly #stop = new AbortController();
  #startedAt: Instant = instant(0);
  #isShortOfFunds: boolean = false;
  /** One thing at a time: an older look at the chain must not overwrite a newer one. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: SettlementOptions) {
    this.#options = options;
  }

  /**
   * Looks at the chain and funds lanes; then, in the background, finishes claims that a crash left behind and goes on
   * looking. A chain that can be seen is all it needs: what fails to be sent is reported, and trading goes on.
   *
   * @throws {@link Fault} `chain_unreachable`
   */
  async start(): Promise<void> {
    const { ledger, clock, onFault } = this.#options;
    await this.#inTurn(() => this.#observe());
    await this.#inTurn(() => this.#fund()).catch(onFault);
    this.#startedAt = clock.now();
    if (ledger.claims.size > 0) void this.#inTurn(() => this.#resume()).catch(onFault);
    void this.#poll();
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#turn;
  }

  /** Reads every lane now and tops up those that the gateway pays on. */
  refresh(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#observe();
      await this.#fund();
    });
  }

  /** Claims everything that is worth claiming, `MAX_CLAIM_ROWS` lanes to a transaction. */
  settle(): Promise<Settled[]> {
    return this.#inTurn(async () => {
      await this.#resume();
      const done: Settled[] = [];
      for (let lanes = claimable(this.#options.ledger.payment); lanes.length > 0; ) {
        const batch = lanes.slice(0, MAX_CLAIM_ROWS);
        done.push(await this.#claim(batch));
        const left = claimable(this.#options.ledger.payment);
        if (left.length >= lanes.length) break;
        lanes = left;
      }
      return done;
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #poll(): Promise<void> {
    const { clock, pollMs, onFault } = this.#options;
    let told: string | null = null;
    while (!this.#stop.signal.aborted) {
      try {
        await clock.sleep(pollMs, this.#stop.signal);
        await this.refresh();
        if (this.#shouldSettle()) await this.settle();
        told = null;
      } catch (fault) {
        // An outage is told at its start, not at every look.
        const sort = isFault(fault) ? fault.code : "unknown";
        if (!this.#stop.signal.aborted && sort !== told) onFault(fault);
        told = sort;
      }
    }
  }

  /** A lane that is closing has to be claimed before its window ends; all others can wait for company. */
  #shouldSettle(): boolean {
    const { clock, ledger, settleEveryMs } = this.#options;
    const lanes = claimable(ledger.payment);
    if (lanes.length === 0) return false;
    const since = ledger.claimedAt() || this.#startedAt;
    return lanes.some((lane) => lane.closeAt !== 0) || clock.now() - since >= settleEveryMs;
  }

  #keys(): LaneKey[] {
    const { market, ledger } = this.#options;
    return ledger.devices().flatMap((device) => [
      { payer: device, payee: market.gateway, token: market.token },
      { payer: market.gateway, payee: device, token: market.token },
    ]);
  }

  async #observe(): Promise<void> {
    const { chain, record } = this.#options;
    const keys = this.#keys();
    if (keys.length === 0) return;
    // Gains count once they are confirmed, a close as soon as it is seen.
    const { block, lanes } = await chain.lanes(keys, "confirmed");
    const head = await chain.lanes(keys, "head");
    const facts: Fact[] = [];
    for (const [at, key] of keys.entries()) {
      const seen = lanes[at];
      const now = head.lanes[at];
      if (!seen || !now) continue;
      const closeAt = now.epoch === seen.epoch ? now.closeAt : Math.max(1, seen.closeAt);
      const lane = { ...seen, closeAt };
      if (!sameOnChain(lane, this.#known(key))) {
        facts.push({ kind: "laneObserved", ...key, ...lane, block: Number(block) });
      }
    }
    if (facts.length > 0) await record(facts);
  }

  #known(key: LaneKey): Lane {
    const { market, ledger } = this.#options;
    const side = key.payee === market.gateway ? ledger.payment.incoming : ledger.payment.outgoing;
    const other = key.payee === market.gateway ? key.payer : key.payee;
    return side.get(other) ?? newLane(key.payer, key.payee, key.token);
  }

  /** Tops up the lanes to devices from the gateway's vault. */
  async #fund(): Promise<void> {
    const { chain, signer, market, clock, onFault } = this.#options;
    const rows = await this.#topUps();
    const left = await chain.vaultBalance(market.gateway, market.token);
    const affordable = rows.filter((_, at) => sumOf(rows.slice(0, at + 1)) <= left);
    const isShort = affordable.length < rows.length;
    if (isShort && !this.#isShortOfFunds) {
      const wanted = sumOf(rows);
      onFault(new Fault("funds_short", `lanes need ${wanted} atomic units, the gateway's vault has ${left}`));
    }
    this.#isShortOfFunds = isShort;
    if (affordable.length === 0) return;
    const prepared = await chain.prepare(signer, fundLanes(market.vault, market.token, affordable));
    await chain.broadcast(prepared.raw);
    const { signal } = this.#stop;
    await mined(chain, prepared.hash, clock, { withinMs: MINED_WITHIN_MS, everyMs: 50, signal });
    await this.#observe();
  }

  /** What each lane to a device lacks, counted at the head: what is on its way must not be sent twice. */
  async #topUps(): Promise<{ payee: Hex; amount: Amount }[]> {
    const { chain, market, ledger, laneDeposit } = this.#options;
    const payees = ledger.devices();
    const keys = payees.map((payee) => ({ payer: market.gateway, payee, token: market.token }));
    if (keys.length === 0) return [];
    const { lanes } = await chain.lanes(keys, "head");
    return keys.flatMap((key, at) => {
      const seen = lanes[at];
      if (seen?.closeAt !== 0) return [];
      const room = roomOf(observe(this.#known(key), seen));
      // Half is the threshold: topping up at each payment would cost gas each time.
      return room * 2n >= laneDeposit ? [] : [{ payee: key.payee, amount: subtract(laneDeposit, room) }];
    });
  }

  async #claim(lanes: ReturnType<typeof claimable>): Promise<Settled> {
    const { chain, signer, market, record } = this.#options;
    const rows = lanes.map(({ newest }) => newest);
    const prepared = await chain.prepare(signer, claimBatch(market.vault, market.token, rows));
    const { hash, nonce, raw } = prepared;
    await record([{ kind: "claimPrepared", transaction: hash, nonce, raw, rows: rows.length }]);
    const gasUsed = await this.#finish(hash, raw);
    return { transaction: hash, rows: rows.length, gasUsed };
  }

  /**
   * Sends a prepared claim (again) and records what it did.
   *
   * One that can never be mined, because its nonce is used up or it reverts, is recorded as dropped: claims are safe
   * to make anew.
   */
  async #finish(transaction: Hex, raw: Hex): Promise<bigint> {
    const { chain, clock, record } = this.#options;
    const { signal } = this.#stop;
    try {
      await chain.broadcast(raw);
      const wait = { withinMs: MINED_WITHIN_MS, everyMs: 50, signal };
      const { block, gasUsed, gasPrice } = await mined(chain, transaction, clock, wait);
      const lanes = await this.#lanesAt(block);
      const gasCost = gasUsed * gasPrice;
      await record([{ kind: "claimed", transaction, block: Number(block), gasUsed, gasCost, lanes }]);
      return gasUsed;
    } catch (fault) {
      if (isFault(fault, "transaction_failed")) {
        await record([{ kind: "claimDropped", transaction, reason: fault.message }]);
      }
      throw fault;
    }
  }

  /** The lanes with claims on them, once the block is confirmed. */
  async #lanesAt(block: bigint): Promise<(LaneKey & LaneOnChain)[]> {
    const { chain, clock } = this.#options;
    const keys = this.#keys();
    const deadline = clock.now() + CONFIRMED_WITHIN_MS;
    let seen = await chain.lanes(keys, "confirmed");
    while (seen.block < block) {
      if (clock.now() > deadline) throw new Fault("timed_out", `block ${block} is not confirmed yet`);
      await clock.sleep(200, this.#stop.signal);
      seen = await chain.lanes(keys, "confirmed");
    }
    return keys.flatMap((key, at) => {
      const lane = seen.lanes[at];
      return lane && lane.settled > 0n ? [{ ...key, ...lane }] : [];
    });
  }

  /** Claims that were prepared before a crash: the same bytes once more, whether or not they were sent. */
  async #resume(): Promise<void> {
    for (const [transaction, { raw }] of [...this.#options.ledger.claims]) {
      try {
        await this.#finish(transaction, raw as Hex);
      } catch (fault) {
        if (!isFault(fault, "transaction_failed")) throw fault;
      }
    }
  }
}

function sumOf(rows: readonly { readonly amount: Amount }[]): bigint {
  return rows.reduce((sum, row) => sum + row.amount, 0n);
}

function sameOnChain(seen: Pick<Lane, "epoch" | "deposit" | "settled" | "closeAt">, known: Lane): boolean {
  return (
    seen.epoch === known.epoch &&
    seen.deposit === known.deposit &&
    seen.settled === known.settled &&
    seen.closeAt === known.closeAt
  );
}
