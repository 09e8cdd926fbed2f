/** Looks again until it is as expected. */
import { expect } from "vitest";

/** As `expect.poll`, with the patience that a browser on a busy machine needs. */
export function poll<T>(read: () => T | Promise<T>) {
  return expect.poll(read, { timeout: 15_000, interval: 25 });
}
