/**
 * Settlement: keeps the gateway's picture of the chain true, funds the lanes it pays on, claims, and closes.
 *
 * Two things go on beside each other. Looks read the chain and make facts of what it shows; they never wait for a
 * transaction, since deposits and closes must be seen while one waits for its block. Works send transactions, one
 * after the other, through the {@link TransactionQueue}. While paying is stopped nothing is sent but what is asked for.
 */
import type { Hex } from "../base/bytes.ts";
import type { Clock, Instant } from "../base/clock.ts";
import { Fault, isFault } from "../base/fault.ts";
import type { Amount } from "../base/money.ts";
import type { Lane } from "../payment/lane.ts";
import type { Fact } from "../protocol/facts.ts";
import type { Market } from "../protocol/typed-data.ts";
import { Alarms } from "./alarms.ts";
import type { Call, Chain, Signer } from "./chain.ts";
import { MAX_CLAIM_ROWS } from "./claim-batch.ts";
import { BATCH_GAS, laneGas } from "./claim-policy.ts";
import { type ClaimOptions, type ClaimPlan, Claims, type Settled } from "./claims.ts";
import type { Ledger } from "./ledger.ts";
import { type Look, Lookout } from "./lookout.ts";
import { type OwnLaneOptions, OwnLanes } from "./own-lanes.ts";
import { type MinedTransaction, type Purpose, TransactionQueue } from "./queue.ts";

export type { ClaimPlan, Settled } from "./claims.ts";

/** How long a device that is enrolled waits for its lane to be funded, milliseconds. */
const FUNDED_WITHIN_MS = 5_000;

/** The same of a start, whose devices wait already: what takes longer takes far longer. */
const STARTED_WITHIN_MS = 1_500;

/** The longest pause between looks at a chain that does not answer, milliseconds. */
const MAX_PAUSE_MS = 60_000;

/** How often gas and the size of lanes are watched, milliseconds. */
const WATCH_EVERY_MS = 60_000;

/** Looks in a row that must fail before that is told: nodes lag for a moment, and blocks are exchanged. */
const FAILED_LOOKS = 2;

/** Rounds of work that an outage may spoil before that is told; looks tell of it sooner. */
const SPOILED_ROUNDS = 3;

export type SettlementOptions = ClaimOptions &
  OwnLaneOptions & {
    readonly chain: Chain;
    readonly signer: Signer;
    readonly market: Market;
    readonly ledger: Ledger;
    readonly clock: Clock;
    readonly pollMs: number;
    /** Settlements that the coin left must pay for, or else it is told. */
    readonly gasAlarm: number;
    /** Wei per unit of gas that no transaction offers more than. */
    readonly maxFeePerGas: bigint;
    /** How long a transaction may wait for a block before it offers more, milliseconds. */
    readonly bumpAfterMs: number;
    /** Block of the journal's newest fact about a lane: no close before it is unknown. Default 0. */
    readonly since?: bigint;
    /** Makes facts durable. */
    readonly record: (facts: readonly Fact[]) => Promise<void>;
    readonly onFault: (fault: unknown) => void;
  };

export class Settlement {
  readonly #options: SettlementOptions;
  readonly #stop = new AbortController();
  readonly #alarms: Alarms;
  readonly #queue: TransactionQueue;
  readonly #lookout: Lookout;
  readonly #claims: Claims;
  readonly #lanes: OwnLanes;
  /** One look at a time: an older one must not overwrite a newer one. */
  #looks: Promise<unknown> = Promise.resolve();
  #works: Promise<unknown> = Promise.resolve();
  #working: Promise<void> | null = null;
  #polling: Promise<void> | null = null;
  #newest: Look = { block: 0n, hash: "0x", lanes: [] };
  #watchedAt: number | null = null;
  #spoiledRounds: number = 0;
  /** Works that somebody has asked for and that are not over: while there are any, the queue is not held. */
  #asked: number = 0;
  /** What goes on by itself has its turn. */
  #isInRound: boolean = false;

