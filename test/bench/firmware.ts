/**
 * Task firmware: what metering costs a program, how fast modules are instrumented, and what the executor adds to a task.
 *
 * Raw and metered instances take turns in one process, and a ratio is the median of the ratios in each round (see
 * `kernels/rounds.ts`); a ratio of a metered run to the raw one is below one. Where a goal is of the value itself and not
 * of the ratio, it is in the value's unit.
 */
import { instrumentingFigures } from "./firmware/instrumenting.ts";
import { meteringFigures } from "./firmware/metered.ts";
import { runningFigures } from "./firmware/running.ts";
import { PACE, QUICK } from "./kernels/rounds.ts";
import type { Figure } from "./main.ts";

/** @param quick - shows that all of it runs; what it measures means little */
export async function firmwareSuite({ quick }: { readonly quick: boolean }): Promise<Figure[]> {
  const pace = quick ? QUICK : { ...PACE, warm: 400 };
  return [
    ...(await meteringFigures(pace, quick ? 1 : 5)),
    ...(await instrumentingFigures(pace, quick ? 1 : 5)),
    ...(await runningFigures(quick ? 1 : 10)),
  ];
}
