/**
 * The engine's baseline compiler: slower code, whose stack frames the meter's model bounds.
 *
 * The optimising compiler keeps as many values on the stack as it likes, so a program within the stack budget may
 * overflow the native stack in it, and does on one machine and not on the next, or only once it is hot.
 */
import { setFlagsFromString } from "node:v8";

const ON = ["--liftoff-only", "--no-wasm-tier-up", "--no-wasm-dynamic-tiering"];
const OFF = ["--no-liftoff-only", "--wasm-tier-up", "--wasm-dynamic-tiering"];

/** Of an empty custom section: the engine shares code, optimised too, among modules of the same bytes. */
const MARK = [0, 9, 8, ...new TextEncoder().encode("baseline")];

/** The module's bytes as others than its own, which mean the same. */
export function marked(bytes: Uint8Array): Uint8Array {
  const other = new Uint8Array(bytes.length + MARK.length);
  other.set(bytes);
  other.set(MARK, bytes.length);
  return other;
}

/** What `work` compiles, and runs for the first time, is compiled by the baseline compiler alone. */
export function inBaseline<T>(work: () => T): T {
  for (const flag of ON) setFlagsFromString(flag);
  try {
    return work();
  } finally {
    for (const flag of OFF) setFlagsFromString(flag);
  }
}
