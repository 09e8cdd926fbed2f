/** Small modules around the kernels' inner functions, which the product does not export. */
import { createHash, randomUUID } from "node:crypto";
import { globSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import asc from "assemblyscript/asc";
import { generate } from "../../assembly/generate/generate.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const CACHE = join(ROOT, "build", "test-kernels");
/** Where the entry stands, so that it imports `./field/p29`. There is no such file. */
const ENTRY = "assembly/entry-under-test.ts";

export type Target = "base" | "relaxed";

/** Both builds: what holds in one must hold in the other. */
export const TARGETS: readonly Target[] = ["base", "relaxed"];

type Options = {
  /** Compiles in the switch that leaves out a branch (`assembly/curve/exceptional.ts`). */
  readonly faults?: boolean;
};

function read(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

/** Whole or not at all: tests run side by side. */
function write(path: string, contents: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.${randomUUID()}`;
  writeFileSync(draft, contents);
  renameSync(draft, path);
}

function fingerprint(text: string, flags: readonly string[]): string {
  const hash = createHash("sha256").update(asc.version).update(flags.join(" ")).update("\0").update(text);
  for (const path of globSync("assembly/**/*.ts", { cwd: ROOT }).sort()) {
    hash
      .update(path)
      .update("\0")
      .update(readFileSync(join(ROOT, path)));
  }
  return hash.digest("hex").slice(0, 32);
}

/**
 * Compiles an AssemblyScript entry, or takes what an earlier run compiled from the same sources.
 *
 * @param text the entry; its imports are relative to `assembly/`
 * @returns the module's bytes
 */
export async function compileEntry(
  text: string,
  target: Target,
  options: Options = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const features = target === "relaxed" ? "simd,relaxed-simd" : "simd";
  const uses = ["--use", "abort=", "--use", `FAULTS=${options.faults ? 1 : 0}`];
  const flags = ["--runtime", "stub", "--noAssert", "-O3", "--converge", "--enable", features, ...uses];
  const path = join(CACHE, `${fingerprint(text, flags)}.wasm`);
  try {
    return new Uint8Array(readFileSync(path));
  } catch {
    // Not compiled yet.
  }
  for (const { name, text: source } of generate()) {
    const place = join(ROOT, "build", "assembly", `${name}.ts`);
    if (read(place) !== source) write(place, source);
  }
  let compiled: Uint8Array | null = null;
  const { error, stderr } = await asc.main([ENTRY, ...flags, "--outFile", "entry.wasm"], {
    readFile: (name) => (name === ENTRY ? text : read(resolve(ROOT, name))),
    writeFile: (_name, contents) => {
      if (typeof contents !== "string") compiled = contents;
    },
    listFiles: () => [],
  });
  if (error || !compiled)
    throw new Error(`${error?.message ?? "nothing was compiled"}\n${stderr.toString()}`);
  write(path, compiled);
  return new Uint8Array(compiled);
}
