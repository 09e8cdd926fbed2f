/** Numbers and times as the viewer writes them. Money is not here: it is exact text. */
import { cell } from "./cell.ts";
import { locale } from "./language.ts";
import { keep, kept } from "./storage.ts";

/** Whether times are shown in UTC instead of the viewer's time zone. */
export const isUtc = cell(kept("utc") === "yes");

/** Shows UTC, or local times again. */
export function showUtc(next: boolean): void {
  keep("utc", next ? "yes" : null);
  isUtc.set(next);
}

/** A count with the locale's groups: `12,408`. */
export function count(value: number): string {
  return new Intl.NumberFormat(locale()).format(value);
}

/** A share of one as whole percent, with its sign on request: `+12 %`. */
export function percent(share: number, isSigned = false): string {
  return new Intl.NumberFormat(locale(), {
    style: "percent",
    maximumFractionDigits: 0,
    signDisplay: isSigned ? "exceptZero" : "auto",
  }).format(share);
}

/** Bytes in the unit that suits: `12.4 kB`. */
export function bytes(value: number): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  const at = value < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(value) / 3));
  return new Intl.NumberFormat(locale(), {
    style: "unit",
    unit: units[at] ?? "byte",
    unitDisplay: at === 0 ? "long" : "short",
    maximumFractionDigits: at === 0 ? 0 : 1,
  }).format(value / 1_000 ** at);
}

const SPANS: readonly (readonly [unit: "day" | "hour" | "minute" | "second", ms: number])[] = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1_000],
];

/** A span of time in its largest unit: `3m`; below ten seconds with a decimal. */
export function span(ms: number): string {
  const size = Math.abs(ms);
  const [unit, length] = SPANS.find(([, one]) => size >= one) ?? (["second", 1_000] as const);
  const isFine = unit === "second" && size < 10_000;
  return new Intl.NumberFormat(locale(), {
    style: "unit",
    unit,
    unitDisplay: "narrow",
    maximumFractionDigits: isFine ? 1 : 0,
  }).format(isFine ? size / length : Math.floor(size / length));
}

/** How long ago, or in how long: `3 min ago`, `in 14 min`. */
export function ago(at: number, now: number): string {
  const size = Math.abs(now - at);
  const [unit, length] = SPANS.find(([, one]) => size >= one) ?? (["second", 1_000] as const);
  const value = Math.trunc((at - now) / length);
  return new Intl.RelativeTimeFormat(locale(), { numeric: "auto", style: "short" }).format(value, unit);
}

/** `clock`: 10:22:04. `day`: with the date where it is not today's. `full`: date and time. */
export type TimeForm = "clock" | "day" | "full";

/** A time in the viewer's zone, or in UTC. */
export function timeText(at: number, form: TimeForm, now: number, inUtc: boolean): string {
  const zone = inUtc ? "UTC" : undefined;
  const clock: Intl.DateTimeFormatOptions = {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
  };
  const date: Intl.DateTimeFormatOptions = { month: "short", day: "numeric" };
  const dayOf = (when: number) =>
    new Intl.DateTimeFormat("en", { dateStyle: "short", timeZone: zone }).format(when);
  const yearOf = (when: number) =>
    new Intl.DateTimeFormat("en", { year: "numeric", timeZone: zone }).format(when);
  const isToday = dayOf(at) === dayOf(now);
  const year: Intl.DateTimeFormatOptions =
    form === "full" || yearOf(at) !== yearOf(now) ? { year: "numeric" } : {};
  const withDate = form === "full" || (form === "day" && !isToday);
  return new Intl.DateTimeFormat(locale(), {
    ...clock,
    ...(withDate ? { ...date, ...year } : {}),
    timeZone: zone,
  }).format(at);
}

/** A time in UTC as books write it: `2026-11-22 10:22:04 UTC`. */
export function utcText(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
