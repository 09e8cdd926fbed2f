/** Waiting for something in this process that tells nobody when it happens. */
import { systemClock } from "../../src/base/clock.ts";

/** Looks once in a millisecond, and resolves with when it first saw it. */
export async function until(isSo: () => boolean, limitMs = 30_000): Promise<number> {
  const from = performance.now();
  while (!isSo()) {
    if (performance.now() - from > limitMs) throw new Error(`not so after ${limitMs} ms: ${isSo}`);
    await systemClock.sleep(1);
  }
  return performance.now();
}
