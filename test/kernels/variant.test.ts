import { execFile, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { Instance } from "../../src/kernels/instance.ts";
import { instantiate, moduleOf, VARIANTS } from "../../src/kernels/variant.ts";

describe.each(VARIANTS)("the module %s", (variant) => {
  it("is read and compiled once", () => {
    expect(moduleOf(variant)).toBe(moduleOf(variant));
  });

  it("needs nothing from outside, and exports memory and functions only", () => {
    const exports = instantiate(moduleOf(variant));
    const kinds = Object.entries(exports).map(([name, value]) => [name, typeof value]);
    expect(kinds.length).toBeGreaterThan(40);
    expect(kinds.filter(([, kind]) => kind !== "function")).toEqual([["memory", "object"]]);
  });

  it("multiplies and adds exactly on this machine", () => {
    expect(instantiate(moduleOf(variant)).hasFusedMultiplyAdd()).toBe(1);
  });
});

describe("a module", () => {
  it("of other sources is told by what it does not export", () => {
    const empty = new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
    const isOther = expect.objectContaining({
      code: "kernel_failed",
      message: expect.stringMatching(/no memory.*npm run build:kernels/),
    });
    expect(() => instantiate(empty)).toThrow(isOther);
  });
});

describe("an instance's memory", () => {
  it("keeps what is reserved while scratch and all of it grow", () => {
    const { memory, cells } = new Instance("base");
    memory.write(cells.key, new Uint8Array(64).fill(7));
    const first = memory.reserve(100);
    memory.write(first, new Uint8Array(100).fill(8));
    const small = memory.scratch(1_000);
    memory.bytes.fill(9, small, small + 1_000);
    // in place, as nothing was reserved since
    expect(memory.scratch(3_000_000)).toBe(small);
    const second = memory.reserve(10);
    expect(second).toBeGreaterThanOrEqual(small + 3_000_000);
    expect(memory.scratch(3_000_000)).toBe(small);
    // now it has to move, behind all that is reserved
    const moved = memory.scratch(3_000_001);
    expect(moved).toBeGreaterThanOrEqual(second + 10);
    expect(memory.scratch(6_000_000)).toBe(moved);
    memory.bytes.fill(1, moved, moved + 6_000_000);
    expect(memory.read(cells.key, 64)).toEqual(new Uint8Array(64).fill(7));
    expect(memory.read(first, 100)).toEqual(new Uint8Array(100).fill(8));
    expect(memory.size).toBe(moved + 6_000_000);
  });

  it("gives addresses that SIMD likes", () => {
    const { memory } = new Instance("base");
    for (const length of [1, 15, 16, 17, 99]) expect(memory.reserve(length) % 16).toBe(0);
    expect(memory.scratch(77) % 16).toBe(0);
  });

  it("claims no more for a table than was said", () => {
    const { memory } = new Instance("base");
    const before = memory.reserve(0);
    memory.claim(1_000, (at) => at + 500);
    expect(memory.reserve(0)).toBe(before + 512);
    expect(() => memory.claim(1_000, (at) => at + 1_001)).toThrow(
      expect.objectContaining({ code: "impossible" }),
    );
  });
});

const ROOT = resolve(import.meta.dirname, "../..");
const FOLDER = mkdtempSync(join(tmpdir(), "hirewire-kernels-"));
afterAll(() => rmSync(FOLDER, { recursive: true, force: true }));

function place(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

/** A module without anything in it. */
const EMPTY = "\0asm\x01\0\0\0";

describe("the file of a module", () => {
  /** The code of what `moduleOf` throws in a place where it is, or "read". */
  const read = (file: string) => {
    const program = `
      const { moduleOf } = await import(${JSON.stringify(file)});
      try { moduleOf("base"); console.log("read"); } catch (fault) { console.log(fault.code); }
    `;
    return spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
      encoding: "utf8",
    }).stdout.trim();
  };
  const sources = (folder: string, asBuilt: boolean) => {
    for (const path of ["kernels/variant", "base/fault"]) {
      const text = readFileSync(join(ROOT, `src/${path}.ts`), "utf8");
      const js = stripTypeScriptTypes(text).replaceAll('.ts";', '.js";');
      place(join(folder, `src/${path}.${asBuilt ? "js" : "ts"}`), asBuilt ? js : text);
    }
    place(join(folder, "package.json"), '{"type":"module"}');
    return join(folder, `src/kernels/variant.${asBuilt ? "js" : "ts"}`);
  };

  it("is the checkout's own, not one of the folder around it", () => {
    const file = sources(join(FOLDER, "dist/checkout"), false);
    place(join(FOLDER, "dist/build/kernels/base.wasm"), EMPTY);
    expect(read(file)).toBe("kernel_failed");
    place(join(FOLDER, "dist/checkout/build/kernels/base.wasm"), EMPTY);
    expect(read(file)).toBe("read");
  });

  it("is the package's own, beside dist and not in it", () => {
    const file = sources(join(FOLDER, "package/dist"), true);
    place(join(FOLDER, "package/dist/build/kernels/base.wasm"), EMPTY);
    expect(read(file)).toBe("kernel_failed");
    place(join(FOLDER, "package/build/kernels/base.wasm"), EMPTY);
    expect(read(file)).toBe("read");
  });
});

