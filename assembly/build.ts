/**
 * Builds the kernels: writes the straight-line parts, proves their bounds, compiles one module per target.
 *
 *     node assembly/build.ts            both targets, unless they are as new as their sources
 *     node assembly/build.ts --sources  only the generated sources
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { generate } from "./generate/generate.ts";

const ROOT = resolve(import.meta.dirname, "..");
const GENERATED = join(ROOT, "build", "assembly");
const BUILT = join(ROOT, "build", "kernels");
const COMPILER = join(ROOT, "node_modules", "assemblyscript");
const TARGETS = ["base", "relaxed"] as const;

/** Hash of all that decides what the modules are. */
function fingerprint(): string {
  const hash = createHash("sha256").update(readFileSync(join(COMPILER, "package.json")));
  for (const path of ["asconfig.json", ...globSync("assembly/**/*.ts", { cwd: ROOT }).sort()]) {
    hash
      .update(path)
      .update("\0")
      .update(readFileSync(join(ROOT, path)));
  }
  return hash.digest("hex");
}

function read(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

/** @throws Error when a bound does not hold */
function writeSources(): void {
  for (const { name, text } of generate()) {
    const path = join(GENERATED, `${name}.ts`);
    if (read(path) === text) continue;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}

/** In a process of its own: the compiler keeps one core busy for seconds. */
async function compile(target: (typeof TARGETS)[number]): Promise<void> {
  const outFile = `build/kernels/${target}.wasm`;
  const args = ["assembly/kernels.ts", "--config", "asconfig.json", "--target", target, "--outFile", outFile];
  await promisify(execFile)(process.execPath, [join(COMPILER, "bin", "asc.js"), ...args], {
    cwd: ROOT,
  }).catch((failed) => {
    throw new Error(`${target}: ${failed.stderr || failed.message}`);
  });
}

const stamp = join(BUILT, "sources.sha256");
const wanted = fingerprint();
if (process.argv.includes("--sources")) writeSources();
else if (read(stamp) !== wanted || TARGETS.some((target) => read(join(BUILT, `${target}.wasm`)) === null)) {
  writeSources();
  await Promise.all(TARGETS.map(compile));
  writeFileSync(stamp, wanted);
}
