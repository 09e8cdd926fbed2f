/** Reads the log through a filter, block by block, the newest first. */
import { MOVEMENTS } from "../api/settlement.ts";
import { BLOCK_ROWS, type Block, type Digest, KIND } from "./block.ts";
import { type Filter, isOwners, mayMatch, onlyColumn, type TextMatch, takesGroup } from "./filter.ts";
import { type LaneBook, laneNumber } from "./lane-book.ts";
import type { RowLog } from "./row-log.ts";
import { type Group, groupsIn } from "./tally.ts";

/** Which transactions are in a block that does not count as final yet. */
export type IsMined = (tx: number) => boolean;

export type ScanParts = { readonly rows: RowLog; readonly lanes: LaneBook; readonly isMined: IsMined };

export type Visitor = {
  /** Takes the rows of a block at these places, the oldest first; false ends the reading. */
  readonly block: (block: Block, places: Uint16Array) => boolean;
  /** Whether the rows of a block are wanted although its digest or tally says what they come to; by default not. */
  readonly wants?: (id: number, digest: Digest) => boolean;
  /** Takes a whole block by what it comes to, where the filter looks at no column; without, its tally is taken. */
  readonly digest?: (digest: Digest) => void;
  /** Takes rows of a whole block as groups of the only column that the filter looks at, or of devices. */
  readonly group?: (group: Group) => void;
};

/** Leads a visitor through all rows that the filter takes; `before` leaves out that row and every newer one. */
export function scan(
  parts: ScanParts,
  filter: Filter,
  visitor: Visitor,
  before = Number.POSITIVE_INFINITY,
): void {
  const { rows } = parts;
  const places = new Uint16Array(BLOCK_ROWS);
  const progress = new Progress(parts.lanes, filter.status);
  for (let id = rows.digests.length - 1; id >= 0; id--) {
    const digest = rows.digests[id];
    if (!digest || id * BLOCK_ROWS + 1 >= before || !mayMatch(filter, id, digest)) continue;
    const status = progress.left(id);
    if (status === "nothing") continue;
    const asked = status === filter.status ? filter : { ...filter, status };
    if ((id + 1) * BLOCK_ROWS < before && isTakenWhole(rows, asked, visitor, id, digest)) continue;
    const block = rows.block(id);
    if (!block) continue;
    const count = Math.min(block.count, before - block.sequenceAt(0));
    const found = new Matcher(parts, asked).places(block, digest, count, places);
    if (found > 0 && !visitor.block(block, places.subarray(0, found))) return;
  }
}

/** What is left of a filter's status within a block: most rows of a log are past recall. */
class Progress {
  readonly #status: Filter["status"];
  readonly #unsettled: ReturnType<LaneBook["unsettled"]>;

  constructor(lanes: LaneBook, status: Filter["status"]) {
    this.#status = status;
    this.#unsettled = lanes.unsettled();
  }

