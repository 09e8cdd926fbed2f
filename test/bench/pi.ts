/**
 * What a gateway asks of a Raspberry Pi: bytes on its card, memory, patience at the start, the size of the image, and
 * whether arm64 comes to the same as this machine.
 */
import type { Figure } from "./main.ts";
import { arm64Figures } from "./pi/arm64.ts";
import { imageFigures } from "./pi/image.ts";
import { memoryFigures } from "./pi/memory.ts";
import { startFigures } from "./pi/start.ts";
import { wearFigures } from "./pi/wear.ts";

/** @param quick - shows that all of it runs; what it measures means little */
export async function piSuite({ quick }: { readonly quick: boolean }): Promise<Figure[]> {
  return [
    ...(await wearFigures(quick ? 50 : 1_000)),
    ...(await memoryFigures(quick ? 50 : 1_000)),
    ...(await startFigures(quick ? 20_000 : 1_000_000)),
    ...(await imageFigures()),
    ...(await arm64Figures()),
  ];
}
