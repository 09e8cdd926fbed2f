/** Questions about the settlement log, answered from the library. */
import { formatAmount } from "../../base/money.ts";
import {
  MOVEMENTS,
  type SettlementChoices,
  type SettlementFilter,
  type SettlementPage,
  type SettlementQuery,
  type SettlementSums,
} from "../api/settlement.ts";
import { BLOCK_ROWS, type Block, type Digest, KIND } from "./block.ts";
import type { Owner } from "./directory.ts";
import { NATIVE_DECIMALS, resolveFilter } from "./filter.ts";
import { Presenter } from "./present.ts";
import type { Reader } from "./reader.ts";
import { Sum, Sums, scan } from "./scan.ts";
import type { Group } from "./tally.ts";

/** Sums of filters that are remembered while nothing changes, for the next page. */
const REMEMBERED = 64;

/** Sums of a period, with how many tasks they come from. */
export type PeriodSums = SettlementSums & { readonly earnedTasks: number; readonly spentTasks: number };

export type SliceSums = { readonly from: number; readonly earned: string; readonly spent: string };

/** What one device's rows of a period come to. */
export type DeviceSums = {
  readonly device: `0x${string}`;
  readonly earned: string;
  readonly spent: string;
  readonly returned: string;
  /** Tasks that it was paid for, or has paid for. */
  readonly tasks: number;
  /** How its parts in tasks came out that ended in the period. */
  readonly accepted: number;
  readonly rejected: number;
  readonly lost: number;
};

export class Asks {
  readonly #reader: Reader;
  readonly #now: () => number;
  /** Where a transaction can be looked up, with `{transaction}`; empty for nowhere. */
  readonly #explorer: string;
  /** By filter, owner and state of the views. */
  readonly #remembered = new Map<string, SettlementSums>();

  constructor(reader: Reader, now: () => number, explorer: string) {
    this.#reader = reader;
    this.#now = now;
    this.#explorer = explorer;
  }

