/**
 * The kernels that the meter is measured, calibrated and compared on, compiled into `build/bench`.
 *
 * Their AssemblyScript ends in `.as`, because TypeScript's compiler would read it otherwise.
 */
import { spawnSync } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import asc from "assemblyscript/asc";

const BUILT = resolve(import.meta.dirname, "../../../build/bench");
const FLAGS = ["--runtime", "stub", "--use", "abort=", "--noAssert", "-O3", "--converge", "--enable", "simd"];
const C_FLAGS = ["--target=wasm32", "-O3", "-nostdlib", "-fno-builtin", "-Wl,--no-entry", "-Wl,--strip-all"];

const source = (file: string) => readFileSync(join(import.meta.dirname, file), "utf8");

/** Those in AssemblyScript, and the pages that each may have. */
const PAGES = {
  astar: 256,
  chase: 1_024,
  fib: 16,
  layer: 16,
  matmul: 32,
  "matmul-simd": 32,
  nbody: 16,
  sha256: 16,
  tiny: 1,
  vm: 16,
} as const;

export type KernelName = keyof typeof PAGES;

/** Whole or not at all: tests run side by side. */
function keep(path: string, bytes: Uint8Array): void {
  mkdirSync(BUILT, { recursive: true });
  const draft = `${path}.${randomUUID()}`;
  writeFileSync(draft, bytes);
  renameSync(draft, path);
}

function built(name: string, ...made: readonly string[]): { path: string; bytes: Uint8Array | null } {
  const hash = createHash("sha256").update(made.join("\0")).digest("hex").slice(0, 16);
  const path = join(BUILT, `${name}-${hash}.wasm`);
  try {
    return { path, bytes: new Uint8Array(readFileSync(path)) };
  } catch {
    return { path, bytes: null };
  }
}

/** Compiles a kernel in AssemblyScript, or takes what an earlier run compiled from the same sources. */
export async function compileKernel(name: KernelName): Promise<Uint8Array> {
  const sources = new Map([
    [`${name}.ts`, source(`${name}.as`)],
    ["task.ts", source("task.as")],
  ]);
  const flags = [...FLAGS, "--initialMemory", "1", "--maximumMemory", `${PAGES[name]}`];
  const { path, bytes } = built(name, asc.version, ...flags, ...sources.values());
  if (bytes) return bytes;
  let compiled: Uint8Array | null = null;
  const { error, stderr } = await asc.main([`${name}.ts`, ...flags, "--outFile", "kernel.wasm"], {
    readFile: (file) => sources.get(file) ?? null,
    writeFile: (_file, contents) => {
      if (typeof contents !== "string") compiled = new Uint8Array(contents);
    },
    listFiles: () => [],
  });
  if (error || compiled === null) throw new Error(`${name}: ${error?.message}\n${stderr.toString()}`);
  keep(path, compiled);
  return compiled;
}

/**
 * Compiles `sort.c`.
 *
 * @returns null where clang or its linker for WebAssembly is not installed
 * @throws Error when it does not compile
 */
export function compileC(): Uint8Array | null {
  const version = spawnSync("clang", ["--version"], { encoding: "utf8" });
  const linker = spawnSync("wasm-ld", ["--version"], { encoding: "utf8" });
  if (version.error || linker.error) return null;
  const flags = [...C_FLAGS, `-Wl,--max-memory=${16 * 65_536}`];
  const { path, bytes } = built("sort", version.stdout, linker.stdout, ...flags, source("sort.c"));
  if (bytes) return bytes;
  mkdirSync(BUILT, { recursive: true });
  const draft = `${path}.${randomUUID()}`;
  const { status, stderr } = spawnSync(
    "clang",
    [...flags, "-o", draft, join(import.meta.dirname, "sort.c")],
    { encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`sort.c: ${stderr}`);
  renameSync(draft, path);
  return new Uint8Array(readFileSync(path));
}

/** What to install where {@link compileC} gives null. */
export const C_PACKAGES = "clang and lld";
