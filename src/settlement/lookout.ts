/**
 * Keeps the gateway's picture of the chain true: every look reads all its lanes and records what has changed.
 *
 * Deposits, claims and new epochs count once they are confirmed, a close as soon as it is seen. The hash of the block
 * that was read last tells whether the chain is still the one that was read.
 */
import type { Hex } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { Fault, isFault } from "../base/fault.ts";
import type { Fact, FactNamed } from "../protocol/facts.ts";
import type { Market } from "../protocol/typed-data.ts";
import type { Alarms } from "./alarms.ts";
import type { Chain, LaneEnd, LaneKey, LaneOnChain } from "./chain.ts";
import { journalled, knownLane, type Ledger, laneKeys, laneName } from "./ledger.ts";
import { compare, compareClosed, type Disagreement, type Finding } from "./reconciliation.ts";

/** How long a node may be behind what was read before, until it is believed that the chain has become shorter. */
const BEHIND_MS = 60_000;

export type LookoutOptions = {
  readonly chain: Pick<Chain, "lanes" | "laneEnds" | "blockHash" | "confirmed">;
  readonly market: Market;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly alarms: Alarms;
  /** No lane was closed before this block that the journal does not know of; 0 when nobody can say. */
  readonly since: bigint;
  readonly record: (facts: readonly Fact[]) => Promise<void>;
  readonly onFault: (fault: unknown) => void;
  /** Called when blocks that were read are gone. */
  readonly onReorganized: () => Promise<void>;
};

/** A lane at a look: as it counts, and as the newest block has it. */
export type SeenLane = { readonly key: LaneKey; readonly counted: LaneOnChain; readonly head: LaneOnChain };

/** What was read, at which block. */
export type Look = { readonly block: bigint; readonly hash: Hex; readonly lanes: readonly SeenLane[] };

type ObservedFact = FactNamed<"laneObserved">;

/** Calls must not overlap: an older look must not overwrite a newer one. */
export class Lookout {
  readonly #options: LookoutOptions;
  #checkpoint: { readonly number: bigint; readonly hash: Hex } | null = null;
  #behindSince: number | null = null;
  /** Since the last look that went well. */
  #isReorganized: boolean = false;
  /** Where the search for the end of a lane's old life begins: at the last look that left none to be found. */
  #endsFrom: bigint;
  readonly #searched = new Set<string>();

  constructor(options: LookoutOptions) {
    this.#options = options;
    this.#endsFrom = options.since;
  }

