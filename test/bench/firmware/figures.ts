/** What is measured of task firmware, as figures. */
import type { Figure } from "../main.ts";

type Measured = Omit<Figure, "suite" | "ok" | "goal" | "ratio"> & {
  /** `value` over `peerValue` unless told. */
  readonly ratio?: number;
};

/** The goal, if any, is the least ratio. */
export function relative(measured: Measured, goal: number | null): Figure {
  const figure = { ...rounded(measured), goal: goal === null ? null : digits(goal) };
  const ratio = measured.ratio ?? measured.value / measured.peerValue;
  return { ...figure, ok: goal === null || ratio >= goal };
}

/** The goal is of the value itself. */
export function absolute(
  measured: Measured,
  goal: { readonly least: number } | { readonly most: number },
): Figure {
  const isMet = "least" in goal ? measured.value >= goal.least : measured.value <= goal.most;
  return { ...rounded(measured), goal: "least" in goal ? goal.least : goal.most, ok: isMet };
}

function rounded({ ratio, ...measured }: Measured): Omit<Figure, "goal" | "ok"> {
  const { value, peerValue } = measured;
  return {
    ...{ suite: "firmware", ...measured, value: digits(value), peerValue: digits(peerValue) },
    ratio: digits(ratio ?? value / peerValue),
  };
}

function digits(value: number): number {
  return Number(value.toPrecision(4));
}

export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

/** What the fastest tenth takes at most: what a machine does that has nothing else to do. */
export function fast(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 10)] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
