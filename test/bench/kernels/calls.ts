/** What a call costs before the kernel does anything. */
import { crc32 } from "node:zlib";
import type { Instance } from "../../../src/kernels/instance.ts";
import type { Metric } from "./figures.ts";
import { contender } from "./rounds.ts";

const CALLS = 1_000;

/** Hashing no node at all, beside a call into Node's own machine code that has nothing to do either. */
export function calls({ exports, cells }: Instance): Metric {
  const { staging, out } = cells;
  const nothing = new Uint8Array(0);
  const kernel = () => {
    for (let left = CALLS; left > 0; left--) exports.keccakNodes(staging, out, 0);
  };
  const native = () => {
    for (let left = CALLS; left > 0; left--) crc32(nothing);
  };
  return {
    metric: "call overhead, nothing to do",
    unit: "ns",
    ours: contender("a kernel", CALLS, kernel),
    peers: [contender("node:zlib crc32", CALLS, native)],
    goals: {},
  };
}
