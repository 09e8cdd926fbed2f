/** How good a state of the market is, for its mark. */
import type { Tone } from "../parts/state-mark.tsx";

const TONES: Readonly<Record<string, Tone>> = {
  confirmed: "good",
  final: "good",
  paid: "good",
  settled: "good",
  accepted: "good",
  "answer accepted": "good",
  "answer rejected": "bad",
  ok: "good",
  agrees: "good",
  won: "good",
  holds: "good",
  live: "good",
  open: "good",
  mined: "good",
  verified: "good",
  delivered: "good",
  silent: "warn",
  closing: "warn",
  failed: "bad",
  rejected: "bad",
  forfeited: "bad",
  disagrees: "bad",
  reverted: "bad",
  trap: "bad",
  stack: "bad",
  "bad-output": "bad",
  "out-of-fuel": "bad",
  expired: "warn",
  declined: "warn",
  unfunded: "warn",
  run_timeout: "bad",
  output_missing: "bad",
  outvoted: "bad",
  "ran too long": "bad",
  "output missing": "bad",
  "found wrong": "bad",
  "gave up": "warn",
  "accepted too late": "warn",
  accept_timeout: "warn",
};

/** Its tone; what is under way, or is not known here, is neither good nor bad. */
export function toneOf(state: string): Tone {
  return Object.hasOwn(TONES, state) ? (TONES[state] ?? "idle") : "idle";
}
