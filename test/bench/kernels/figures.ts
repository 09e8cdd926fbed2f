/** What is measured, beside what it is measured against. */
import type { Figure } from "../main.ts";
import type { Contender, Times } from "./rounds.ts";

/** Of a metric: its name and unit, nanoseconds in that unit, and the goals by peer. */
export type Metric = {
  readonly metric: string;
  readonly unit: "ns" | "us" | "ms";
  readonly ours: Contender;
  readonly peers: readonly Contender[];
  /** Least ratio to a peer. One that is not named has none. */
  readonly goals: Readonly<Record<string, number>>;
};

const NANOSECONDS = { ns: 1, us: 1e3, ms: 1e6 } as const;

/** A figure for each peer: how long one operation takes. */
export function compare({ metric, unit, ours, peers, goals }: Metric, times: Times): Figure[] {
  const own = times.median(ours.name) / NANOSECONDS[unit];
  return peers.map(({ name }) =>
    figure({
      ...{ metric, unit, value: own, peer: name, peerValue: times.median(name) / NANOSECONDS[unit] },
      ...{ ratio: times.ratio(ours.name, name), goal: goals[name] ?? null },
    }),
  );
}

/** With its numbers rounded. The goal is the least ratio. */
export function figure(measured: Omit<Figure, "suite" | "ok">): Figure {
  const { value, peerValue, ratio, goal } = measured;
  const numbers = { value: rounded(value), peerValue: rounded(peerValue), ratio: rounded(ratio) };
  return { suite: "kernels", ...measured, ...numbers, ok: goal === null || ratio >= goal };
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
