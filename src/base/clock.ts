/** Time, passed in: nothing else under `src/` or `devices/` reads the clock or sets a timer. */

declare const unit: unique symbol;

/** Milliseconds since 1970-01-01T00:00:00Z, an integer below 2^53. */
export type Instant = number & { readonly [unit]: "ms-since-epoch" };

export interface Clock {
  now(): Instant;
  /** Resolves after `ms`; rejects with `signal.reason` if aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `then` once after `ms`, unless the returned function is called first. */
  after(ms: number, then: () => void): () => void;
}

/** The two clocks that a machine has. */
export interface TimeSource {
  /** Milliseconds since 1970, by the clock that people and NTP set: it can go back. */
  wall(): number;
  /** Milliseconds since any moment, by the clock that nobody sets. */
  steady(): number;
}

/** Brands a count of milliseconds. */
export function instant(ms: number): Instant {
  return ms as Instant;
}

/** The machine's clock. A pending timer keeps the process alive. */
export const systemClock: Clock = {
  now: () => instant(Date.now()),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const stop = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(
        () => {
          signal?.removeEventListener("abort", stop);
          resolve();
        },
        Math.max(0, ms),
      );
      signal?.addEventListener("abort", stop, { once: true });
    }),
  after: (ms, then) => {
    const timer = setTimeout(then, Math.max(0, ms));
    return () => clearTimeout(timer);
  },
};

/** This machine's two clocks. */
export const machineTime: TimeSource = { wall: () => Date.now(), steady: () => performance.now() };
