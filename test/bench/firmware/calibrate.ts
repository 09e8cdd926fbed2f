/**
 * `node test/bench/firmware/calibrate.ts`: what a fuel of the cost table is in nanoseconds, over the kernels, QuickJS and
 * chains of single instructions, all of them metered, and which integer weights would make that most alike over the
 * kernels.
 *
 * Run by hand, on several kinds of machine, before a new version of the table. A proposal fits the programs that it was
 * made with: what goes into the table is rounder, and also has to stand on the chains, where a program could do nothing
 * but the one instruction that is priced too low.
 */
import { costOf, LOCAL_COST } from "../../../src/firmware/meter/costs.ts";
import { decodeModule } from "../../../src/firmware/wasm/module.ts";
import { instructions } from "../../../src/firmware/wasm/opcodes.ts";
import { buildKernels } from "../../firmware/kernels/kernels.ts";
import { type Contender, contender, interleave } from "../kernels/rounds.ts";
import { counting, readCounts, ZEROED } from "./counts.ts";
import { metered, refuel } from "./fuel.ts";
import { MICROS } from "./micro.ts";
import { openQuickjs, quickjsModule } from "./quickjs.ts";
import { openTask } from "./task-instance.ts";

type Counts = ReadonlyMap<number, number>;
type Program = {
  readonly name: string;
  readonly isKernel: boolean;
  readonly counts: Counts;
  ours: Contender;
};

const PACE = { rounds: 41, round: 3, warm: 150, most: 800 };

/**
 * Weights that a proposal looks for, the least and the most of each: a few times what a core needs that does four simple
 * things at once. The first pattern that a name fits decides.
 */
const GROUPS: readonly (readonly [RegExp, number, number])[] = [
  [/^(unreachable|nop|block|loop|else|end)$/, 0, 0],
  [/^(local\.|drop$)|\.const$/, 1, 1],
  [/^(br|return)$/, 1, 3],
  [/^(if|br_if)$/, 2, 6],
  [/^br_table$/, 8, 20],
  [/^call$/, 60, 100],
  [/^call_indirect$/, 120, 240],
  [/^(memory|table)\.(grow|init|copy|fill)$|^(data|elem)\.drop$/, 120, 240],
  [/^global\./, 3, 12],
  [/^v128\.(load|store)/, 3, 6],
  [/load/, 4, 10],
  [/store/, 5, 14],
  [/^table\.|^memory\.size$|^ref\./, 6, 12],
  [/^select/, 2, 6],
  [/^i(32|64)\.(div|rem)_/, 24, 40],
  [/^f(32|64)\.(div|sqrt)$/, 24, 50],
  [/^f\d+x\d+\.(div|sqrt)$|^i64x2\.mul$/, 40, 80],
  [/\.(convert|trunc_)/, 24, 50],
  [/^f(32|64)\.(add|sub|mul)$/, 3, 6],
  [/^f(32|64)\./, 5, 10],
  [/^f\d+x\d+\./, 4, 9],
  [/x\d+\.|^v128\./, 2, 5],
  [/^i(32|64)\.mul$/, 3, 5],
  [/^i(32|64)\./, 2, 4],
];

const nameOf = (op: number) => (op === ZEROED ? "local.zeroed" : (instructions.get(op)?.name ?? `${op}`));
const groupOf = (op: number) => GROUPS.findIndex(([pattern]) => pattern.test(nameOf(op)));
const weightOf = (op: number) => (op === ZEROED ? LOCAL_COST : costOf(op));

function counted(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const module = decodeModule(bytes);
  if ("rejection" in module) throw new Error(module.reason);
  return counting(module);
}

/** What one run executes, and not what starting does. */
function difference(exports: Readonly<Record<string, unknown>>, run: () => void): Counts {
  const before = readCounts(exports);
  run();
  return new Map([...readCounts(exports)].map(([op, count]) => [op, count - (before.get(op) ?? 0)]));
}

function taskProgram(name: string, firmware: Uint8Array, input: Uint8Array, isKernel: boolean): Program {
  const shadow = openTask(counted(firmware), input);
  shadow.run();
  const counts = difference(shadow.exports, shadow.run);
  const task = openTask(metered(firmware), input, refuel);
  const work = () => {
    refuel(task.exports);
    task.run();
  };
  return { name, isKernel, counts, ours: contender(name, 1, work) };
}

