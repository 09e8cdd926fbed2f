/** A filter as numbers: names, addresses and first digits become sets of those that the directory knows. */
import { Fault } from "../../base/fault.ts";
import { parseAmount } from "../../base/money.ts";
import type { SettlementFilter } from "../api/settlement.ts";
import { BLOCK_ROWS, type Digest, KIND } from "./block.ts";
import type { Directory, Owner } from "./directory.ts";
import type { LaneBook, LaneNumber } from "./lane-book.ts";
import type { Store } from "./store.ts";
import type { Group, Tallied } from "./tally.ts";
import type { TaskBook } from "./task-book.ts";

/** By number, 1 for what is meant. */
export type NumberSet = Uint8Array;

type Span = { readonly after: number; readonly upTo: number };

/** Whatever a text may mean. */
export type TextMatch = {
  readonly parties: NumberSet;
  readonly firmware: NumberSet;
  readonly tasks: ReadonlySet<number>;
  readonly entries: ReadonlySet<number>;
  readonly lanes: ReadonlyMap<LaneNumber, readonly Span[]>;
};

export type Filter = {
  readonly from: number;
  readonly to: number;
  /** As in the column; null for all. */
  readonly kind: number | null;
  /** Devices whose rows are in view; null for all. */
  readonly scope: NumberSet | null;
  readonly device: NumberSet | null;
  readonly counterparty: NumberSet | null;
  readonly firmware: NumberSet | null;
  readonly status: NonNullable<SettlementFilter["status"]> | null;
  /** Least amount: in the token, and of gas in native coins. */
  readonly min: { readonly token: bigint; readonly native: bigint } | null;
  readonly text: TextMatch | null;
};

export type FilterParts = {
  readonly store: Store;
  readonly directory: Directory;
  readonly lanes: LaneBook;
  readonly tasks: TaskBook;
};

/** Native coins have so many decimals on every chain that a LaneVault is on. */
export const NATIVE_DECIMALS = 18;

/** Tasks and transactions that the digits of one text may mean. */
const MOST_MEANT = 64;

/**
 * Resolves a filter within an owner's scope. What is not known there matches nothing.
 *
 * @throws {@link Fault} `usage` for a least amount that cannot be one
 */
export function resolveFilter(
  parts: FilterParts,
  query: SettlementFilter,
  owner: Owner,
  decimals: number,
): Filter {
  const { directory } = parts;
  const parties = (typed: string | undefined) =>
    typed === undefined ? null : partiesNamed(directory, typed, owner, false);
  const firmware = query.firmware === undefined ? null : firmwareNamed(directory, query.firmware, false);
  return {
    from: query.from ?? Number.NEGATIVE_INFINITY,
    to: query.to ?? Number.POSITIVE_INFINITY,
    kind: query.kind === undefined ? null : KIND[query.kind],
    scope: directory.scope(owner),
    device: parties(query.device),
    counterparty: parties(query.counterparty),
    firmware,
    status: query.status ?? null,
    min: query.min === undefined ? null : leastOf(query.min, decimals),
    text: query.text === undefined || query.text.trim() === "" ? null : textMatch(parts, query.text, owner),
  };
}

/**
 * The one column that a filter looks at besides time and kind, so that the tallies of a block within its period say all;
 * `none` where it looks at no column, and null where the rows have to be read.
 */
export function onlyColumn({
  scope,
  device,
  counterparty,
  firmware,
  min,
  text,
}: Filter): Tallied | "none" | null {
  if (min || text) return null;
  const columns: Tallied[] = [];
  if (scope || device) columns.push("device");
  if (counterparty) columns.push("counterparty");
  if (firmware) columns.push("firmware");
  return columns.length > 1 ? null : (columns[0] ?? "none");
}

/** Whether a filter takes the rows of a group of its only column. */
export function takesGroup({ kind, scope, device, counterparty, firmware }: Filter, group: Group): boolean {
  const { number } = group;
  if (kind !== null && kind !== group.kind) return false;
  if (scope !== null && (scope[number] !== 1 || !isOwners(group.kind))) return false;
  return [device, counterparty, firmware].every((set) => set === null || set[number] === 1);
}

/** Whether rows of a kind are an owner's: the gateway's part and its gas are its own business. */
export function isOwners(kind: number): boolean {
  return kind !== KIND.fee && kind !== KIND.gas;
}

