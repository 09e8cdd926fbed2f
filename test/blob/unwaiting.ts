/** A clock that waits for nothing short: what it should wait for as long as a group of blobs does is over at once. */
import type { Clock } from "../../src/base/clock.ts";

const SHORT_MS = 100;

export function unwaiting(clock: Clock): Clock {
  return {
    now: () => clock.now(),
    sleep: (ms, signal) => clock.sleep(ms, signal),
    after: (ms, then) => {
      if (ms > SHORT_MS) return clock.after(ms, then);
      const soon = setImmediate(then);
      return () => clearImmediate(soon);
    },
  };
}
