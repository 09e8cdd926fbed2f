/**
 * Builds the kernels: writes the straight-line parts, proves their bounds, compiles one module per target.
 *
 *     node assembly/build.ts            both targets, unless they are as new as their sources
 *     node assembly/build.ts --sources  only the generated sources
 *
 * Every file is written beside its place and renamed: who reads meanwhile, another build too, finds a whole one.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { promisify } from "node:util";
import { generate } from "./generate/generate.ts";

const ROOT = resolve(import.meta.dirname, "..");
const GENERATED = join(ROOT, "build", "assembly");
const BUILT = join(ROOT, "build", "kernels");
const COMPILER = join(ROOT, "node_modules", "assemblyscript");
const TARGETS = ["base", "relaxed"] as const;

type Target = (typeof TARGETS)[number];

/** Hash of all that decides what the modules are: changed by every change of a source or of the compiler. */
function sourcesHash(): string {
  const hash = createHash("sha256").update(readFileSync(join(COMPILER, "package.json")));
  for (const path of ["asconfig.json", ...globSync("assembly/**/*.ts", { cwd: ROOT }).sort()]) {
    hash
      .update(path)
      .update("\0")
      .update(readFileSync(join(ROOT, path)));
  }
  return hash.digest("hex");
}

/** What stands in the stamp when the modules are these, of sources with this hash. */
function stampOf(sources: string, modules: readonly (Buffer | null)[]): string {
  const hashes = modules.map((bytes) =>
    createHash("sha256")
      .update(bytes ?? "missing")
      .digest("hex"),
  );
  return [sources, ...hashes].join("\n");
}

function read(path: string): Buffer | null {
  try {
    return readFileSync(path);
  } catch {
    return null;
  }
}

/** A name beside a file's place that no other process has. */
const beside = (path: string) => `${path}.${process.pid}.tmp`;

function write(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(beside(path), content);
  renameSync(beside(path), path);
}

/** @throws Error when a bound does not hold */
function writeSources(): void {
  for (const { name, text } of generate()) {
    const path = join(GENERATED, `${name}.ts`);
    if (read(path)?.toString() !== text) write(path, text);
  }
}

const moduleAt = (target: Target) => join(BUILT, `${target}.wasm`);

/** In a process of its own: the compiler keeps one core busy for seconds. Returns the module. */
async function compile(target: Target): Promise<Buffer> {
  const path = moduleAt(target);
  const outFile = relative(ROOT, beside(path));
  const args = ["assembly/kernels.ts", "--config", "asconfig.json", "--target", target, "--outFile", outFile];
  try {
    await promisify(execFile)(process.execPath, [join(COMPILER, "bin", "asc.js"), ...args], { cwd: ROOT });
    const bytes = readFileSync(beside(path));
    renameSync(beside(path), path);
    return bytes;
  } catch (failed) {
    rmSync(beside(path), { force: true });
    const { stderr, message } = failed as Error & { readonly stderr?: string };
    throw new Error(`${target}: ${stderr || message}`);
  }
}

const stamp = join(BUILT, "sources.sha256");
const sources = sourcesHash();
const isBuilt = () =>
  read(stamp)?.toString() ===
  stampOf(
    sources,
    TARGETS.map((target) => read(moduleAt(target))),
  );
if (process.argv.includes("--sources")) writeSources();
else if (!isBuilt()) {
  writeSources();
  // of what was compiled here: if another build has put its own in place since, the stamp does not fit
  write(stamp, stampOf(sources, await Promise.all(TARGETS.map(compile))));
}