  constructor(options: SettlementOptions) {
    const { chain, signer, market, ledger, clock, record, onFault, pollMs } = options;
    const { bumpAfterMs, maxFeePerGas, since = 0n } = options;
    const alarms = new Alarms(onFault);
    const queue = new TransactionQueue({
      ...{ chain, signer, clock, record, onFault, bumpAfterMs, maxFeePerGas },
      ...{ transactions: ledger.transactions, lookMs: pollMs, signal: this.#stop.signal },
      isHeld: (what) => this.#isHeld(what),
      conclude: (mined) => this.#conclude(mined),
    });
    const lookout = new Lookout({
      ...{ chain, market, ledger, clock, alarms, since, record, onFault },
      onReorganized: () => queue.resend(),
    });
    const look = () => this.#look();
    const inLooks: ClaimsTurn = (work) => this.#inLooks(work);
    const common = { chain, market, ledger, clock, alarms, queue, look };
    this.#options = options;
    this.#alarms = alarms;
    this.#queue = queue;
    this.#lookout = lookout;
    this.#claims = new Claims(options, { ...common, lookout, record, inLooks });
    this.#lanes = new OwnLanes(options, { ...common, claims: this.#claims, seen: () => this.#newest });
  }

  /**
   * Looks at the chain; then, in the background, finishes what a crash left behind, funds lanes and goes on looking.
   * A chain that can be seen is all it needs: what fails later is told, and trading goes on.
   *
   * @throws {@link Fault} `chain_unreachable`
   */
  async start(): Promise<void> {
    await this.refresh(STARTED_WITHIN_MS);
    this.#polling = this.#poll();
  }

  /** Resolves when nothing is under way any more. What is journalled and not over is finished by the next start. */
  async stop(): Promise<void> {
    this.#stop.abort();
    // a look that is just over must not begin another round of work
    await this.#polling;
    await Promise.allSettled([this.#looks, this.#works, this.#working]);
  }

  /**
   * Reads every lane now, and waits a while at most for those that the gateway pays on to be funded.
   *
   * @throws {@link Fault} `chain_unreachable`
   */
  async refresh(withinMs: number = FUNDED_WITHIN_MS): Promise<void> {
    await this.#look();
    const enough = new AbortController();
    const signal = AbortSignal.any([enough.signal, this.#stop.signal]);
    const patience = this.#options.clock.sleep(withinMs, signal).catch(() => undefined);
    await Promise.race([this.#work(), patience]);
    enough.abort();
  }

  /** When a lane is claimed at the latest, see {@link Claims.claimBy}; as the newest look has found it. */
  claimBy(lane: Lane): Instant | null {
    return this.#claims.claimBy(lane);
  }

  /**
   * What a settlement would claim, and why; sends nothing.
   *
   * @param options - `force`: as if the operator asked for everything
   * @throws {@link Fault} `chain_unreachable`
   */
  async plan(options: { readonly force?: boolean } = {}): Promise<ClaimPlan> {
    await this.#look();
    return this.#claims.plan(options.force ?? false);
  }

  /**
   * Claims what the policy says is due, or everything with `force`, and tops up lanes from what that brings, unless paying
   * is stopped. Resolves when the claims are confirmed.
   *
   * @throws {@link Fault} `token_mismatch`, and whatever {@link TransactionQueue.send} throws
   */
  settle(options: { readonly force?: boolean } = {}): Promise<Settled[]> {
    return this.#whenAsked(async () => {
      await this.#queue.resume();
      await this.#look();
      const done = await this.#claims.settle(options.force ?? false);
      if (!this.#isStopped) await this.#lanes.fund();
      return done;
    });
  }

  /**
   * Opens the gateway's lane to a device.
   *
   * @param window - class of the challenge window, 0..3
   * @throws {@link Fault} `usage` when it is open already, `amount` is below the least, or there is no such window;
   *   `lane_closing`; `funds_short`; whatever {@link TransactionQueue.send} throws
   */
  openLane(device: Hex, amount: Amount, window: number): Promise<MinedTransaction> {
    return this.#whenAsked(() => this.#lanes.open(device, amount, window));
  }

  /** Adds to the gateway's lane to a device, in its window. Throws what {@link openLane} throws. */
  topUp(device: Hex, amount: Amount): Promise<MinedTransaction> {
    return this.#whenAsked(() => this.#lanes.topUp(device, amount));
  }

  /**
   * Claims for a device what it is owed, and begins to close the gateway's lane to it; what is left comes back by
   * itself when the window is over. The lane stays closed until it is opened by hand.
   *
   * @throws {@link Fault} `usage` when the lane is not open, `lane_closing` when it is closing already; whatever
   *   {@link TransactionQueue.send} throws
   */
  close(device: Hex): Promise<MinedTransaction> {
    return this.#whenAsked(() => this.#lanes.close(device));
  }

  /**
   * Sends one call of the gateway's key, in its turn.
   *
   * @throws {@link Fault} `transaction_failed` when it reverted; whatever {@link TransactionQueue.send} throws
   */
  transact(purpose: Purpose, call: Call): Promise<MinedTransaction> {
    return this.#whenAsked(async () => {
      const mined = await this.#queue.send(purpose, call, 0);
      if (mined.succeeded) return mined;
      const reason = await this.#options.chain.failure(mined.transaction);
      throw new Fault("transaction_failed", `transaction ${mined.transaction} reverted: ${reason}`);
    });
  }

  /** Claims everything and begins to close all of the gateway's own lanes, which are not funded again. */
  drain(): Promise<MinedTransaction[]> {
    return this.#whenAsked(() => this.#lanes.drain());
  }

  /** The newest block that counts as confirmed, and what stands in a later one; 0 before the first look. */
  sight(): { readonly confirmed: number; readonly mined: { transaction: Hex; block: number }[] } {
    const mined = [...this.#queue.mined].map(([transaction, block]) => ({
      transaction,
      block: Number(block),
    }));
    return { confirmed: Number(this.#newest.block), mined };
  }

  async #poll(): Promise<void> {
    const { clock, pollMs } = this.#options;
    const { signal } = this.#stop;
    let failed = 0;
    for (let pause = pollMs; !signal.aborted; ) {
      try {
        await clock.sleep(pause, signal);
        await this.#look();
        this.#alarms.succeeded("look");
        pause = pollMs;
        failed = 0;
        if (!signal.aborted) void this.#work();
      } catch (fault) {
        if (!signal.aborted && ++failed >= FAILED_LOOKS) this.#alarms.failed("look", fault);
        pause = Math.min(pause * 2, Math.max(pollMs, MAX_PAUSE_MS));
      }
    }
  }

  /** Does whatever is due, unless that is being done. Tells its faults, throws none. */
  #work(): Promise<void> {
    this.#working ??= this.#inWorks(() =>
      this.#round().finally(() => {
        this.#isInRound = false;
      }),
    )
      .then(() => {
        this.#spoiledRounds = 0;
        this.#alarms.succeeded("work");
      })
      .catch((fault: unknown) => this.#spoiled(fault))
      .finally(() => {
        this.#working = null;
      });
    return this.#working;
  }

