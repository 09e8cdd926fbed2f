/** The settlement log's filter in the address of the page, so that what is seen can be shared and gone back to. */
import type { ExportFormat, Movement, SettlementFilter } from "../../api/settlement.ts";

/** Periods that move with the clock, as the first screen has them. */
export const RUNNING_PERIODS = ["day", "week", "month"] as const;
export type RunningPeriod = (typeof RUNNING_PERIODS)[number];

/** The API's filter, and a period that is resolved when it is asked. */
export type LogFilter = { readonly [Key in keyof SettlementFilter]?: NonNullable<SettlementFilter[Key]> } & {
  readonly period?: RunningPeriod;
};

export type FilterKey = keyof LogFilter;

/** In the order in which they stand in the address. */
const FILTER_KEYS = [
  "period",
  "from",
  "to",
  "kind",
  "device",
  "firmware",
  "counterparty",
  "status",
  "min",
  "text",
] as const satisfies readonly FilterKey[];

/** As the API has them; a test compares. */
export const KINDS = [
  "earned",
  "spent",
  "fee",
  "returned",
  "settled",
  "gas",
] as const satisfies readonly Movement[];

/** As the API has them; a test compares. */
export const STATUSES = ["pending", "sent", "confirmed", "final", "failed"] as const;

const DAY = 86_400_000;
const LONGEST = 128;

const readers: { readonly [Key in FilterKey]: (text: string) => LogFilter[Key] } = {
  period: (text) => RUNNING_PERIODS.find((period) => period === text),
  from: instant,
  to: instant,
  kind: (text) => KINDS.find((kind) => kind === text),
  device: words,
  firmware: words,
  counterparty: words,
  status: (text) => STATUSES.find((status) => status === text),
  min: (text) => (/^\d{1,20}(\.\d{1,36})?$/.test(text) ? text : undefined),
  text: words,
};

function instant(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function words(text: string): string | undefined {
  const trimmed = text.trim();
  return trimmed === "" || trimmed.length > LONGEST ? undefined : trimmed;
}

/** The filter that an address names. What it does not understand is left out: an old link still shows something. */
export function readFilter(search: URLSearchParams): LogFilter {
  const pairs = FILTER_KEYS.flatMap((key) => {
    const text = search.get(key);
    const value = text === null ? undefined : readers[key](text);
    return value === undefined ? [] : [[key, value] as const];
  });
  const filter: LogFilter = Object.fromEntries(pairs);
  // A running period is one of its own: both together would say two things.
  return filter.from === undefined && filter.to === undefined ? filter : without(filter, "period");
}

/** The address of a filter, keys always in the same order, so that equal filters have equal links. */
export function writeFilter(filter: LogFilter): URLSearchParams {
  const search = new URLSearchParams();
  for (const key of FILTER_KEYS) {
    const value = filter[key];
    if (value !== undefined) search.set(key, String(value));
  }
  return search;
}

/** A filter with one key set, or let go with `undefined`; a period and its bounds put each other out. */
export function changed<Key extends FilterKey>(
  filter: LogFilter,
  key: Key,
  value: LogFilter[Key] | undefined,
): LogFilter {
  const next = new URLSearchParams(writeFilter(filter));
  next.delete(key);
  if (key === "period") for (const bound of ["from", "to"]) next.delete(bound);
  if (value !== undefined) next.set(key, String(value));
  return readFilter(next);
}

/** A filter without one of its keys. */
export function without(filter: LogFilter, key: FilterKey): LogFilter {
  return Object.fromEntries(Object.entries(filter).filter(([name]) => name !== key));
}

/** The keys that are set, in the order of the address. */
export function keysOf(filter: LogFilter): readonly FilterKey[] {
  return FILTER_KEYS.filter((key) => filter[key] !== undefined);
}

/**
 * What the API is asked: a running period as its beginning, as the first screen has it: the midnight before `now`, and
 * six or twenty-nine days before that.
 *
 * @param now - milliseconds since 1970
 */
export function queryOf(filter: LogFilter, now: number): URLSearchParams {
  const { period, ...rest } = filter;
  return writeFilter(period === undefined ? rest : { ...rest, from: startOf(period, now) });
}

function startOf(period: RunningPeriod, now: number): number {
  const days = { day: 0, week: 6, month: 29 } as const;
  return new Date(now).setHours(0, 0, 0, 0) - days[period] * DAY;
}

/** Where the filtered log can be downloaded. */
export function exportAddress(filter: LogFilter, format: ExportFormat, now: number): string {
  const search = queryOf(filter, now);
  search.set("format", format);
  return `/api/v1/settlement-export?${search}`;
}

/** What `<input type="date">` shows of a time, in local time: `2026-11-22`. */
export function dateText(ms: number): string {
  const date = new Date(ms);
  const two = (count: number) => String(count).padStart(2, "0");
  const year = String(date.getFullYear()).padStart(4, "0");
  return `${year}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** The midnight at which a local date begins, or the one at which it ends; `undefined` for what is no date. */
export function midnightOf(text: string, end: boolean): number | undefined {
  const parts = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  if (!parts) return undefined;
  const [year, month, day] = parts.slice(1).map(Number) as [number, number, number];
  const date = new Date(year, month - 1, day + (end ? 1 : 0));
  const ms = date.getTime();
  return Number.isFinite(ms) && ms >= 0 ? ms : undefined;
}
