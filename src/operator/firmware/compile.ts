/**
 * AssemblyScript to task firmware: one source file and what it imports, to a module's bytes.
 *
 * The flags are fixed and no asconfig.json is read, so that the same source and compiler give the same bytes, and so the
 * same hash, to everybody.
 */
import { readFile } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { MEMORY_CLASSES, type MemoryClass } from "../../protocol/fuel.ts";

/** Pages of 64 KiB in a mebibyte. */
const PAGES = 16;

export type Compiled = {
  readonly module: Uint8Array;
  /** Of the compiler: `"0.28.20"`. */
  readonly version: string;
};

export type Uncompiled = {
  /** The compiler's words about what is wrong, with lines and columns. */
  readonly diagnostics: string;
  /** The least memory class that its data fits, where the one asked for is too small. */
  readonly needs?: MemoryClass;
};

/** What the compiler says when the data of a program does not fit the initial memory. */
const SHORT_OF_PAGES = /requires at least '(\d+)' pages of initial memory/;

/**
 * Memory begins with as many pages as the data takes, one at least: a run that has to grow it first costs more, and takes
 * longer to be set back.
 *
 * @param memoryMiB - the memory that the module may use; its class
 */
export async function compile(
  path: string,
  memoryMiB: MemoryClass,
  simd: boolean,
): Promise<Compiled | Uncompiled> {
  const most = memoryMiB * PAGES;
  const first = await compileOnce(path, { least: 1, most }, simd);
  if (!("diagnostics" in first)) return first;
  const least = Number(SHORT_OF_PAGES.exec(first.diagnostics)?.[1] ?? 0);
  if (least > 1 && least <= most) return await compileOnce(path, { least, most }, simd);
  const needs = least > most ? MEMORY_CLASSES.find((larger) => larger * PAGES >= least) : undefined;
  return needs === undefined ? first : { ...first, needs };
}

type Pages = { readonly least: number; readonly most: number };

async function compileOnce(path: string, pages: Pages, simd: boolean): Promise<Compiled | Uncompiled> {
  // every command loads this file, and the compiler is megabytes
  const asc = await import("assemblyscript/asc");
  const flags = ["--runtime", "stub", "--use", "abort=", "-O3", "--converge", "--noAssert", "--noColors"];
  const memory = ["--initialMemory", `${pages.least}`, "--maximumMemory", `${pages.most}`];
  const features = simd ? ["--enable", "simd"] : [];
  const folder = dirname(resolve(path));
  const diagnostics = asc.createMemoryStream();
  const written: Uint8Array[] = [];
  const words = [basename(path), "--outFile", "module.wasm", ...flags, ...memory, ...features];
  const { error } = await asc.main(words, {
    stdout: diagnostics,
    stderr: diagnostics,
    readFile: (name) => (name === "asconfig.json" ? null : textOf(resolve(folder, name))),
    writeFile: (_, contents) => {
      if (typeof contents !== "string") written.push(contents);
    },
    listFiles: () => [],
  });
  const [module] = written;
  if (error === null && module !== undefined) return { module, version: asc.version };
  return { diagnostics: diagnostics.toString().trim() || String(error) };
}

/** Null when there is no such file: the compiler looks in several places. */
async function textOf(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch {
    return null;
  }
}
