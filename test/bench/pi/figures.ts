/** A figure of the suite `pi`: of what should be small. */
import type { Figure } from "../main.ts";

type Measured = Pick<Figure, "metric" | "unit" | "value" | "peer" | "peerValue">;

/** The ratio is the peer's over ours; `most`, if any, is the most that the value may be. */
export function small(measured: Measured, most: number | null): Figure {
  const { value, peerValue } = measured;
  const ratio = value === 0 ? 0 : peerValue / value;
  const numbers = { value: digits(value), peerValue: digits(peerValue), ratio: digits(ratio) };
  return { suite: "pi", ...measured, ...numbers, goal: most, ok: most === null || value <= most };
}

function digits(value: number): number {
  return Number(value.toPrecision(4));
}
