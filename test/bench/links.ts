/**
 * Brokers under load: the guarded one beside mosquitto and a bare aedes, each in a process of its own on one core, with
 * an external load program on the other.
 *
 * Rates are medians, and a ratio is the median of the ratios in each round. Where a goal is of the value itself and not of
 * the ratio, it is in the value's unit.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { carryingFigures } from "./links/carrying.ts";
import { crowdFigures } from "./links/crowd.ts";
import { floodFigures } from "./links/flood.ts";
import { frozenFigures } from "./links/frozen.ts";
import { Load } from "./links/load.ts";
import { payingFigures } from "./links/paying.ts";
import type { Figure } from "./main.ts";

const BUILT = join(import.meta.dirname, "../../build");

/** @param quick - shows that all of it runs; what it measures means little */
export async function linksSuite({ quick }: { readonly quick: boolean }): Promise<Figure[]> {
  // on the disk, not in a memory that some machines have under the folder for temporary files
  mkdirSync(BUILT, { recursive: true });
  const folder = mkdtempSync(join(BUILT, "bench-links-"));
  try {
    const load = new Load(folder);
    const rounds = quick ? 1 : 5;
    return [
      ...(await carryingFigures(load, folder, rounds, quick ? 0.2 : 1)),
      ...(await payingFigures(load, folder, rounds, quick ? 50 : 1_500)),
      ...(await crowdFigures(load, folder, quick ? 500 : 5_000, quick ? 0 : 14_000)),
      ...(await floodFigures(load, quick ? 1 : 3)),
      ...(await frozenFigures(load, quick ? 1 : 2, quick ? 2 : 12)),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