  /** @throws {@link Fault} `usage` for a least amount that cannot be one */
  page(query: SettlementQuery, owner: Owner): SettlementPage {
    const { before = Number.POSITIVE_INFINITY, limit, ...asked } = query;
    const { presenter, filter, parts } = this.asked(asked, owner);
    const key = this.#keyOf(asked, owner);
    const known = this.#remembered.get(key);
    const sums = new Sums(filter, false);
    const found: SettlementPage["rows"] = [];
    let next: number | null = null;
    const block = (one: Block, places: Uint16Array) => {
      if (!known) sums.take(one, places);
      for (let at = places.length - 1; at >= 0 && next === null; at--) {
        const sequence = one.sequenceAt(places[at] ?? 0);
        if (sequence >= before) continue;
        if (found.length === limit) next = found.at(-1)?.sequence ?? null;
        else found.push(presenter.row(sequence, one.rowAt(places[at] ?? 0)));
      }
      return !known || next === null;
    };
    const visitor = {
      block,
      wants: (id: number) => next === null && id * BLOCK_ROWS + 1 < before,
      digest: (whole: Digest) => known ?? sums.takeDigest(whole, filter.kind),
      group: (group: Group) => known ?? sums.takeGroup(group),
    };
    scan(parts, filter, visitor, known ? before : undefined);
    const read = this.#reader.read();
    return { at: this.#now(), rows: found, next, sums: known ?? this.#remember(key, sums, presenter), read };
  }

  choices(owner: Owner): SettlementChoices {
    const { directory } = this.#reader.library;
    const presenter = this.presenter(owner);
    const [devices, others, used] = [new Set<number>(), new Set<number>(), new Set<number>()];
    for (const [device, other] of directory.pairs("p")) {
      if (!presenter.isOwn(device)) continue;
      devices.add(device);
      others.add(other);
    }
    for (const [device, firmware] of directory.pairs("f")) if (presenter.isOwn(device)) used.add(firmware);
    const parties = (numbers: Iterable<number>) =>
      [...numbers].flatMap((number) => presenter.party(number) ?? []).sort(byName);
    const firmware = [...used].flatMap((number) => presenter.firmware(number) ?? []).sort(byName);
    return { devices: parties(devices), counterparties: parties(others), firmware };
  }

  sums(owner: Owner, from: number, to: number): PeriodSums {
    const { presenter, filter, parts } = this.asked({ from, to }, owner);
    const sums = new Sums(filter, true);
    scan(parts, filter, {
      block: (block, places) => {
        sums.take(block, places);
        return true;
      },
      digest: (digest) => sums.takeDigest(digest, null),
    });
    const { earnedTasks, spentTasks } = sums;
    return { ...sumsText(sums, presenter), earnedTasks, spentTasks };
  }

  /** @param starts - rising; each slice ends where the next one begins, the last one at `to` */
  slices(owner: Owner, from: number, to: number, starts: readonly number[]): SliceSums[] {
    const { presenter, filter, parts } = this.asked({ from, to }, owner);
    const slices = starts.map(() => ({ earned: new Sum(), spent: new Sum() }));
    scan(parts, filter, {
      block: (block, places) => {
        for (const place of places) {
          const kind = block.kind[place];
          const slice = slices[sliceOf(starts, block.at[place] ?? 0)];
          if (kind === KIND.earned) slice?.earned.add(block, place);
          else if (kind === KIND.spent) slice?.spent.add(block, place);
        }
        return true;
      },
      // a block that lies in more than one slice
      wants: (_, { minAt, maxAt }) => sliceOf(starts, minAt) !== sliceOf(starts, maxAt),
      digest: ({ minAt, sums }) => {
        const slice = slices[sliceOf(starts, minAt)];
        slice?.earned.addTotal(sums[KIND.earned] ?? 0n);
        slice?.spent.addTotal(sums[KIND.spent] ?? 0n);
      },
    });
    return starts.map((start, at) => {
      const { earned, spent } = slices[at] ?? { earned: new Sum(), spent: new Sum() };
      return { from: start, earned: presenter.money(earned.total()), spent: presenter.money(spent.total()) };
    });
  }

  perDevice(owner: Owner, from: number, to: number): DeviceSums[] {
    const { presenter, filter, parts } = this.asked({ from, to }, owner);
    const byDevice = new Map<number, Tally>();
    const tallyOf = (device: number) => {
      const known = byDevice.get(device) ?? newTally();
      byDevice.set(device, known);
      return known;
    };
    scan(parts, filter, {
      block: (block, places) => {
        for (const place of places) {
          const kind = block.kind[place] ?? 0;
          if (!isDevices(kind)) continue;
          const tally = tallyOf(block.device[place] ?? 0);
          tally.sums[kind]?.add(block, place);
          if (kind !== KIND.returned) tally.tasks += 1;
        }
        return true;
      },
      group: ({ kind, number, rows, sum }) => {
        if (!isDevices(kind)) return;
        const tally = tallyOf(number);
        tally.sums[kind]?.addTotal(sum);
        if (kind !== KIND.returned) tally.tasks += rows;
      },
    });
    const { directory, tasks } = this.#reader.library;
    for (const { device, how, times } of tasks.runsIn(from, to)) {
      if (presenter.isOwn(device)) tallyOf(device).runs.set(how, times);
    }
    return [...byDevice].flatMap(([number, { sums, tasks: many, runs }]) => {
      const device = directory.parties[number - 1]?.address;
      const of = (kind: number) => presenter.money(sums[kind]?.total() ?? 0n);
      const money = { earned: of(KIND.earned), spent: of(KIND.spent), returned: of(KIND.returned) };
      const times = (how: string) => runs.get(how) ?? 0;
      const ends = { accepted: times("accepted"), rejected: times("rejected"), lost: times("lost") };
      return device ? [{ device, ...money, tasks: many, ...ends }] : [];
    });
  }

  /** A filter within an owner's scope, and what is needed to read through it. */
  asked(query: SettlementFilter, owner: Owner) {
    const { library } = this.#reader;
    const presenter = this.presenter(owner);
    const filter = resolveFilter(library, query, owner, presenter.decimals());
    const parts = { rows: library.rows, lanes: library.lanes, isMined: presenter.isMined };
    return { presenter, filter, parts };
  }

  presenter(owner: Owner): Presenter {
    return new Presenter(this.#reader.library, this.#reader.sight, owner, this.#explorer);
  }

  #keyOf(asked: SettlementFilter, owner: Owner): string {
    const { rows, lanes, directory } = this.#reader.library;
    const sight = this.#reader.sight?.mined ?? [];
    return JSON.stringify([asked, owner, rows.count, lanes.version, directory.version, sight]);
  }

  #remember(key: string, sums: Sums, presenter: Presenter): SettlementSums {
    const told = sumsText(sums, presenter);
    this.#remembered.set(key, told);
    const oldest = this.#remembered.keys().next().value;
    if (this.#remembered.size > REMEMBERED && oldest !== undefined) this.#remembered.delete(oldest);
    return told;
  }
}

/** Kinds of rows that are a device's own: what a claim brought is told by them already. */
function isDevices(kind: number): boolean {
  return kind === KIND.earned || kind === KIND.spent || kind === KIND.returned;
}

type Tally = { readonly sums: readonly Sum[]; tasks: number; readonly runs: Map<string, number> };

function newTally(): Tally {
  return { sums: MOVEMENTS.map(() => new Sum()), tasks: 0, runs: new Map() };
}

function sumsText(sums: Sums, presenter: Presenter): SettlementSums {
  const of = (kind: keyof typeof KIND) => presenter.money(sums.of(kind));
  return {
    rows: sums.rows,
    earned: of("earned"),
    spent: of("spent"),
    fee: of("fee"),
    returned: of("returned"),
    settled: of("settled"),
    gas: formatAmount(sums.of("gas"), NATIVE_DECIMALS),
  };
}

/** The last slice that begins at or before a time; -1 for none. */
function sliceOf(starts: readonly number[], at: number): number {
  let [low, high] = [0, starts.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? 0) <= at) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function byName(a: { name: string | null }, b: { name: string | null }): number {
  return (a.name ?? "\uffff").localeCompare(b.name ?? "\uffff", "en");
}