  left(id: number): Filter["status"] | "nothing" {
    if (this.#status === null) return null;
    const [first, last] = [id * BLOCK_ROWS + 1, (id + 1) * BLOCK_ROWS];
    const isVoid = this.#unsettled.voided.some(([from, to]) => from <= last && to >= first);
    if (last >= this.#unsettled.first || isVoid) return this.#status;
    return this.#status === "final" ? null : "nothing";
  }
}

function isTakenWhole(
  rows: RowLog,
  filter: Filter,
  { wants, digest: takeDigest, group: takeGroup }: Visitor,
  id: number,
  digest: Digest,
): boolean {
  const isWhole = filter.status === null && digest.minAt >= filter.from && digest.maxAt < filter.to;
  const column = isWhole ? onlyColumn(filter) : null;
  if (column === null || wants?.(id, digest) === true) return false;
  if (column === "none" && takeDigest) {
    takeDigest(digest);
    return true;
  }
  const tally = takeGroup ? rows.tally(id) : null;
  if (!takeGroup || !tally) return false;
  for (const group of groupsIn(tally, column === "none" ? "device" : column)) {
    if (takesGroup(filter, group)) takeGroup(group);
  }
  return true;
}

/** How far a row's money has come, in the words of the log. */
export type Status = "pending" | "sent" | "confirmed" | "final" | "failed";

/** The status of one row; see {@link Matcher} for many. */
export function statusOf(
  { lanes, isMined }: Pick<ScanParts, "lanes" | "isMined">,
  kind: number,
  device: number,
  sequence: number,
): Status {
  // what a claim brought and cost is told when it is over
  if (kind === KIND.settled || kind === KIND.gas) return "final";
  const lane = laneOfKind(kind, device);
  const standing = lanes.standing(lane, sequence);
  if (standing === "claimed") return "final";
  if (standing !== "sent") return standing;
  const tx = lanes.txOf(lane, sequence);
  return tx !== null && isMined(tx) ? "confirmed" : "sent";
}

/** The lane that a row's money takes: pay goes out to its device, what is spent came in from it. */
export function laneOfKind(kind: number, device: number): number {
  return laneNumber(device, kind === KIND.earned || kind === KIND.returned);
}

/** Which rows of a block a filter takes. Made for one reading: what it knows of lanes is of its beginning. */
export class Matcher {
  readonly #parts: ScanParts;
  readonly #filter: Filter;
  readonly #token: Least;
  readonly #native: Least;
  /** By device and direction: rows that are over, and rows that are in a claim. Read once for all rows. */
  readonly #ends = new Map<number, ReturnType<LaneBook["ends"]>>();

  constructor(parts: ScanParts, filter: Filter) {
    this.#parts = parts;
    this.#filter = filter;
    this.#token = leastOf(filter.min?.token ?? 0n);
    this.#native = leastOf(filter.min?.native ?? 0n);
  }

  /** Writes the places of matching rows among the first `count` and gives how many there are. */
  places(block: Block, digest: Digest, count: number, into: Uint16Array): number {
    const { from, to, kind, scope, device, counterparty, firmware, min, text, status } = this.#filter;
    // this loop goes over every row of a log, and a column that is looked at is read
    const { kind: kinds, device: devices } = block;
    const isTimed = from > digest.minAt || to <= digest.maxAt;
    const times = isTimed ? block.at : NONE;
    const others = counterparty === null ? NONE : block.counterparty;
    const programs = firmware === null ? NONE : block.firmware;
    const meant = text && wordsOf(text, block);
    const isEnough = min && amountsOf(block, this.#token, this.#native);
    let found = 0;
    for (let place = 0; place < count; place++) {
      const of = kinds[place] ?? 0;
      if (kind !== null && of !== kind) continue;
      const who = devices[place] ?? 0;
      if (device !== null && device[who] !== 1) continue;
      if (scope !== null && (scope[who] !== 1 || !isOwners(of))) continue;
      if (isTimed && !isWithin(times[place] ?? 0, from, to)) continue;
      if (counterparty !== null && counterparty[others[place] ?? 0] !== 1) continue;
      if (firmware !== null && firmware[programs[place] ?? 0] !== 1) continue;
      if (isEnough !== null && !isEnough(place, of)) continue;
      if (meant !== null && !meant(place, of, who)) continue;
      if (status !== null && this.#status(of, who, block.sequenceAt(place)) !== status) continue;
      into[found++] = place;
    }
    return found;
  }

  #status(kind: number, device: number, sequence: number): Status {
    if (kind === KIND.settled || kind === KIND.gas) return "final";
    const lane = laneOfKind(kind, device);
    let ends = this.#ends.get(lane);
    if (!ends) {
      ends = this.#parts.lanes.ends(lane);
      this.#ends.set(lane, ends);
    }
    if (sequence <= ends.overTo && !ends.hasVoid) return "final";
    if (sequence > ends.overTo && sequence > ends.sentTo) return "pending";
    return statusOf(this.#parts, kind, device, sequence);
  }
}

/** Stands for a column that is not looked at. */
const NONE = new Uint32Array(0);

function isWithin(at: number, from: number, to: number): boolean {
  return at >= from && at < to;
}

/** A least amount, and as a number where that is exact: infinite above. */
type Least = { readonly exact: bigint; readonly near: number };

function leastOf(exact: bigint): Least {
  return { exact, near: exact <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(exact) : Number.POSITIVE_INFINITY };
}

/** Whether the amount of a block's row is a least one or more. */
function amountsOf(block: Block, token: Least, native: Least): (place: number, kind: number) => boolean {
  const { low, middle, high } = block;
  return (place, kind) => {
    const { exact, near } = kind === KIND.gas ? native : token;
    const word = middle[place] ?? 0;
    // below 2^53 a number says it
    if (high[place] === 0 && word < 2 ** 21) return word * 2 ** 32 + (low[place] ?? 0) >= near;
    return block.amountAt(place) >= exact;
  };
}

/** Whether a row of a block is what a text may mean. */
function wordsOf(
  { parties, firmware, tasks, entries, lanes }: TextMatch,
  block: Block,
): (place: number, kind: number, device: number) => boolean {
  const { counterparty: others, firmware: programs } = block;
  const task = tasks.size > 0 ? block.task : NONE;
  const entry = entries.size > 0 ? block.entry : NONE;
  const hasNumbers = tasks.size + entries.size + lanes.size > 0;
  return (place, kind, device) => {
    if (parties[device] === 1 || parties[others[place] ?? 0] === 1) return true;
    if (firmware[programs[place] ?? 0] === 1) return true;
    if (!hasNumbers) return false;
    if (tasks.has(task[place] ?? -1) || entries.has(entry[place] ?? -1)) return true;
    if (lanes.size === 0 || kind === KIND.settled || kind === KIND.gas) return false;
    const sequence = block.sequenceAt(place);
    const spans = lanes.get(laneOfKind(kind, device));
    return spans?.some(({ after, upTo }) => sequence > after && sequence <= upTo) === true;
  };
}

/** Adds amounts without a bigint for each row: exact up to 2^21 rows between two looks. */
export class Sum {
  #low = 0;
  #middle = 0;
  #high = 0;
  #rows = 0;
  #total = 0n;

  add(block: Block, place: number): void {
    this.#low += block.low[place] ?? 0;
    this.#middle += block.middle[place] ?? 0;
    this.#high += block.high[place] ?? 0;
    if (++this.#rows === 2 ** 20) this.#carry();
  }

  /** Adds what up to a block of amounts comes to in each of their words. */
  addWords(low: number, middle: number, high: number): void {
    if (low + middle + high === 0) return;
    this.#total += (BigInt(high) * 2n ** 32n + BigInt(middle)) * 2n ** 32n + BigInt(low);
  }

  addTotal(sum: bigint): void {
    this.#total += sum;
  }

  total(): bigint {
    this.#carry();
    return this.#total;
  }

  #carry(): void {
    const high = BigInt(this.#high) * 2n ** 64n;
    this.#total += high + BigInt(this.#middle) * 2n ** 32n + BigInt(this.#low);
    this.#low = 0;
    this.#middle = 0;
    this.#high = 0;
    this.#rows = 0;
  }
}

/** What filtered rows come to. */
export class Sums {
  readonly #kinds = MOVEMENTS.map(() => new Sum());
  /** The plain gateway's view counts by the rows' own marks, any other by neighbours. */
  readonly #isPlain: boolean;
  readonly #countsTasks: boolean;
  #task = 0;
  rows: number = 0;
  earnedTasks: number = 0;
  spentTasks: number = 0;

  /** @param countsTasks - whether it is asked how many tasks were paid for, for which a column more is read */
  constructor(filter: Filter, countsTasks: boolean) {
    this.#countsTasks = countsTasks;
    this.#isPlain = onlyColumn(filter) === "none" && filter.status === null;
  }

  take(block: Block, places: Uint16Array): void {
    const { kind: kinds, low, middle, high } = block;
    const words = new Float64Array(3 * MOVEMENTS.length);
    this.rows += places.length;
    for (const place of places) {
      const kind = kinds[place] ?? 0;
      words[3 * kind] = (words[3 * kind] ?? 0) + (low[place] ?? 0);
      words[3 * kind + 1] = (words[3 * kind + 1] ?? 0) + (middle[place] ?? 0);
      words[3 * kind + 2] = (words[3 * kind + 2] ?? 0) + (high[place] ?? 0);
      if (kind === KIND.spent) this.spentTasks += 1;
      else if (kind === KIND.earned && this.#countsTasks && this.#isFirst(block, place))
        this.earnedTasks += 1;
    }
    for (const [kind, sum] of this.#kinds.entries()) {
      sum.addWords(words[3 * kind] ?? 0, words[3 * kind + 1] ?? 0, words[3 * kind + 2] ?? 0);
    }
  }

  /** Takes a whole block; `kind` as in the filter. */
  takeDigest(digest: Digest, kind: number | null): void {
    for (const [at, sum] of this.#kinds.entries()) {
      if (kind !== null && kind !== at) continue;
      this.rows += digest.counts[at] ?? 0;
      sum.addTotal(digest.sums[at] ?? 0n);
    }
    if (kind === null || kind === KIND.earned) this.earnedTasks += digest.earnedTasks;
    if (kind === null || kind === KIND.spent) this.spentTasks += digest.spentTasks;
  }

  /** Takes rows that came as a group; how many tasks they are of is not in it. */
  takeGroup({ kind, rows, sum }: Group): void {
    this.rows += rows;
    this.#kinds[kind]?.addTotal(sum);
  }

  of(kind: keyof typeof KIND): bigint {
    return this.#kinds[KIND[kind]]?.total() ?? 0n;
  }

  #isFirst(block: Block, place: number): boolean {
    if (this.#isPlain) return block.isMarked[place] !== 1;
    const task = block.task[place] ?? 0;
    const isFirst = task !== this.#task;
    this.#task = task;
    return isFirst;
  }
}
