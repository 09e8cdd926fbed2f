import type { TestContext } from "vitest";
import { emulationMissing } from "./emulated-node.ts";

/** Emulation that is not installed skips a test, and fails it in continuous integration. */
export function needEmulation(context: TestContext): void {
  const missing = emulationMissing();
  if (missing !== null && process.env["CI"] === "true") throw new Error(missing);
  if (missing !== null) context.skip(missing);
}
