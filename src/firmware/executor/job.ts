/** What a station is given to do: one module, and one or more inputs under one deadline. */
import type { Fault } from "../../base/fault.ts";
import { BRIEF_FUEL, MAX_REASON, type Op, type ReplyHead } from "../frames.ts";

export type Job = {
  readonly op: Op;
  readonly firmware: Uint8Array;
  /** SHA-256 of the firmware, and the same as text. */
  readonly hash: Uint8Array;
  readonly key: string;
  /** Each is a request of its own. */
  readonly inputs: readonly Uint8Array[];
  /** To verify, what the input is said to give; else empty. */
  readonly output: Uint8Array;
  readonly fuelLimit: number;
  readonly maxOutput: number;
  readonly wallMs: number;
  /** The reply to the next input, and the milliseconds since the job began; false when no child of ours says that. */
  readonly take: (head: ReplyHead, body: Uint8Array, wallMs: number) => boolean;
  /** All inputs are answered, or the deadline is over. */
  readonly end: (wallMs: number) => void;
  readonly fail: (fault: Fault) => void;
};

const LARGEST_BRIEF = 64 * 1024;

/** Whether others may wait behind it: not long, unless its module is new. */
export function isBrief({ op, inputs, output, fuelLimit }: Job): boolean {
  const [first, ...more] = inputs;
  const bytes = (first?.length ?? 0) + output.length;
  return op !== "inspect" && more.length === 0 && bytes <= LARGEST_BRIEF && fuelLimit <= BRIEF_FUEL;
}

/** What is waiting goes in this order: what an offer waits for, what a payment waits for, what only may be long. */
const RANKS = { inspect: 0, verify: 1, run: 2 } as const satisfies Record<Op, number>;

/** Where in a queue, which is in the same order, the job belongs: behind those of its own kind. */
export function placeIn(queue: readonly Job[], { op }: Job): number {
  return queue.findLastIndex((each) => RANKS[each.op] <= RANKS[op]) + 1;
}

/** Whether it may keep its station for as long as its deadline allows. */
export function isLong({ op, inputs, fuelLimit }: Job): boolean {
  return op !== "inspect" && inputs.length * fuelLimit > BRIEF_FUEL;
}

/** Whether a child of ours could say this to a request of the job. */
export function isPossible(
  { op, fuelLimit, maxOutput }: Job,
  { verdict, length, valid, fuel }: ReplyHead,
): boolean {
  if (valid && (op !== "verify" || verdict !== "ok")) return false;
  if (!(Number.isSafeInteger(fuel) && fuel <= fuelLimit)) return false;
  switch (verdict) {
    case "ok":
      return op === "run" ? length <= maxOutput : length <= MAX_REASON;
    case "out-of-fuel":
      return op !== "inspect" && fuel === fuelLimit && length <= MAX_REASON;
    case "trap":
    case "stack":
    case "bad-output":
      return op !== "inspect" && length <= MAX_REASON;
    case "rejected":
    case "provider-fault":
      return fuel === 0 && length <= MAX_REASON;
    case "deadline":
      return false;
  }
}