async function programs(): Promise<Program[]> {
  const kernels = await buildKernels((why) => process.stderr.write(`${why}\n`));
  const all = kernels.map(({ title, firmware, input }) => taskProgram(title, firmware, input, true));
  const quickjs = await openQuickjs(metered(quickjsModule()), refuel);
  const shadow = await openQuickjs(counted(quickjsModule()));
  shadow.run();
  const counts = difference(shadow.exports, shadow.run);
  const work = () => {
    refuel(quickjs.exports);
    quickjs.run();
  };
  all.push({ name: "QuickJS", isKernel: true, counts, ours: contender("QuickJS", 1, work) });
  const input = new Uint8Array(3);
  return [...all, ...Object.entries(MICROS).map(([name, bytes]) => taskProgram(name, bytes, input, false))];
}

type Row = {
  readonly name: string;
  readonly isKernel: boolean;
  readonly ns: number;
  readonly groups: number[];
};

function rowOf({ name, isKernel, counts }: Program, ns: number): Row {
  const groups = new Array<number>(GROUPS.length).fill(0);
  for (const [op, count] of counts) {
    const group = groupOf(op);
    groups[group] = (groups[group] ?? 0) + count;
  }
  return { name, isKernel, ns, groups };
}

const fuelOf = (groups: readonly number[], weights: readonly number[]) =>
  groups.reduce((sum, count, group) => sum + count * (weights[group] ?? 0), 0);

function spread(values: readonly number[]): number {
  return Math.max(...values) / Math.min(...values);
}

/** How unlike the kernels are, and a little of how far chains are above the dearest kernel. */
function badness(rows: readonly Row[], weights: readonly number[]): number {
  const each = rows.map(({ ns, groups, isKernel }) => ({ isKernel, rate: ns / fuelOf(groups, weights) }));
  const kernels = each.filter(({ isKernel }) => isKernel).map(({ rate }) => rate);
  const dearest = Math.max(...kernels);
  const above = each.map(({ rate }) => Math.max(0, Math.log(rate / dearest)));
  return Math.log(spread(kernels)) + above.reduce((sum, one) => sum + one, 0) / above.length;
}

/** One weight at a time, as long as that helps. */
function propose(rows: readonly Row[]): number[] {
  const weights = GROUPS.map(([, least, most]) => Math.round(Math.sqrt(least * most)));
  for (let best = badness(rows, weights), improved = true; improved; ) {
    improved = false;
    for (const [group, [, least, most]] of GROUPS.entries()) {
      for (let weight = least; weight <= most; weight++) {
        const was = weights[group] ?? 0;
        weights[group] = weight;
        const now = badness(rows, weights);
        if (now < best - 1e-9) {
          best = now;
          improved = true;
        } else weights[group] = was;
      }
    }
  }
  return weights;
}

const all = await programs();
const times = await interleave(
  all.map(({ ours }) => ours),
  PACE,
);
const rows = all.map((program) => rowOf(program, times.median(program.name)));
const weights = propose(rows);
const fuels = all.map(({ counts }) =>
  [...counts].reduce((sum, [op, count]) => sum + count * weightOf(op), 0),
);
const print = (text: string) => process.stdout.write(`${text}\n`);
print(
  "program | us | picoseconds a fuel: with the table, with the proposal | instructions that take most of its fuel",
);
for (const [index, { name, ns, groups }] of rows.entries()) {
  const fuel = fuels[index] ?? 0;
  const shares = [...(all[index]?.counts ?? [])]
    .map(([op, count]): [string, number] => [nameOf(op), (count * weightOf(op)) / fuel])
    .toSorted((a, b) => b[1] - a[1])
    .slice(0, 6)
    .map(([op, share]) => `${op} ${Math.round(100 * share)}%`);
  const proposed = (1e3 * ns) / fuelOf(groups, weights);
  print(
    `${name} | ${(ns / 1e3).toFixed(0)} | ${((1e3 * ns) / fuel).toFixed(0)} ${proposed.toFixed(0)} | ${shares.join(", ")}`,
  );
}
const ofKernels = (rates: readonly number[]) => spread(rates.filter((_, index) => rows[index]?.isKernel));
print(
  `spread over the kernels: ${ofKernels(rows.map(({ ns }, i) => ns / (fuels[i] ?? 1))).toFixed(2)} with the table, ` +
    `${ofKernels(rows.map(({ ns, groups }) => ns / fuelOf(groups, weights))).toFixed(2)} with the proposal`,
);
for (const [group, [pattern]] of GROUPS.entries()) print(`${weights[group]}  ${pattern.source}`);
