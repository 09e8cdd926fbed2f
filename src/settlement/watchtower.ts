/**
 * The watchtower: claims for payees that are not there.
 *
 * It holds vouchers and a key for gas, and no key of anybody it works for. Whenever a lane is closing on which a kept
 * voucher is worth more than the vault has settled, it claims, and goes on until the chain shows it. Every look reads
 * every lane that has a voucher, so a close needs no event to be noticed; events only tell of lanes whose voucher was
 * never brought.
 */
import { type Clock, type Instant, instant } from "../base/clock.ts";
import { Fault, isFault } from "../base/fault.ts";
import { type Amount, amount, MAX_AMOUNT, ZERO } from "../base/money.ts";
import type { Chain, LaneKey, LaneOnChain, Signer } from "./chain.ts";
import { type ClosingLane, closingLane } from "./closing-lane.ts";
import { TowerAlarms } from "./tower-alarms.ts";
import { TowerClaims } from "./tower-claims.ts";
import type { TowerEvent } from "./tower-event.ts";
import type { KeptVoucher, TowerFile } from "./tower-file.ts";
import type { LaneView, ShelfLane, Verdict, VoucherShelf } from "./voucher-shelf.ts";

/** Where vouchers come from. A failing one does not keep the others, or the watch, from their work. */
export interface VoucherSource {
  /** Brings what is new to the shelf. */
  read(): Promise<void>;
  /** What came and was no voucher at all. */
  readonly malformed?: number;
}

export type WatchtowerOptions = {
  readonly chain: Chain;
  /** Pays the gas. */
  readonly signer: Signer;
  readonly shelf: VoucherShelf;
  readonly file: TowerFile;
  readonly clock: Clock;
  /** Between two looks, milliseconds. */
  readonly pollMs: number;
  readonly sources?: readonly VoucherSource[];
  /** How long a claim may wait for a block before it is sent anew for more, milliseconds. Default 45,000. */
  readonly replaceAfterMs?: number;
  /** The most that a claim pays, wei per unit of gas. Default 500 gwei. */
  readonly maxFeePerGas?: bigint;
  /** Told when something begins to fail, not at every look. */
  readonly onFault: (fault: unknown) => void;
  readonly onEvent: (event: TowerEvent) => void;
};

/** A lane with its gains as they count, and its close as soon as it shows. */
export type WatchedLane = LaneOnChain & {
  /** The block that counts. */
  readonly block: bigint;
  readonly checkedAt: Instant;
};

/** The watch in numbers. */
export type TowerStatus = {
  /** Lanes with vouchers. */
  readonly lanes: number;
  /** Those of them that are closing with money unclaimed. */
  readonly closing: number;
  /** Lanes past a quarter of their window, and one more while the chain cannot be read. */
  readonly alarms: number;
  /** Whether a claim waits for its block. */
  readonly isClaiming: boolean;
  /** What became of the vouchers that were brought since the start. */
  readonly vouchers: Readonly<Record<Verdict | "malformed", number>>;
  /** The newest block of the newest look that has read every lane; 0 before. */
  readonly block: bigint;
  /** When that was; 0 before. */
  readonly lookedAt: Instant;
  /** What failed at the newest look: codes of faults. */
  readonly failing: readonly string[];
};

const REPLACE_AFTER_MS = 45_000;
const MAX_FEE_PER_GAS = 500_000_000_000n;

/** Lanes in one request. */
const SLICE = 4_000;

/** Blocks of events in one request: nodes refuse more. And how many requests an absence is worth. */
const EVENT_BLOCKS = 2_000n;
const EVENT_REQUESTS = 10n;

/** Blocks after which the place in the chain is written down again. */
const PLACE_EVERY = 100n;

/** The chain as a source: up to which block the ends of lanes have been told. */
const CHAIN = "chain";

/** Gas of a claim of one lane, and of each further one, as the tests of the vault measure it, rounded up. */
const FIRST_ROW_GAS = 41_000n;
const ROW_GAS = 19_000n;

