/** What a robot that is done must not leave behind: timers and listeners. */
import { getEventListeners } from "node:events";
import { type Clock, systemClock } from "../../../src/base/clock.ts";

/** The machine's clock, and how many timers of it are pending. */
export class CountingClock implements Clock {
  pending = 0;
  now = systemClock.now;

  after = (ms: number, then: () => void) => {
    this.pending++;
    let isOver = false;
    const over = () => {
      if (!isOver) this.pending--;
      isOver = true;
    };
    const cancel = systemClock.after(ms, () => {
      over();
      then();
    });
    return () => {
      over();
      cancel();
    };
  };

  sleep = (ms: number, signal?: AbortSignal) => {
    this.pending++;
    return systemClock.sleep(ms, signal).finally(() => {
      this.pending--;
    });
  };
}

/** How many wait for this signal. */
export const listeners = (signal: AbortSignal) => getEventListeners(signal, "abort").length;
