/** The period that the whole page is of. */
import type { OverviewQuery } from "../api/overview.ts";
import { cell } from "./cell.ts";

export const PERIODS: readonly Period[] = ["day", "week", "month", "all"];
export type Period = OverviewQuery["period"];

/** Chosen in the header; in the address of the pages that are of a period. */
export const period = cell<Period>(asPeriod(new URLSearchParams(location.search).get("period")) ?? "day");

/** A period by its name; null for anything else. */
export function asPeriod(name: string | null): Period | null {
  return PERIODS.find((one) => one === name) ?? null;
}

/** Minutes to add to UTC for the viewer's time zone. */
export function offset(at = new Date()): number {
  return -at.getTimezoneOffset();
}

const DAY = 86_400_000;

/** When a period began, in the viewer's time zone; undefined for everything. `day` began at midnight. */
export function startOf(one: Period, now: number): number | undefined {
  if (one === "all") return undefined;
  const midnight = new Date(now).setHours(0, 0, 0, 0);
  if (one === "day") return midnight;
  return midnight - (one === "week" ? 6 : 29) * DAY;
}
