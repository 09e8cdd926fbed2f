/** The stretch of time that the first screen is of. A day begins at midnight of whoever looks. */
import type { OverviewQuery } from "../api/overview.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** How many days a period has, the one that is under way included, and how long a slice of its chart is. */
const LENGTHS = {
  day: { days: 1, sliceMs: HOUR_MS },
  week: { days: 7, sliceMs: 6 * HOUR_MS },
  month: { days: 30, sliceMs: DAY_MS },
} as const;

/** Most slices of a chart of everything. */
const MOST_SLICES = 60;

/** How long such a slice may be, days; the last one is doubled until they suffice. */
const SLICE_DAYS = [1, 7, 28] as const;

export type Stretch = { readonly from: number; readonly to: number };

export type Period = Stretch & {
  /** The same stretch one period earlier; null where nothing had begun. */
  readonly before: Stretch | null;
  /** Where the slices of the chart begin, the first one at `from`. */
  readonly starts: readonly number[];
};

/**
 * The period that ends now. `to` is the first moment that is not in it.
 *
 * @param offset - minutes that the viewer's clock is ahead of UTC
 * @param beganAt - when the journal began
 */
export function periodOf(
  { period, offset }: Pick<OverviewQuery, "period" | "offset">,
  now: number,
  beganAt: number,
): Period {
  const to = now + 1;
  if (period === "all") return everything(midnight(Math.min(beganAt, now), offset), to);
  const { days, sliceMs } = LENGTHS[period];
  const from = Math.max(0, midnight(now, offset) - (days - 1) * DAY_MS);
  const earlier = { from: from - days * DAY_MS, to: to - days * DAY_MS };
  const before = earlier.from >= 0 && earlier.to > beganAt ? earlier : null;
  return { from, to, before, starts: startsOf(from, to, sliceMs) };
}

/** The beginning of the day of `at` where clocks are `offset` minutes ahead of UTC, 0 at the least. */
function midnight(at: number, offset: number): number {
  const local = at + offset * 60_000;
  return Math.max(0, local - (((local % DAY_MS) + DAY_MS) % DAY_MS) - offset * 60_000);
}

function everything(from: number, to: number): Period {
  const days = (to - from) / DAY_MS;
  let length: number = SLICE_DAYS.find((one) => days / one <= MOST_SLICES) ?? SLICE_DAYS[2];
  while (days / length > MOST_SLICES) length *= 2;
  return { from, to, before: null, starts: startsOf(from, to, length * DAY_MS) };
}

function startsOf(from: number, to: number, sliceMs: number): number[] {
  return Array.from({ length: Math.ceil((to - from) / sliceMs) }, (_, index) => from + index * sliceMs);
}