  async #round(): Promise<void> {
    if (this.#isStopped) return await this.#watch();
    this.#isInRound = true;
    if ((await this.#queue.resume()).length > 0) await this.#look();
    await this.#watch();
    await this.#claims.settle(false);
    await this.#lanes.fund();
    await this.#lanes.finalize();
  }

  #spoiled(fault: unknown): void {
    // what a stop has kept from being sent is no trouble
    if (this.#stop.signal.aborted || this.#isStopped) return;
    if (isFault(fault, "chain_unreachable") && ++this.#spoiledRounds < SPOILED_ROUNDS) return;
    this.#alarms.failed("work", fault);
  }

  /** The operator wants nothing paid. */
  get #isStopped(): boolean {
    return this.#options.ledger.payment.stopped !== null;
  }

  #isHeld(what: "new" | "waiting"): boolean {
    return this.#isStopped && (this.#asked === 0 || (what === "new" && this.#isInRound));
  }

  /** From the call on, as what is under way by itself may be in front of it and have to be sent as well. */
  #whenAsked<T>(work: () => Promise<T>): Promise<T> {
    this.#asked++;
    return this.#inWorks(work).finally(() => {
      this.#asked--;
    });
  }

  #inWorks<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#works.then(work);
    this.#works = turn.catch(() => undefined);
    return turn;
  }

  #inLooks<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#looks.then(work);
    this.#looks = turn.catch(() => undefined);
    return turn;
  }

  #look(): Promise<Look> {
    return this.#inLooks(async () => {
      this.#newest = await this.#lookout.look();
      this.#claims.note(this.#newest);
      return this.#newest;
    });
  }

  /** What is recorded of a transaction that is over, unless its sender knows better. */
  async #conclude(mined: MinedTransaction): Promise<void> {
    if (mined.purpose === "claim") return this.#claims.conclude(mined, null);
    const { transaction, block, gasUsed, gasCost, succeeded } = mined;
    const fact = { transaction, block: Number(block), gasUsed, gasCost, succeeded };
    await this.#options.record([{ kind: "transactionMined", ...fact }]);
  }

  /** Tells when the coin left will not pay for much longer, and of lanes that are too small. */
  async #watch(): Promise<void> {
    const { chain, clock, market, gasAlarm } = this.#options;
    const now = clock.now();
    if (this.#watchedAt !== null && now - this.#watchedAt < WATCH_EVERY_MS) return;
    this.#watchedAt = now;
    const { maxFeePerGas } = await chain.fees();
    const open = this.#newest.lanes.filter(({ counted }) => counted.deposit > 0n).slice(0, MAX_CLAIM_ROWS);
    const gas = open.reduce((sum, { key }) => sum + laneGas(key, market.gateway), BATCH_GAS);
    const left = await chain.gasBalance(market.gateway);
    const price = gas * maxFeePerGas;
    const words = `${left} wei are left for gas; a settlement costs ${price} at today's price`;
    if (left >= price * BigInt(gasAlarm)) this.#alarms.clear("gas");
    else this.#alarms.raise("gas", new Fault("gas_low", words, { facts: { left, price } }));
    await this.#lanes.checkLeast();
  }
}

type ClaimsTurn = <T>(work: () => Promise<T>) => Promise<T>;
