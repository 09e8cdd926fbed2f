/** What metering costs a program while it runs: raw and metered instances take turns in this process. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { buildKernels, type Kernel, SIX } from "../../firmware/kernels/kernels.ts";
import { type Contender, contender, interleave, type Pace, type Times } from "../kernels/rounds.ts";
import type { Figure } from "../main.ts";
import { absolute, geometricMean, relative } from "./figures.ts";
import { burn, metered, refuel } from "./fuel.ts";
import type { Pair } from "./quickjs-pair.ts";
import { openTask, type TaskInstance } from "./task-instance.ts";
import { gasMeter, meterByHost, PEER } from "./wasm-metering.ts";

const RAW = "not metered";
/** With fuel and every limit, but NaNs as the processor makes them. */
const LIMITS = "metered with limits";
/** As the executor runs it. */
const FULL = "metered";

/** Slowdowns that are aimed at. */
const MEAN = 1.05;
/** By kernel; recursion that does nothing else has none. */
const WORST: Readonly<Partial<Record<Kernel["name"], number>>> = {
  ...{ astar: 1.25, matmul: 1.25, "matmul-simd": 1.25, sha256: 1.25, sort: 1.25, layer: 1.25, vm: 1.25 },
  // scalar f64
  nbody: 1.4,
};
const WORST_QUICKJS = 1.2;
const PAIR = join(import.meta.dirname, "quickjs-pair.ts");
const NO_PAIR: Pair = { raw: Number.NaN, metered: Number.NaN, ratio: Number.NaN, fuel: Number.NaN };

/** Largest over smallest nanoseconds per fuel. */
const SPREAD = 2;

type Rate = { readonly fuel: number; readonly ns: number };

function taskContender(
  name: string,
  instance: TaskInstance,
  expected: Uint8Array,
  refill: boolean,
): Contender {
  instance.run();
  if (!Buffer.from(instance.output()).equals(expected)) throw new Error(`${name}: another answer`);
  const work = refill
    ? () => {
        refuel(instance.exports);
        instance.run();
      }
    : instance.run;
  return contender(name, 1, work);
}

async function measureKernel({ title, firmware, input, name }: Kernel, pace: Pace) {
  const raw = openTask(firmware, input);
  raw.run();
  const expected = raw.output();
  const limits = openTask(metered(firmware, false), input, refuel);
  const full = openTask(metered(firmware), input, refuel);
  const contenders = [
    contender(RAW, 1, raw.run),
    taskContender(LIMITS, limits, expected, true),
    taskContender(FULL, full, expected, true),
  ];
  const host = meterByHost(firmware);
  if (host) {
    contenders.push(taskContender(PEER, openTask(host, input, undefined, gasMeter()), expected, false));
  }
  const times = await interleave(contenders, pace);
  const worst = WORST[name];
  const figures = [besideRaw(title, times, worst === undefined ? null : 1 / worst)];
  if (host) figures.push(besideHost(title, times));
  const rate = { fuel: burn(full.exports, full.run), ns: times.median(FULL) };
  return { figures, times, rate };
}

/** The ratio is below one: how fast it still is. */
function besideRaw(title: string, times: Times, goal: number | null): Figure {
  const [value, peerValue] = [times.median(FULL) / 1e6, times.median(RAW) / 1e6];
  const ratio = times.ratio(FULL, RAW);
  return relative({ metric: `metered run, ${title}`, unit: "ms", value, peer: RAW, peerValue, ratio }, goal);
}

function besideHost(title: string, times: Times): Figure {
  const [value, peerValue] = [times.median(FULL) / 1e6, times.median(PEER) / 1e6];
  const ratio = times.ratio(FULL, PEER);
  return relative({ metric: `metered run, ${title}`, unit: "ms", value, peer: PEER, peerValue, ratio }, null);
}

/**
 * In processes of its own, each with other machine code in other places: what a large interpreter takes differs by a
 * tenth between them, raw or metered. Counted is the one whose ratio is the median.
 */
function measureQuickjs(processes: number) {
  const pairs = Array.from({ length: processes }, (_, index): Pair => {
    const order = index % 2 === 0 ? "raw-first" : "metered-first";
    return JSON.parse(execFileSync(process.execPath, [PAIR, order], { encoding: "utf8" }));
  });
  const {
    raw,
    metered: full,
    ratio,
    fuel,
  } = pairs.toSorted((a, b) => a.ratio - b.ratio)[processes >> 1] ?? NO_PAIR;
  const row = { unit: "ms", value: full / 1e6, peer: RAW, peerValue: raw / 1e6, ratio };
  const metric = `metered run, QuickJS running JavaScript, median of ${processes} processes`;
  return { figure: relative({ metric, ...row }, 1 / WORST_QUICKJS), rate: { fuel, ns: full } };
}

/** A metered run that is faster than the raw one is luck with the code's layout, and counts as no slower. */
function mean(metric: string, slowdowns: readonly number[], goal: number | null): Figure {
  const value = geometricMean(slowdowns.map((slowdown) => Math.max(1, slowdown)));
  const row = { metric, unit: "x", value, peer: RAW, peerValue: 1, ratio: 1 / value };
  return relative(row, goal === null ? null : 1 / goal);
}

function spreadFigure(rates: readonly Rate[]): Figure {
  const each = rates.map(({ ns, fuel }) => ns / fuel);
  const value = Math.max(...each) / Math.min(...each);
  const row = { unit: "x", value, peer: "all alike", peerValue: 1, ratio: 1 / value };
  return absolute(
    { metric: `time per fuel, dearest over cheapest of ${rates.length} programs`, ...row },
    { most: SPREAD },
  );
}

function say(title: string, { ns, fuel }: Rate): void {
  process.stderr.write(`firmware: ${title}: ${((1e3 * ns) / fuel).toFixed(1)} ps a fuel\n`);
}

/** What is left out goes to standard error, with what to install. */
export async function meteringFigures(pace: Pace, processes: number): Promise<Figure[]> {
  const kernels = await buildKernels((why) => process.stderr.write(`firmware: ${why}\n`));
  const figures: Figure[] = [];
  const slow = { limits: [] as number[], full: [] as number[] };
  const rates: Rate[] = [];
  for (const kernel of kernels) {
    const { times, rate, figures: own } = await measureKernel(kernel, pace);
    figures.push(...own);
    rates.push(rate);
    say(kernel.title, rate);
    if (!SIX.includes(kernel.name)) continue;
    slow.limits.push(1 / times.ratio(LIMITS, RAW));
    slow.full.push(1 / times.ratio(FULL, RAW));
  }
  const quickjs = measureQuickjs(processes);
  say("QuickJS", quickjs.rate);
  const count = slow.full.length;
  return [
    ...figures,
    quickjs.figure,
    mean(`slowdown by metering with limits, mean of ${count} kernels`, slow.limits, MEAN),
    mean(`slowdown with canonical NaNs too, mean of ${count} kernels`, slow.full, null),
    spreadFigure([...rates, quickjs.rate]),
  ];
}
