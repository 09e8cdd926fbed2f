/** Each branch for an exceptional case, left out in turn: some check must notice. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { Exports } from "../../../src/kernels/variant.ts";
import { compileEntry, TARGETS, type Target } from "../../kernels/compile.ts";
import { bytes32, inverse, P, pointBytes, power, timesG } from "../../vectors/arithmetic.ts";
import { Build } from "../../vectors/build.ts";
import { failures } from "../../vectors/suite.ts";

const ASSEMBLY = join(import.meta.dirname, "../../../assembly");
const BRANCHES = "curve/exceptional.ts";

/** Name and id of every branch that can be left out. */
const branches = [
  ...readFileSync(join(ASSEMBLY, BRANCHES), "utf8").matchAll(/^export const (\w+): i32 = (\d+);$/gm),
].map(([, name = "", id]) => ({ name, id: Number(id) }));

/** First argument of every call of `exceptional` in the sources. */
const asked = globSync("**/*.ts", { cwd: ASSEMBLY })
  .filter((path) => path !== BRANCHES)
  .flatMap((path) => {
    const text = readFileSync(join(ASSEMBLY, path), "utf8");
    return [...text.matchAll(/\bexceptional\(\s*([^,\s)]+)/g)].map(([, name = ""]) => name);
  });

/**
 * Beside the kernels, two functions that no message can bring to their exceptions: adding infinity to a point, since no
 * hash gives one, and the map of u = 0 or u^2 = 1/11, since nobody finds a message that hashes to it.
 */
const ENTRY = `
export * from "./kernels";
export { switchOff } from "./curve/exceptional";
import { bytesFromPoint, elementFromBytes, pointFromBytes } from "./curve/affine-point";
import { mapToCurve } from "./curve/hash-to-curve";
import { addPoints, fromAffine, setInfinity, toAffine } from "./curve/jacobian";

const A: usize = memory.data(128, 16);
const B: usize = memory.data(128, 16);
const AFFINE: usize = memory.data(80, 16);
const ELEMENT: usize = 40;

function read(point: usize, bytes: usize): void {
  if (pointFromBytes(AFFINE, bytes)) fromAffine(point, AFFINE, AFFINE + ELEMENT);
  else setInfinity(point);
}

function write(bytes: usize, point: usize): i32 {
  if (!toAffine(AFFINE, point)) return 0;
  bytesFromPoint(bytes, AFFINE);
  return 1;
}

export function sumOfTwo(out: usize, a: usize, b: usize): i32 {
  read(A, a);
  read(B, b);
  addPoints(A, A, B);
  return write(out, A);
}

export function mapped(out: usize, u: usize): i32 {
  elementFromBytes(AFFINE, u);
  mapToCurve(A, AFFINE);
  return write(out, A);
}
`;

type Hooks = Exports & {
  switchOff(branch: number): void;
  sumOfTwo(out: number, a: number, b: number): number;
  mapped(out: number, u: number): number;
};

const INFINITY = new Uint8Array(64);
const multiple = (k: bigint) => pointBytes(timesG(k) ?? { x: 0n, y: 0n });

/** 1 / 11 is a square: u^2 = -1 / Z of the map. */
const ROOT = power(inverse(11n, P), (P + 1n) / 4n, P);
const X_OF_ZERO = 0xbf6ce2abc92f03c7abfb18752134acc036b8e8ef46a7ed2634a86727c12d6ac1n;
const Y_OF_ZERO = 0xcb18d77a942ce3413cfb072b4f6c28b51ee64786e67fa94cf7b24de22d281a15n;

/** u and its point, by @noble/curves 2.4.0 (RFC 9380 section 6.6.3). The root's y has the root's parity. */
const MAPPED: readonly (readonly [bigint, readonly [bigint, bigint]])[] = [
  [0n, [X_OF_ZERO, Y_OF_ZERO]],
  [ROOT, [X_OF_ZERO, P - Y_OF_ZERO]],
  [P - ROOT, [X_OF_ZERO, Y_OF_ZERO]],
  [
    1n,
    [
      0xd682efd8b1d629d3c5017ad42da66dbf47d6367ba7890eaa462e7e495f89aeb0n,
      0x41e956cc24f4e3fa45a6bdf714464b9fff9adf6a0d751f3ae06701e3c7e50522n,
    ],
  ],
];

function* hookFailures({ memory, heapBase, sumOfTwo, mapped }: Hooks): Generator<string> {
  // above all tables: a page of its own
  const at = memory.grow(1) * 65_536;
  const bytes = new Uint8Array(memory.buffer);
  if (at < heapBase()) yield "no room";
  const call = (run: (out: number, a: number, b: number) => number, a: Uint8Array, b: Uint8Array) => {
    bytes.set(a, at + 64);
    bytes.set(b, at + 128);
    return run(at, at + 64, at + 128) === 1 ? bytes.slice(at, at + 64) : INFINITY;
  };
  const [one, two, three] = [multiple(1n), multiple(2n), multiple(3n)];
  const sums = [
    [one, two, three],
    [one, one, two],
    [one, multiple(-1n), INFINITY],
    [INFINITY, two, two],
    [two, INFINITY, two],
    [INFINITY, INFINITY, INFINITY],
  ] as const;
  for (const [index, [a, b, sum]] of sums.entries()) {
    if (!Buffer.from(call(sumOfTwo, a, b)).equals(sum)) yield `sum ${index} of two points: wrong`;
  }
  for (const [u, [x, y]] of MAPPED) {
    const found = call((out, first) => mapped(out, first), bytes32(u), bytes32(0n));
    if (!Buffer.from(found).equals(pointBytes({ x, y }))) yield `map of ${u.toString(16)}: wrong`;
  }
}

/** What the checks say first of a build without this branch; null when they notice nothing. */
function firstFailure(target: Target, module: WebAssembly.Module, branch: number): string | null {
  const build = new Build(target, module);
  const hooks = build.exports as Hooks;
  hooks.switchOff(branch);
  try {
    for (const failure of hookFailures(hooks)) return failure;
    for (const failure of failures(build)) return failure;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return null;
}

/** Nothing where the engine lacks an instruction. */
function compiled(target: Target, bytes: Uint8Array<ArrayBuffer>): [Target, WebAssembly.Module][] {
  try {
    return [[target, new WebAssembly.Module(bytes)]];
  } catch (error) {
    if (error instanceof WebAssembly.CompileError) return [];
    throw error;
  }
}

describe("without one of its branches", () => {
  const modules: [Target, WebAssembly.Module][] = [];

  beforeAll(async () => {
    for (const target of TARGETS) {
      const bytes = await compileEntry(ENTRY, target, { faults: true });
      modules.push(...compiled(target, bytes));
    }
  }, 240_000);

  it("there is an id for each, named wherever it is asked for", () => {
    expect(branches.length).toBeGreaterThan(10);
    expect(new Set(branches.map(({ id }) => id)).size).toBe(branches.length);
    expect(new Set(asked)).toEqual(new Set(branches.map(({ name }) => name)));
    expect(branches.every(({ id }) => id > 0)).toBe(true);
  });

  it("with all of them nothing is noticed", () => {
    expect(modules.length).toBeGreaterThan(0);
    for (const [target, module] of modules) expect(firstFailure(target, module, 0), target).toBeNull();
  });

  it.each(branches)("$name is missed", ({ id }) => {
    // a branch may stand in one of the builds alone
    const noticed = modules.map(([target, module]) => firstFailure(target, module, id));
    expect(noticed.filter((failure) => failure !== null)).not.toEqual([]);
  });
});
