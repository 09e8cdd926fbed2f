/** The kernels say what plain JavaScript says, as they are and metered. */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { metered, refuel } from "../../bench/firmware/fuel.ts";
import { openTask } from "../../bench/firmware/task-instance.ts";
import { C_PACKAGES, compileC, compileKernel, type KernelName } from "./compile.ts";
import { words } from "./kernels.ts";

/** What it answers; metered or not is the same. */
function answerOf(firmware: Uint8Array, input: Uint8Array): Buffer {
  const [raw, full] = [openTask(firmware, input), openTask(metered(firmware), input, refuel)];
  raw.run();
  full.run();
  expect(full.output()).toEqual(raw.output());
  return Buffer.from(raw.output());
}

async function ask(name: KernelName, input: Uint8Array): Promise<Buffer> {
  return answerOf(await compileKernel(name), input);
}

function* xorshift(seed: number): Generator<number, never> {
  for (let x = seed; ; ) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    yield x >>> 0;
  }
}

/** Cost of the cheapest way from the first cell to the last, by relaxing until nothing changes. */
function cheapest(width: number, height: number, seed: number, walls: number): number {
  const random = xorshift(seed | 1);
  const costs = Array.from({ length: width * height }, () => {
    const x = random.next().value;
    return x % 100 < walls ? 0 : 1 + ((x >>> 8) & 3);
  });
  costs[0] = 1;
  costs[costs.length - 1] = 1;
  const reached = costs.map((_, cell) => (cell === 0 ? 0 : Number.POSITIVE_INFINITY));
  for (let changed = true; changed; ) {
    changed = false;
    for (const [cell, cost] of costs.entries()) {
      const x = cell % width;
      const around = [cell - width, cell + width, x > 0 ? cell - 1 : -1, x < width - 1 ? cell + 1 : -1];
      const least = Math.min(...around.map((from) => (reached[from] ?? Number.POSITIVE_INFINITY) + cost));
      if (cost === 0 || least >= (reached[cell] ?? 0)) continue;
      reached[cell] = least;
      changed = true;
    }
  }
  const cost = reached.at(-1) ?? 0;
  return Number.isFinite(cost) ? cost : 0xffff_ffff;
}

describe("kernels", () => {
  it.for([
    [20, 20, 5, 25],
    [31, 17, 77, 30],
    [12, 12, 3, 70],
  ] as const)(
    "A* finds the cheapest way on %d x %d cells, seed %d, %d%% walls",
    async ([width, height, seed, walls]) => {
      const answer = await ask("astar", words(width, height, seed, walls));
      expect(answer.readUInt32LE(0)).toBe(cheapest(width, height, seed, walls));
    },
  );

  it("int8 products with and without SIMD are those of numbers", async () => {
    const [n, seed] = [48, 7];
    const random = xorshift(seed | 1);
    const draw = () => Array.from({ length: n * n }, () => (random.next().value << 13) >> 24);
    const [left, right] = [draw(), draw()];
    let hash = 0x811c9dc5;
    for (let cell = 0; cell < n * n; cell++) {
      const [row, column] = [Math.floor(cell / n), cell % n];
      let sum = 0;
      for (let k = 0; k < n; k++) sum += (left[row * n + k] ?? 0) * (right[column * n + k] ?? 0);
      hash = Math.imul(hash ^ sum, 0x01000193);
    }
    for (const name of ["matmul", "matmul-simd"] as const) {
      expect((await ask(name, words(n, seed))).readInt32LE()).toBe(hash);
    }
  });

  it("the f32 layer adds up what numbers add up to", async () => {
    const n = 24;
    const value = (index: number, step: number) => ((index * step) % 23) * 0.125 - 1.25;
    let total = 0;
    for (let row = 0; row < n; row++) {
      for (let column = 0; column < n; column++) {
        let sum = value(row, 11);
        for (let k = 0; k < n; k++) sum += value(row * n + k, 31) * value(column * n + k, 57);
        total += Math.max(0, sum);
      }
    }
    expect((await ask("layer", words(n))).readFloatLE() / total).toBeCloseTo(1, 4);
  });

  it("the SHA-256 loop gives digests of digests", async () => {
    const seed = new Uint8Array(32).fill(7);
    let digest: Uint8Array = seed;
    for (let round = 0; round < 20; round++) digest = createHash("sha256").update(digest).digest();
    expect(await ask("sha256", Uint8Array.from([...words(20), ...seed]))).toEqual(digest);
  });

  it("five bodies keep their energy", async () => {
    const before = (await ask("nbody", words(0))).readDoubleLE();
    const after = (await ask("nbody", words(400))).readDoubleLE();
    expect(after).not.toBe(before);
    expect(Math.abs(after / before - 1)).toBeLessThan(0.01);
  });

  it("recursion, the bytecode machine, dependent loads and sums are right", async () => {
    expect((await ask("fib", words(20))).readUInt32LE()).toBe(6_765);
    let steps = 0;
    for (let n = 1; n <= 100; n++) for (let x = n; x > 1; steps++) x = x % 2 === 0 ? x / 2 : 3 * x + 1;
    expect((await ask("vm", words(100))).readUInt32LE()).toBe(steps);
    let at = 0;
    for (let load = 0; load < 1_000; load++) at = (Math.imul(at, 1_664_525) + 1_013_904_223) & 0xfff;
    expect((await ask("chase", words(4_096, 1_000))).readUInt32LE()).toBe(at);
    expect((await ask("tiny", Uint8Array.of(1, 2, 250))).readUInt32LE()).toBe(253);
  });

  const c = compileC();
  it.skipIf(c === null && process.env["CI"] !== "true").for([99, 100, 101])(
    `C sorts and finds, seed %d${c === null ? ` (skipped: install ${C_PACKAGES})` : ""}`,
    (seed) => {
      if (c === null) throw new Error(`install ${C_PACKAGES}`);
      const random = xorshift(seed | 1);
      const drawn = Array.from({ length: 500 }, () => random.next().value);
      const key = (word: number) => (seed % 3 === 2 ? ((word << 16) | (word >>> 16)) >>> 0 : word);
      const sign = seed % 3 === 1 ? -1 : 1;
      const sorted = drawn.toSorted((a, b) => sign * (key(a) - key(b)));
      let hash = 2_166_136_261;
      for (const word of sorted) hash = Math.imul(hash ^ word, 16_777_619);
      const known = new Set(drawn);
      const found = sorted.filter((word, index) => known.has((word ^ (index & 1)) >>> 0)).length;
      const answer = answerOf(c, words(500, seed));
      expect([answer.readInt32LE(0), answer.readUInt32LE(4)]).toEqual([hash | 0, found]);
    },
  );
});
