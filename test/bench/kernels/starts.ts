/** What it costs to start: in processes of their own, ours and the peer's turn by turn. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import type { Figure } from "../main.ts";
import { TINY } from "./curve-peers.ts";
import { figure } from "./figures.ts";
import { OURS } from "./ours.ts";

const PROGRAM = join(import.meta.dirname, "start.ts");
const MEBIBYTE = 2 ** 20;

type Start = { readonly opened: number; readonly fullSpeed: number; readonly memory: number };

/** Medians of `rounds` starts. */
export function starts(rounds: number): Figure[] {
  const [ours, theirs]: [Start[], Start[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    ours.push(start(OURS));
    theirs.push(start(TINY));
  }
  const row = (metric: string, unit: string, of: (one: Start) => number) => {
    const [value, peerValue] = [median(ours.map(of)), median(theirs.map(of))];
    return figure({ metric, unit, value, peer: TINY, peerValue, ratio: peerValue / value, goal: null });
  };
  return [
    row("start: until the first signature can be checked", "ms", ({ opened }) => opened),
    row("start: until single signatures are checked at full speed", "ms", ({ fullSpeed }) => fullSpeed),
    row("memory: what a process grows by", "MiB", ({ memory }) => memory / MEBIBYTE),
  ];
}

function start(whose: string): Start {
  return JSON.parse(execFileSync(process.execPath, [PROGRAM, whose], { encoding: "utf8" }));
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
