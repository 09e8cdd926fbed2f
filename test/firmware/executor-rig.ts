/** What the tests of the executor share. */
import type { Executor, RunRequest, RunResult } from "../../src/firmware/executor.ts";

/** Deadlines are far above what a run takes, so that a busy machine does not fail a test. */
export const LIMITS = { fuelLimit: 10_000_000_000, wallMs: 15_000, maxOutput: 1_000_000 } as const;

/** Runs a module on an input, with limits that are not in the way but for those given. */
export function runOf(executor: Executor, input: Uint8Array) {
  return (firmware: Uint8Array, request: Partial<RunRequest> = {}): Promise<RunResult> =>
    executor.run({ firmware, input, ...LIMITS, ...request });
}