  /**
   * Reads every lane and records what has changed.
   *
   * @throws {@link Fault} `chain_unreachable`, also while the node is behind what it showed before
   */
  async look(): Promise<Look> {
    const { market, ledger, record } = this.#options;
    const first = await this.read(laneKeys(ledger, market));
    // After the reading: a reorganization in between must not pass unseen.
    const look = (await this.#losesCheckpoint()) ? await this.read(laneKeys(ledger, market)) : first;
    if (this.#checkpoint && look.block < this.#checkpoint.number) throw behind(this.#checkpoint.number);
    const observed: ObservedFact[][] = [];
    let isHeld = false;
    for (const { key, counted } of look.lanes) {
      const finding = await this.#explain(key, counted);
      for (const [at, step] of finding.steps.entries()) {
        observed[at] ??= [];
        observed[at].push({ kind: "laneObserved", ...key, ...step, block: Number(look.block) });
      }
      this.#tell(key, finding.disagreement);
      isHeld ||= finding.isHeld;
    }
    // One step of a lane to a record: the books square each against what the journal says before it.
    for (const facts of observed) await record(facts);
    this.#checkpoint = { number: look.block, hash: look.hash };
    this.#isReorganized = false;
    if (!isHeld) this.#endsFrom = look.block;
    return look;
  }

  /** Lanes as they count; records nothing. Throws what {@link look} throws. */
  async read(keys: readonly LaneKey[]): Promise<Look> {
    const { chain } = this.#options;
    if (keys.length === 0) {
      const { number: block, hash } = await chain.confirmed();
      return { block, hash, lanes: [] };
    }
    const { block, hash, lanes } = await chain.lanes(keys, "confirmed");
    const newest = await chain.lanes(keys, "head");
    const seen = keys.flatMap((key, at) => {
      const confirmed = lanes[at];
      const head = newest.lanes[at];
      if (!confirmed || !head) return [];
      // A lane that is closed at the head, and not yet for good, takes nothing more.
      const closeAt = head.epoch === confirmed.epoch ? head.closeAt : Math.max(1, confirmed.closeAt);
      return [{ key, counted: { ...confirmed, closeAt }, head }];
    });
    return { block, hash, lanes: seen };
  }

  async #explain(key: LaneKey, seen: LaneOnChain): Promise<Finding> {
    const { market, ledger } = this.#options;
    const known = knownLane(ledger, market, key);
    const terms = { isOurs: key.payer === market.gateway, isReorganized: this.#isReorganized };
    if (seen.epoch <= known.epoch) return compare(known, seen, terms);
    // A journal that has never seen the lane has nothing to lose in its earlier lives.
    if (!journalled(ledger, market, key)) return { steps: [seen], disagreement: null, isHeld: false };
    const recent = await this.#ends(key, this.#endsFrom);
    if (!recent) return { ...compareClosed(known, seen, [], terms), disagreement: null };
    const name = `${laneName(key)} ${known.epoch}`;
    const isThere = recent.some(({ epoch }) => epoch === known.epoch);
    if (isThere || this.#endsFrom === 0n || this.#searched.has(name))
      return compareClosed(known, seen, recent, terms);
    // Every event there ever was takes long to read on an old chain: once must do.
    this.#searched.add(name);
    return compareClosed(known, seen, (await this.#ends(key, 0n)) ?? recent, terms);
  }

  /** How a lane's lives ended; null when no node can say, which must not keep the other lanes from being seen. */
  async #ends(key: LaneKey, from: bigint): Promise<readonly LaneEnd[] | null> {
    const { chain, alarms } = this.#options;
    try {
      const ends = await chain.laneEnds(key, from);
      alarms.succeeded(`ends of ${laneName(key)}`);
      return ends;
    } catch (fault) {
      if (!isFault(fault)) throw fault;
      alarms.failed(`ends of ${laneName(key)}`, fault);
      return null;
    }
  }

  #tell(key: LaneKey, disagreement: Disagreement | null): void {
    if (!disagreement) return;
    const { of, chain, journal } = disagreement;
    const name = laneName(key);
    const words = `lane ${name}, ${of}: the chain has ${chain}, the journal ${journal}`;
    const facts = { payer: key.payer, payee: key.payee, chain, journal };
    this.#options.alarms.raise(words, new Fault("books_disagree", words, { facts }));
  }

  /** Whether the block that was read last is no longer on the chain. */
  async #losesCheckpoint(): Promise<boolean> {
    const { chain, clock, record, onFault, onReorganized } = this.#options;
    const last = this.#checkpoint;
    if (!last) return false;
    const hash = await chain.blockHash(last.number);
    if (hash === last.hash) {
      this.#behindSince = null;
      return false;
    }
    this.#behindSince ??= clock.now();
    if (hash === null && clock.now() - this.#behindSince < BEHIND_MS) throw behind(last.number);
    const is = hash ?? (await chain.confirmed()).hash;
    this.#behindSince = null;
    this.#checkpoint = null;
    this.#isReorganized = true;
    this.#endsFrom = this.#options.since;
    await record([{ kind: "chainReorganized", block: Number(last.number), was: last.hash, is }]);
    const words = `block ${last.number} was ${last.hash} and is ${is}: everything is read again`;
    onFault(new Fault("chain_reorganized", words, { facts: { block: last.number } }));
    await onReorganized();
    return true;
  }
}

function behind(block: bigint): Fault {
  return new Fault("chain_unreachable", `the chain's node is behind: it has shown block ${block} before`);
}
