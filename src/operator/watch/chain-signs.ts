/**
 * What the chain's node shows from time to time: its newest block, the gateway's coins and what gas costs. A node that
 * does not answer leaves what was known: settlement tells that it is away, and the age of the block shows it.
 */
import type { Hex } from "../../base/bytes.ts";
import type { Clock, Instant } from "../../base/clock.ts";
import { instant } from "../../base/clock.ts";
import type { Amount } from "../../base/money.ts";
import type { Chain } from "../../settlement/chain.ts";

/** How often coins and prices are read, milliseconds. */
const PURSE_EVERY_MS = 60_000;

/** For how long what blocks say of the clock is remembered, milliseconds. */
const OFFSET_MS = 600_000;

/** Blocks that are needed to say something of the clock: one alone may have been old when it was read. */
const BLOCKS = 2;

export type ChainSignOptions = {
  readonly chain: Pick<Chain, "head" | "fees" | "gasBalance" | "vaultBalance">;
  readonly clock: Clock;
  readonly account: Hex;
  readonly token: Hex;
  /** Between two looks, milliseconds: settlement's own pace. */
  readonly pollMs: number;
};

export type ChainSight = {
  readonly head: { readonly block: number; readonly time: Instant } | null;
  readonly readAt: Instant | null;
  readonly gas: bigint | null;
  readonly gasPrice: bigint | null;
  readonly vault: Amount | null;
  /**
   * How far our clock is ahead of the blocks' time, milliseconds: the least of the last ten minutes, as a block is seen
   * some time after it was made. Null before two were seen new.
   */
  readonly clockOffsetMs: number | null;
};

export class ChainSigns {
  readonly #options: ChainSignOptions;
  readonly #stop = new AbortController();
  #sight: Omit<ChainSight, "clockOffsetMs"> = {
    head: null,
    readAt: null,
    gas: null,
    gasPrice: null,
    vault: null,
  };
  #purseAt: Instant | null = null;
  #ages: readonly { readonly at: Instant; readonly age: number }[] = [];
  #looking: Promise<void> | null = null;

  constructor(options: ChainSignOptions) {
    this.#options = options;
  }

  /** Looks, and goes on looking. */
  start(): void {
    this.#looking = this.#goOn();
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#looking;
  }

  get sight(): ChainSight {
    const { clock } = this.#options;
    const recent = this.#ages.filter(({ at }) => clock.now() - at <= OFFSET_MS).map(({ age }) => age);
    return { ...this.#sight, clockOffsetMs: recent.length < BLOCKS ? null : Math.min(...recent) };
  }

  async #goOn(): Promise<void> {
    const { clock, pollMs } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.#look().catch(() => undefined);
      await clock.sleep(pollMs, signal).catch(() => undefined);
    }
  }

  async #look(): Promise<void> {
    const { chain, clock } = this.#options;
    const { number, time } = await chain.head();
    const now = clock.now();
    const before = this.#sight.head?.block ?? null;
    const head = { block: Number(number), time: instant(time * 1_000) };
    this.#sight = { ...this.#sight, head, readAt: now };
    if (before !== null && head.block > before) {
      const kept = this.#ages.filter(({ at }) => now - at <= OFFSET_MS);
      this.#ages = [...kept, { at: now, age: now - head.time }];
    }
    if (this.#purseAt !== null && now - this.#purseAt < PURSE_EVERY_MS) return;
    await this.#readPurse();
    this.#purseAt = now;
  }

  async #readPurse(): Promise<void> {
    const { chain, account, token } = this.#options;
    const [{ maxFeePerGas: gasPrice }, gas, vault] = await Promise.all([
      chain.fees(),
      chain.gasBalance(account),
      chain.vaultBalance(account, token),
    ]);
    this.#sight = { ...this.#sight, gasPrice, gas, vault };
  }
}
