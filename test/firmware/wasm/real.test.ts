import { describe, expect, it } from "vitest";
import { type Body, decodeModule, type Module } from "../../../src/firmware/wasm/module.ts";
import { instructions } from "../../../src/firmware/wasm/opcodes.ts";
import { joined, leb, OP, taskModule } from "../module.ts";
import { kernels, pathPlan, plainHash, quickjs, real, relaxed, secp256k1 } from "./real.ts";
import { spliced } from "./splice.ts";

function decoded(bytes: Uint8Array): Module {
  const module = decodeModule(bytes);
  if ("rejection" in module) throw new TypeError(`${module.rejection}: ${module.reason}`);
  return module;
}

/** Bytes of an instruction as the table says: prefix, number, and what stands behind it. */
function opcodeAt(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0;
  return first < 0xfc
    ? first
    : first * 256 + ((bytes[at + 1] ?? 0) & 0x7f) + ((bytes[at + 1] ?? 0) > 0x7f ? 128 : 0);
}

/** The innermost frame's first height, at each instruction. */
function floorsOf({ types }: Module, body: Body): number[] {
  const floors: number[] = [];
  const open = [0];
  for (let i = 0; i < body.length; i++) {
    const op = body.op[i] ?? 0;
    floors.push(open.at(-1) ?? 0);
    if (op === OP.end) open.pop();
    if (op < 0x02 || op > 0x04) continue;
    const type = body.immediate[i] ?? 0;
    const taken = (type < 0 ? 0 : (types[type]?.params.length ?? 0)) + (op === 0x04 ? 1 : 0);
    open.push((body.height[i] ?? 0) - taken);
  }
  return floors;
}

/** The module with so many drops, and then nothing that could be reached, before one instruction. */
function dropping(module: Module, body: Body, i: number, drops: number): Uint8Array {
  const at = body.at[i] ?? 0;
  const inserted = [...new Array<number>(drops).fill(OP.drop), OP.unreachable];
  return spliced(module, body, [at, at], Uint8Array.from(inserted));
}

describe.for(real.map((one) => [one.name, one] as const))("%s", ([, { bytes }]) => {
  it("decodes, and its sections and instructions tile its bytes", () => {
    const module = decoded(bytes);
    let at = 8;
    for (const { id, start, end } of module.sections) {
      expect(bytes[at]).toBe(id);
      expect(start).toBe(at + 1 + leb(end - start).length);
      at = end;
    }
    expect(at).toBe(bytes.length);
    let last = -1;
    for (const body of module.bodies) {
      if (last !== -1) expect(body.declarationsStart).toBeGreaterThanOrEqual(last + 2);
      expect([body.at[0], body.at[body.length]]).toEqual([body.start, body.end]);
      const misread = body.op.findIndex((op, i) => {
        const begin = body.at[i] ?? 0;
        return opcodeAt(bytes, begin) !== op || (body.at[i + 1] ?? 0) <= begin || !instructions.has(op);
      });
      expect(misread).toBe(-1);
      expect(body.op.at(-1)).toBe(OP.end);
      last = body.end;
    }
    expect(last).toBe(module.sections.find(({ id }) => id === 10)?.end);
  });

  it("has pairs that point at each other and heights of no less than nothing", () => {
    for (const body of decoded(bytes).bodies) {
      const wrong = body.op.findIndex((op, i) => {
        const match = body.match[i] ?? 0;
        if (op === 0x02 || op === 0x03) return body.op[match] !== OP.end || body.match[match] !== i;
        if (op === 0x04) return ![OP.end, OP.else].includes(body.op[match] as never) || match <= i;
        if (op === OP.else) return body.op[match] !== OP.end || body.op[body.match[match] ?? 0] !== 0x04;
        return op === OP.end && match === -1 && i !== body.length - 1;
      });
      expect(wrong).toBe(-1);
      expect(body.height.every((height) => height >= 0 && height <= 1_000)).toBe(true);
      expect(body.maxHeight).toBe(
        Math.max(...body.height.map((height, i) => (body.dead[i] ? 0 : height)), body.height.at(-1) ?? 0),
      );
    }
  });

  it("has the heights that the engine's validator finds", () => {
    const module = decoded(bytes);
    const total = module.bodies.reduce((sum, { length }) => sum + length, 0);
    const stride = Math.ceil(total / 97);
    let before = 0;
    let tried = 0;
    for (const body of module.bodies) {
      const first = before;
      before += body.length;
      const sites = Array.from({ length: body.length }, (_, i) => i).filter(
        (i) => (first + i) % stride === 0,
      );
      const floors = sites.length > 0 ? floorsOf(module, body) : [];
      for (const i of sites) {
        if (body.dead[i]) continue;
        const operands = (body.height[i] ?? 0) - (floors[i] ?? 0);
        expect(WebAssembly.validate(dropping(module, body, i, operands))).toBe(true);
        expect(WebAssembly.validate(dropping(module, body, i, operands + 1))).toBe(false);
        tried++;
      }
    }
    expect(tried).toBeGreaterThan(50);
  });
});

describe("modules of compilers", () => {
  it("have the functions that they are known to have", () => {
    const counts = [pathPlan, quickjs, secp256k1].map(({ bytes }) => decoded(bytes).bodies.length);
    expect(counts).toEqual([12, 1321, 71]);
    expect(decoded(quickjs.bytes).bodies.reduce((sum, { targets }) => sum + targets.size, 0)).toBeGreaterThan(
      50,
    );
    expect(decoded(kernels.bytes).bodies.some(({ op }) => op.some((each) => each >= 0xfd00))).toBe(true);
    expect(decoded(plainHash.bytes).bodies).toHaveLength(64);
  });

  it("are rejected by name for relaxed SIMD", () => {
    expect(decodeModule(relaxed.bytes)).toMatchObject({
      rejection: "opcodes",
      reason: expect.stringContaining("relaxed SIMD"),
    });
  });

  it("are decoded alike wherever their bytes lie", () => {
    const padded = joined([1, 2, 3], pathPlan.bytes).subarray(3);
    const [a, b] = [decoded(padded), decoded(pathPlan.bytes)];
    expect(a.bodies.map(({ height }) => [...height])).toEqual(b.bodies.map(({ height }) => [...height]));
    expect(a.sections).toEqual(b.sections);
    expect(decoded(taskModule()).bodies).toHaveLength(4);
  });
});
