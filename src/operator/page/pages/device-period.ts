/** The page's period as a device's sums are asked for it. */
import { useMemo } from "preact/hooks";
import { useCell } from "../cell.ts";
import { period, startOf } from "../period.ts";

/** Bounds of the header's period: everything has its beginning at 0. The end is open, so that the question stays the same. */
export function usePeriod(): { readonly from: number } {
  const chosen = useCell(period);
  return useMemo(() => ({ from: startOf(chosen, Date.now()) ?? 0 }), [chosen]);
}