export class Watchtower {
  readonly #options: WatchtowerOptions;
  readonly #claims: TowerClaims;
  readonly #alarms: TowerAlarms;
  readonly #stop = new AbortController();
  /** One look at a time. */
  #turn: Promise<void> = Promise.resolve();
  #watching: Promise<void> = Promise.resolve();
  readonly #startedAt: Instant;
  #lookedAt: Instant = instant(0);
  #block = 0n;
  /** The newest block's timestamp, unix seconds. */
  #chainTime = 0;
  /** The first block whose events have not been heard; null before the first look. */
  #unheard: bigint | null = null;
  #failing: readonly string[] = [];
  /** Lanes and epochs that were in danger and are not settled for good. */
  readonly #unsaved = new Set<string>();
  /** When a lane was claimed of which the head shows no danger: once a quarter of its window is enough. */
  readonly #tried = new Map<string, Instant>();
  #gasIsLow = false;

  /** @throws {@link Fault} `file_format`, `disk_failed` */
  constructor(options: WatchtowerOptions) {
    this.#options = options;
    this.#startedAt = options.clock.now();
    this.#alarms = new TowerAlarms(options);
    this.#claims = new TowerClaims({
      ...options,
      signal: this.#stop.signal,
      replaceAfterMs: options.replaceAfterMs ?? REPLACE_AFTER_MS,
      maxFeePerGas: options.maxFeePerGas ?? MAX_FEE_PER_GAS,
    });
  }

  get status(): TowerStatus {
    const { shelf, sources = [] } = this.#options;
    const failing = this.#claims.failing;
    const malformed = sources.reduce((sum, source) => sum + (source.malformed ?? 0), 0);
    return {
      lanes: shelf.lanes().length,
      closing: this.#closing().length,
      alarms: this.#alarms.count,
      isClaiming: this.#claims.isBusy,
      vouchers: { ...shelf.counts, malformed },
      block: this.#block,
      lookedAt: this.#lookedAt,
      failing: failing === null ? this.#failing : [...this.#failing, failing],
    };
  }

  /** Looks now, and again every `pollMs`, until {@link stop}. */
  start(): void {
    this.#watching = this.#watch();
  }

  /** Resolves when nothing is under way any more. What is signed and not mined goes on at the next start. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#watching;
    await this.#turn;
    await this.#claims.idle();
  }

  /** One look: reads sources and chain, claims what is in danger, raises alarms. Never rejects. */
  look(): Promise<void> {
    this.#turn = this.#turn.then(() => this.#look());
    return this.#turn;
  }

  /** Resolves when no claim waits for its block. */
  idle(): Promise<void> {
    return this.#claims.idle();
  }

  /**
   * A lane as it is now, for one who wants to rely on its deposit.
   *
   * @throws {@link Fault} `chain_unreachable`
   */
  async laneView(key: LaneKey): Promise<WatchedLane> {
    const { chain, clock } = this.#options;
    const { block, lanes } = await chain.lanes([key], "confirmed");
    const [confirmed] = lanes;
    const [head] = (await chain.lanes([key], "head")).lanes;
    if (!confirmed || !head) throw new Fault("impossible", "asked for one lane and got none");
    // what is over at the head is closing where it counts: none of it may be relied on
    const closeAt = head.epoch === confirmed.epoch ? head.closeAt : Math.max(1, confirmed.closeAt);
    return { ...confirmed, closeAt, block, checkedAt: clock.now() };
  }

  async #watch(): Promise<void> {
    const { clock, pollMs } = this.#options;
    while (!this.#stop.signal.aborted) {
      await this.look();
      await clock.sleep(pollMs, this.#stop.signal).catch(() => undefined);
    }
  }

  async #look(): Promise<void> {
    const failing = new Set<string>();
    const attempt = async (work: () => Promise<void>) => {
      try {
        await work();
      } catch (fault) {
        const sort = isFault(fault) ? fault.code : "unknown";
        if (!this.#failing.includes(sort) && !failing.has(sort)) this.#options.onFault(fault);
        failing.add(sort);
      }
    };
    for (const source of this.#options.sources ?? []) await attempt(() => source.read());
    this.#claims.resume();
    await attempt(() => this.#observe());
    this.#claim();
    await attempt(() => this.#hearOfCloses());
    await attempt(() => this.#checkGas());
    this.#judge();
    this.#failing = [...failing];
  }

  #judge(): void {
    const { clock, shelf } = this.#options;
    const now = clock.now();
    this.#alarms.judge(this.#closing(), Math.max(this.#chainTime, now / 1_000));
    this.#alarms.judgeSight(shelf.lanes(), this.#lookedAt || this.#startedAt, now);
  }

  /**
   * Reads every lane that has a voucher, and forgets the vouchers that can never be claimed.
   *
   * The newest block is enough to act on; one that counts is needed to forget.
   */
  async #observe(): Promise<void> {
    const { chain, shelf, clock } = this.#options;
    const newest = await chain.head();
    const lanes = shelf.lanes();
    const over: Over[] = [];
    let counts: bigint | null = newest.number;
    let doubt: unknown = null;
    for (let at = 0; at < lanes.length; at += SLICE) {
      const slice = lanes.slice(at, at + SLICE);
      const keys = slice.map(({ key }) => key);
      const confirmed = await chain.lanes(keys, "confirmed").catch((fault: unknown) => {
        doubt = fault;
        return null;
      });
      const head = await chain.lanes(keys, "head");
      counts = confirmed && counts !== null ? lesser(confirmed.block, counts) : null;
      for (const [index, lane] of slice.entries()) {
        const now = head.lanes[index];
        if (now) over.push(...this.#see(lane, { head: now, confirmed: confirmed?.lanes[index] ?? null }));
      }
    }
    this.#block = newest.number;
    this.#chainTime = newest.time;
    this.#lookedAt = clock.now();
    await this.#reckon(over);
    if (counts !== null) this.#takePlace(counts, over.length > 0);
    if (doubt !== null) throw doubt;
  }

  #see(lane: ShelfLane, view: LaneView): Over[] {
    const { shelf, onEvent } = this.#options;
    const before = lane.seen?.head;
    const wasClosing = closingLane(lane) !== null;
    const over = shelf.see(lane.key, view);
    const closing = closingLane(lane);
    const { epoch } = view.head;
    const id = `${lane.id}/${epoch}`;
    if (closing && !wasClosing) {
      const { closeAt, unclaimed } = closing;
      this.#unsaved.add(id);
      onEvent({ kind: "laneClosing", ...lane.key, epoch, closeAt, unclaimed });
    } else if (!closing && view.confirmed && isSettled(lane, epoch, view.confirmed)) {
      const { settled } = view.confirmed;
      if (this.#unsaved.delete(id)) onEvent({ kind: "laneSaved", ...lane.key, epoch, settled });
    }
    const deposit = (of: number) => (before?.epoch === of ? before.deposit : amount(MAX_AMOUNT));
    return over.map((row) => ({ lane, row, deposit: deposit(row.voucher.epoch) }));
  }

  /** Says what came of the epochs that have ended since the last look, and drops their vouchers. */
  async #reckon(over: readonly Over[]): Promise<void> {
    const { chain, shelf, onEvent } = this.#options;
    const from = shelf.position(CHAIN);
    for (const [lane, rows] of Map.groupBy(over, (one) => one.lane)) {
      const ends = from === null ? [] : await chain.laneEnds(lane.key, BigInt(from));
      shelf.drop(rows.map(({ row }) => row));
      for (const { row, deposit } of rows) {
        const { epoch, cumulative } = row.voucher;
        this.#unsaved.delete(`${lane.id}/${epoch}`);
        const end = ends.find((one) => one.epoch === epoch);
        if (!end) continue;
        const worth = cumulative < deposit ? cumulative : deposit;
        const short = worth > end.settled ? worth - end.settled : 0n;
        onEvent({ kind: "laneClosed", ...lane.key, epoch, settled: end.settled, short });
      }
    }
  }

  #takePlace(block: bigint, isDue: boolean): void {
    const { shelf } = this.#options;
    const before = shelf.position(CHAIN);
    if (!isDue && before !== null && block < BigInt(before) + PLACE_EVERY) return;
    shelf.offer([], { own: true, position: { source: CHAIN, text: String(block) } });
  }

  /** Brings what is in danger to the vault, the lane that ends first at the head. */
  #claim(): void {
    if (this.#claims.isBusy) return;
    const now = this.#options.clock.now();
    const closing = this.#closing();
    const due = closing
      .filter(({ lane, isDoubtful, windowSeconds }) => {
        return !isDoubtful || now - (this.#tried.get(lane.id) ?? 0) >= (windowSeconds * 1_000) / 4;
      })
      .toSorted((a, b) => a.closeAt - b.closeAt);
    const ids = new Set(closing.map(({ lane }) => lane.id));
    for (const id of this.#tried.keys()) if (!ids.has(id)) this.#tried.delete(id);
    const token = due[0]?.lane.key.token;
    if (token === undefined) return;
    const rows = due.filter(({ lane }) => lane.key.token === token).slice(0, this.#claims.most);
    for (const { lane, isDoubtful } of rows) if (isDoubtful) this.#tried.set(lane.id, now);
    this.#claims.claim(
      token,
      rows.map(({ row }) => row.voucher),
    );
  }

  #closing(): ClosingLane[] {
    return this.#options.shelf.lanes().flatMap((lane) => closingLane(lane) ?? []);
  }

  /** Tells of lanes that are closing to a payee whose vouchers are kept here, and of which there is none. */
  async #hearOfCloses(): Promise<void> {
    const { chain, shelf, onEvent } = this.#options;
    const newest = this.#block;
    const reach = EVENT_REQUESTS * EVENT_BLOCKS;
    let from = this.#unheard ?? newest;
    // after a long absence the lanes themselves say all that matters
    if (newest - from > reach) from = newest - reach;
    const payees = new Set(shelf.lanes().map(({ key }) => key.payee));
    while (from <= newest) {
      const last = from + EVENT_BLOCKS - 1n < newest ? from + EVENT_BLOCKS - 1n : newest;
      for (const { payer, payee, token, closeAt } of await chain.closeRequests(from, last)) {
        const key = { payer, payee, token };
        if (payees.has(payee) && !shelf.lane(key)) onEvent({ kind: "laneUnguarded", ...key, closeAt });
      }
      from = last + 1n;
      this.#unheard = from;
    }
  }

  /** Reports once when the gas key could not pay for claiming every lane that has something to claim. */
  async #checkGas(): Promise<void> {
    const { chain, shelf, signer, onFault } = this.#options;
    const lanes = shelf.lanes().filter(({ seen }) => seen && seen.head.deposit > seen.head.settled).length;
    const { maxFeePerGas } = await chain.fees();
    const needs = (FIRST_ROW_GAS + ROW_GAS * BigInt(lanes)) * maxFeePerGas;
    const has = await chain.gasBalance(signer.address);
    if (has < needs && !this.#gasIsLow) {
      const text = `the gas key ${signer.address} has ${has} wei; claiming on every lane (${lanes}) may cost ${needs}`;
      onFault(new Fault("gas_low", text, { facts: { account: signer.address, has, needs } }));
    }
    this.#gasIsLow = has < needs;
  }
}

/** A voucher whose epoch is over, and what the lane held when it was last seen in that epoch. */
type Over = { readonly lane: ShelfLane; readonly row: KeptVoucher; readonly deposit: Amount };

/** Whether all that the epoch's voucher is worth is settled where it counts. */
function isSettled({ rows }: ShelfLane, epoch: number, confirmed: LaneOnChain): boolean {
  const { deposit, settled } = confirmed;
  const cumulative = rows.get(epoch)?.voucher.cumulative ?? ZERO;
  return epoch === confirmed.epoch && settled >= (cumulative < deposit ? cumulative : deposit);
}

function lesser(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
