/** What is measured of the links, as figures. */
import type { Figure } from "../main.ts";

type Measured = Pick<Figure, "metric" | "unit" | "value" | "peer" | "peerValue">;

/** @param ratio - ours over the peer's where more is better; the goal, if any, is the least */
export function relative(measured: Measured, ratio: number, goal: number | null): Figure {
  return { ...rounded(measured, ratio), goal, ok: goal === null || ratio >= goal };
}

/** Of what should be small: the ratio is the peer's over ours, and the goal, if any, is the most of the value itself. */
export function smaller(measured: Measured, most: number | null): Figure {
  const ratio = measured.peerValue / measured.value;
  return { ...rounded(measured, ratio), goal: most, ok: most === null || measured.value <= most };
}

function rounded(measured: Measured, ratio: number): Omit<Figure, "goal" | "ok"> {
  const { value, peerValue } = measured;
  const numbers = { value: digits(value), peerValue: digits(peerValue), ratio: digits(ratio) };
  return { suite: "links", ...measured, ...numbers };
}

function digits(value: number): number {
  return Number(value.toPrecision(4));
}

/** The upper one of an even number. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** The median of what `ratio` says of each round. */
export function medianRatio(
  ours: readonly number[],
  theirs: readonly number[],
  ratio: (own: number, peer: number) => number,
): number {
  return median(ours.map((own, round) => ratio(own, theirs[round] ?? Number.NaN)));
}
