/** Waiting for a certain place in what goes over a cable. */
import { systemClock } from "../../../src/base/clock.ts";
import type { Direction } from "../../serial-cable/direction.ts";

/**
 * Resolves as soon as so many bytes have passed after this text, or after now when there is none; false when that took too
 * long. A text that two frames share is not seen.
 */
export async function passing(
  way: Direction,
  text: string | null,
  moreBytes: number,
  limitMs: number,
): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  let tail = "";
  let left = text === null ? moreBytes : null;
  way.watcher = (bytes) => {
    if (left === null) {
      tail = (tail + bytes.toString("latin1")).slice(-1_024);
      const at = tail.indexOf(text ?? "");
      if (at !== -1) left = moreBytes - (tail.length - at);
    } else {
      left -= bytes.length;
    }
    if (left !== null && left <= 0) resolve(true);
  };
  const cancel = systemClock.after(limitMs, () => resolve(false));
  try {
    return await promise;
  } finally {
    cancel();
    way.watcher = null;
  }
}
