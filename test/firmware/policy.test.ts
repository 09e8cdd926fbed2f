import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { judgeModule, MAX_MODULE_BYTES, MAX_PAGES } from "../../src/firmware/policy.ts";
import { leb, OP, taskModule } from "./module.ts";

const TRUE = [OP.i32Const, 1];

function padded(bytes: number): Uint8Array {
  const plain = taskModule().length;
  // a custom section: id, length, an empty name, and the rest
  const length = bytes - plain - 4;
  return taskModule({ more: [0, ...leb(length), 0, ...new Array<number>(length - 1).fill(7)] });
}

describe("firmware policy", () => {
  it("passes the path-planning firmware and the smallest task", () => {
    const file = new URL("../../build/firmware/path-plan.wasm", import.meta.url);
    expect(judgeModule(new Uint8Array(readFileSync(file)))).toBeNull();
    expect(judgeModule(taskModule())).toBeNull();
    expect(judgeModule(taskModule({ verify: TRUE, memory: [0, MAX_PAGES], table: 65_536 }))).toBeNull();
  });

  it("passes modules that the engine accepts", () => {
    for (const bytes of [taskModule(), taskModule({ verify: TRUE, table: 1 }), padded(100_000)]) {
      expect(() => new WebAssembly.Module(bytes)).not.toThrow();
      expect(judgeModule(bytes)).toBeNull();
    }
  });

  it("passes a module of exactly the largest size and no larger one", () => {
    expect(padded(MAX_MODULE_BYTES)).toHaveLength(MAX_MODULE_BYTES);
    expect(judgeModule(padded(MAX_MODULE_BYTES))).toBeNull();
    expect(judgeModule(padded(MAX_MODULE_BYTES + 1))).toBe("too_large");
  });

  it.for([
    ["not_wasm", new Uint8Array()],
    ["not_wasm", new TextEncoder().encode("#!/bin/sh")],
    ["not_wasm", taskModule().with(4, 2)],
    ["imports", taskModule({ imports: true })],
    ["memory_unbounded", taskModule({ memory: [1] })],
    ["memory_too_large", taskModule({ memory: [1, MAX_PAGES + 1] })],
    ["memory_too_large", taskModule({ memory: [1, 65_536] })],
    ["memory_too_large", taskModule({ memory: [MAX_PAGES + 1] })],
    ["table_too_large", taskModule({ table: 65_537 })],
    ["exports", taskModule().slice(0, 8)],
    ["malformed", taskModule().slice(0, 12)],
    ["malformed", Uint8Array.from([...taskModule(), 0, 0xff, 0xff, 0xff, 0xff, 0xff, 1])],
  ] as const)("names %s", ([rejection, bytes]) => {
    expect(judgeModule(bytes)).toBe(rejection);
  });

  it.for([
    ["run is exported as ran", "run", "ran"],
    ["memory is exported as memorx", "memory", "memorx"],
    ["alloc is exported as allox", "alloc", "allox"],
  ] as const)("names exports when %s", ([, from, to]) => {
    const bytes = taskModule();
    const at = Buffer.from(bytes).indexOf(from);
    bytes.set(new TextEncoder().encode(to), at);
    expect(judgeModule(bytes)).toBe("exports");
  });

  it("names exports when a function has another type, or is none", () => {
    const verify = taskModule({ verify: TRUE });
    const at = Buffer.from(verify).indexOf("verify") + "verify".length;
    expect(judgeModule(verify.with(at + 1, 0))).toBe("exports");
    expect(judgeModule(verify.with(at + 1, 99))).toBe("exports");
    expect(judgeModule(verify.with(at, 2))).toBe("exports");
  });

  it("names features for shared and 64-bit memory and for types beyond the core", () => {
    const bytes = taskModule();
    const memory = Buffer.from(bytes).indexOf(Uint8Array.of(5, 4, 1, 1, 1, 16));
    expect(judgeModule(bytes.with(memory + 3, 3))).toBe("features");
    expect(judgeModule(bytes.with(memory + 3, 5))).toBe("features");
    const type = Buffer.from(bytes).indexOf(Uint8Array.of(0x60, 1, 0x7f));
    expect(judgeModule(bytes.with(type, 0x50))).toBe("features");
    expect(judgeModule(bytes.with(type + 2, 0x63))).toBe("features");
  });

  it("gives a verdict on any bytes, and never lets the engine have imports or unbounded memory", () => {
    const base = taskModule({ verify: TRUE, table: 3 });
    fc.assert(
      fc.property(
        fc.nat({ max: base.length - 1 }),
        fc.nat({ max: 255 }),
        fc.nat({ max: 40 }),
        (at, value, cut) => {
          const bytes = base.with(at, value).slice(0, base.length - (cut < 20 ? 0 : cut));
          if (judgeModule(bytes) !== null) return;
          try {
            new WebAssembly.Instance(new WebAssembly.Module(bytes), {});
          } catch (error) {
            // without imports there is nothing to link: only the compiler or a segment may object
            expect(error).not.toBeInstanceOf(TypeError);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});
