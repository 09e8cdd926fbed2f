/** Whether this process could answer others while something goes on beside it. */

/** Milliseconds between two looks. */
const EVERY = 4;

export type Watched<T> = {
  readonly result: T;
  /** The longest that this thread worked without coming back to its event loop, milliseconds of processor time. */
  readonly busy: number;
  /** Looks that were late by more than 50 ms on the clock, of all. */
  readonly late: number;
  readonly looks: number;
};

/** Milliseconds of processor time of this thread. */
function worked(): number {
  // asking for the process brings the thread's up to date
  process.cpuUsage();
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1e3;
}

/**
 * Looks at the event loop all the time that `work` takes. Processor time tells work of this thread from time that the
 * machine gave to others.
 */
export async function watched<T>(work: () => Promise<T>): Promise<Watched<T>> {
  let [busy, late, looks] = [0, 0, 0];
  let [time, clock] = [worked(), performance.now()];
  const look = () => {
    const [nextTime, nextClock] = [worked(), performance.now()];
    busy = Math.max(busy, nextTime - time);
    if (nextClock - clock > 50 + EVERY) late++;
    looks++;
    [time, clock] = [nextTime, nextClock];
  };
  const timer = setInterval(look, EVERY);
  try {
    const result = await work();
    look();
    return { result, busy, late, looks };
  } finally {
    clearInterval(timer);
  }
}