/** Whether a block, by its number and what it comes to, may have a row that the filter takes. */
export function mayMatch(filter: Filter, id: number, digest: Digest): boolean {
  const { from, to, kind, min, text } = filter;
  if (digest.count === 0 || digest.maxAt < from || digest.minAt >= to) return false;
  if (kind !== null && (digest.counts[kind] ?? 0) === 0) return false;
  if (text !== null && !mayMean(text, id, digest)) return false;
  if (min === null) return true;
  return digest.most.some((most, at) => {
    return (kind === null || kind === at) && most >= (at === KIND.gas ? min.native : min.token);
  });
}

/** Whether a row of a block may be what a text means: names are anywhere, numbers where they are counted. */
function mayMean(
  { parties, firmware, tasks, entries, lanes }: TextMatch,
  id: number,
  digest: Digest,
): boolean {
  if (parties.includes(1) || firmware.includes(1)) return true;
  for (const task of tasks) if (task >= digest.minTask && task <= digest.maxTask) return true;
  for (const entry of entries) if (entry >= digest.firstEntry && entry <= digest.lastEntry) return true;
  const [first, last] = [id * BLOCK_ROWS + 1, id * BLOCK_ROWS + digest.count];
  for (const spans of lanes.values())
    if (spans.some(({ after, upTo }) => after < last && upTo >= first)) return true;
  return false;
}

function leastOf(text: string, decimals: number): { token: bigint; native: bigint } {
  const parsed = (places: number) => {
    try {
      return parseAmount(text, places);
    } catch {
      return null;
    }
  };
  const native = parsed(NATIVE_DECIMALS);
  const token = parsed(decimals);
  // more decimals than the token has: the next amount that can be is the least
  const unit = 10n ** BigInt(Math.max(0, NATIVE_DECIMALS - decimals));
  const rounded = token ?? (native === null ? null : (native + unit - 1n) / unit);
  if (rounded !== null) return { token: rounded, native: native ?? rounded };
  throw new Fault("usage", `expected an amount such as 0.25, not "${text}"`);
}

/** Accounts by name, whole or in part, or by the first digits of their address. */
function partiesNamed({ parties }: Directory, typed: string, owner: Owner, isPart: boolean): NumberSet {
  const wanted = typed.trim().toLowerCase();
  const found = new Uint8Array(parties.length + 1);
  const isAddress = /^0x[0-9a-f]+$/.test(wanted);
  for (const [at, party] of parties.entries()) {
    // a name that is not in view must not be guessed
    const name = owner === null || party.owner === owner ? party.name?.toLowerCase() : undefined;
    const isNamed = name !== undefined && (isPart ? name.includes(wanted) : name === wanted);
    if (isNamed || (isAddress && party.address.startsWith(wanted))) found[at + 1] = 1;
  }
  return found;
}

function firmwareNamed({ firmware }: Directory, typed: string, isPart: boolean): NumberSet {
  const wanted = typed.trim().toLowerCase();
  const digits = wanted.startsWith("0x") ? wanted : `0x${wanted}`;
  const isHash = /^0x[0-9a-f]{4,}$/.test(digits);
  const found = new Uint8Array(firmware.length + 1);
  for (const [at, { hash, name }] of firmware.entries()) {
    const isNamed =
      name !== null && (isPart ? name.toLowerCase().includes(wanted) : name.toLowerCase() === wanted);
    if (isNamed || (isHash && hash.startsWith(digits))) found[at + 1] = 1;
  }
  return found;
}

function textMatch({ store, directory, lanes, tasks }: FilterParts, typed: string, owner: Owner): TextMatch {
  const text = typed.trim().toLowerCase();
  const digits = text.startsWith("0x") ? text.slice(2) : text;
  const isHex = /^[0-9a-f]{4,64}$/.test(digits);
  const entries = new Set<number>();
  if (/^[1-9]\d{0,14}$/.test(text)) entries.add(Number(text));
  const spans = new Map<LaneNumber, Span[]>();
  for (const row of isHex ? txStarting(store, digits) : []) {
    if (row.done !== null) entries.add(row.done);
    for (const { lane, after, upTo } of lanes.rowsOf(row.id)) {
      spans.set(lane, [...(spans.get(lane) ?? []), { after, upTo }]);
    }
  }
  return {
    parties: partiesNamed(directory, text, owner, true),
    firmware: firmwareNamed(directory, text, true),
    tasks: new Set(isHex ? tasks.startingWith(digits, MOST_MEANT) : []),
    entries,
    lanes: spans,
  };
}

function txStarting(store: Store, digits: string): { id: number; done: number | null }[] {
  const words = "SELECT id, done FROM tx WHERE hash >= ? AND hash <= ? LIMIT ?";
  return store.all(words, `0x${digits}`, `0x${digits}g`, MOST_MEANT).map((row) => {
    return { id: Number(row["id"]), done: row["done"] === null ? null : Number(row["done"]) };
  });
}