/** In the compiler's place: writes one half of a module, and much later the other. Tells that it has run. */
const SLOW_COMPILER = `
  import { appendFileSync, writeFileSync } from "node:fs";
  const after = (name) => process.argv[process.argv.indexOf(name) + 1];
  writeFileSync(after("--outFile"), "first half of " + after("--target"));
  setTimeout(() => {
    appendFileSync(after("--outFile"), ", second half");
    appendFileSync("runs", after("--target") + "\\n");
  }, 100);
`;

describe("the build", () => {
  const folder = join(FOLDER, "building");
  const built = join(folder, "build/kernels");
  cpSync(join(ROOT, "assembly/build.ts"), join(folder, "assembly/build.ts"), { recursive: true });
  const generated = [{ name: "part", text: "// written by a program" }];
  place(
    join(folder, "assembly/generate/generate.ts"),
    `export const generate = () => ${JSON.stringify(generated)};`,
  );
  place(join(folder, "package.json"), '{"type":"module"}');
  place(join(folder, "asconfig.json"), "{}");
  const compiler = join(folder, "node_modules/assemblyscript");
  place(join(compiler, "package.json"), '{"type":"module"}');
  place(join(compiler, "bin/asc.js"), SLOW_COMPILER);
  mkdirSync(built, { recursive: true });
  place(join(folder, "runs"), "");
  const build = () => promisify(execFile)(process.execPath, [join(folder, "assembly/build.ts")]);
  const runs = () => readFileSync(join(folder, "runs"), "utf8").split("\n").length - 1;
  const whole = (target: string) => `first half of ${target}, second half`;
  const modules = () => VARIANTS.map((target) => readFileSync(join(built, `${target}.wasm`), "utf8"));

  it("compiles what is new, changed or damaged, and nothing else", async () => {
    await build();
    expect(modules()).toEqual(VARIANTS.map(whole));
    await build();
    expect(runs()).toBe(2);
    for (const [spoil, after] of [
      [() => writeFileSync(join(built, "relaxed.wasm"), "first half"), 4],
      [() => rmSync(join(built, "base.wasm")), 6],
      [() => place(join(folder, "assembly/more.ts"), "// more"), 8],
    ] as const) {
      spoil();
      for (let again = 0; again < 2; again++) await build();
      expect(modules()).toEqual(VARIANTS.map(whole));
      expect(runs()).toBe(after);
    }
  });

  it("shows no half of a file, whoever builds at the same time, and leaves nothing beside", async () => {
    rmSync(built, { recursive: true });
    mkdirSync(built);
    let isBuilding = true;
    const both = Promise.all([build(), build()]).finally(() => {
      isBuilding = false;
    });
    const seen = new Set<string>();
    while (isBuilding) {
      for (const name of readdirSync(built).filter((name) => name.endsWith(".wasm"))) {
        seen.add(readFileSync(join(built, name), "utf8"));
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    await both;
    expect([...seen].filter((text) => !text.endsWith("second half"))).toEqual([]);
    expect(modules()).toEqual(VARIANTS.map(whole));
    expect(readdirSync(built).sort()).toEqual(["base.wasm", "relaxed.wasm", "sources.sha256"]);
  });
});
