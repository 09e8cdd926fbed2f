/**
 * Settlement: keeps the gateway's picture of the chain true, funds the lanes it pays on, and claims.
 *
 * What the chain shows becomes facts; what the gateway sends is journalled before it is broadcast, so that a crash
 * in between repeats the same bytes instead of making new ones.
 */
import type { Hex } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { isFault } from "../base/fault.ts";
import { type Amount, subtract } from "../base/money.ts";
import { type Lane, newLane, roomOf } from "../payment/lane.ts";
import { claimable, type PaymentState } from "../payment/payment.ts";
import type { Fact } from "../protocol/facts.ts";
import type { Market } from "../protocol/typed-data.ts";
import { type Chain, claimBatch, fundLanes, type LaneKey, mined, type Signer } from "./chain.ts";
import { MAX_CLAIM_ROWS } from "./claim-batch.ts";

/** How long a transaction may take to be mined, milliseconds, before the caller is told. */
const MINED_WITHIN_MS = 120_000;

/** What settlement reads of the gateway's state; it changes it only by facts. */
export type Ledger = {
  readonly payment: PaymentState;
  readonly claims: ReadonlyMap<Hex, { readonly raw: string }>;
  readonly devices: () => readonly Hex[];
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
  /** Makes facts durable. */
  readonly record: (facts: readonly Fact[]) => Promise<void>;
  readonly onFault: (fault: unknown) => void;
};

/** What one settlement did; null when no voucher was worth claiming. */
export type Settled = { readonly transaction: Hex; readonly rows: number; readonly gasUsed: bigint };

export class Settlement {
  readonly #options: SettlementOptions;
  readonly #stop = new AbortController();
  /** One thing at a time: an older look at the chain must not overwrite a newer one. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: SettlementOptions) {
    this.#options = options;
  }

  /** Looks at the chain, finishes claims that a crash left behind, funds lanes, and goes on looking. */
  async start(): Promise<void> {
    await this.#inTurn(() => this.#resume());
    await this.refresh();
    void this.#poll();
  }

  stop(): void {
    this.#stop.abort();
  }

  /** Reads every lane now and tops up those that the gateway pays on. */
  refresh(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#observe();
      if (await this.#fund()) await this.#observe();
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
    while (!this.#stop.signal.aborted) {
      try {
        await clock.sleep(pollMs, this.#stop.signal);
        await this.refresh();
      } catch (fault) {
        if (!this.#stop.signal.aborted) onFault(fault);
      }
    }
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
    const { block, lanes } = await chain.lanes(keys, "confirmed");
    const facts: Fact[] = [];
    for (const [at, key] of keys.entries()) {
      const seen = lanes[at];
      const known = this.#known(key);
      if (!seen || sameOnChain(seen, known)) continue;
      facts.push({ kind: "laneObserved", ...key, ...seen, block: Number(block) });
    }
    if (facts.length > 0) await record(facts);
  }

  #known(key: LaneKey): Lane {
    const { market, ledger } = this.#options;
    const side = key.payee === market.gateway ? ledger.payment.incoming : ledger.payment.outgoing;
    const other = key.payee === market.gateway ? key.payer : key.payee;
    return side.get(other) ?? newLane(key.payer, key.payee, key.token);
  }

  /** Tops up the lanes to devices from the gateway's vault; true when something was sent. */
  async #fund(): Promise<boolean> {
    const { chain, signer, market, ledger, clock, laneDeposit } = this.#options;
    let left: bigint = await chain.vaultBalance(market.gateway, market.token);
    const rows: { payee: Hex; amount: Amount }[] = [];
    for (const payee of ledger.devices()) {
      const lane = this.#known({ payer: market.gateway, payee, token: market.token });
      const room = roomOf(lane);
      // Half is the threshold: topping up at each payment would cost gas each time.
      if (lane.closeAt !== 0 || room * 2n >= laneDeposit) continue;
      const amount = subtract(laneDeposit, room);
      if (left < amount) continue;
      left -= amount;
      rows.push({ payee, amount });
    }
    if (rows.length === 0) return false;
    const prepared = await chain.prepare(signer, fundLanes(market.vault, market.token, rows));
    await chain.broadcast(prepared.raw);
    await mined(chain, prepared.hash, clock, { withinMs: MINED_WITHIN_MS, everyMs: 50 });
    return true;
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

  /** Sends a prepared claim (again) and records what it did. */
  async #finish(transaction: Hex, raw: Hex): Promise<bigint> {
    const { chain, clock, record } = this.#options;
    await chain.broadcast(raw);
    const { block, gasUsed, gasPrice } = await mined(chain, transaction, clock, {
      withinMs: MINED_WITHIN_MS,
      everyMs: 50,
      signal: this.#stop.signal,
    });
    const keys = this.#keys();
    let seen = await chain.lanes(keys, "confirmed");
    while (seen.block < block) {
      await clock.sleep(200, this.#stop.signal);
      seen = await chain.lanes(keys, "confirmed");
    }
    const lanes = keys.flatMap((key, at) => {
      const lane = seen.lanes[at];
      return lane && lane.settled > 0n ? [{ ...key, ...lane }] : [];
    });
    const gasCost = gasUsed * gasPrice;
    await record([{ kind: "claimed", transaction, block: Number(block), gasUsed, gasCost, lanes }]);
    return gasUsed;
  }

  /** Claims that were prepared before a crash: the same bytes once more, whether or not they were sent. */
  async #resume(): Promise<void> {
    const { ledger, record } = this.#options;
    for (const [transaction, { raw }] of [...ledger.claims]) {
      try {
        await this.#finish(transaction, raw as Hex);
      } catch (fault) {
        if (!isFault(fault, "transaction_failed")) throw fault;
        // Its nonce is used up or it reverted: it can never be mined, and claims are safe to make anew.
        await record([{ kind: "claimDropped", transaction, reason: fault.message }]);
      }
    }
  }
}

function sameOnChain(seen: Pick<Lane, "epoch" | "deposit" | "settled" | "closeAt">, known: Lane): boolean {
  return (
    seen.epoch === known.epoch &&
    seen.deposit === known.deposit &&
    seen.settled === known.settled &&
    seen.closeAt === known.closeAt
  );
}
