/**
 * Builds the kernels: writes the straight-line parts, proves their bounds, compiles one module per target.
 *
 *     node assembly/build.ts            both targets, unless they are as new as their sources
 *     node assembly/build.ts --sources  only the generated sources
 */
import { createHash } from "node:crypto";
import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import asc from "assemblyscript/asc";
import { generate } from "./generate/generate.ts";

const ROOT = resolve(import.meta.dirname, "..");
const GENERATED = join(ROOT, "build", "assembly");
const BUILT = join(ROOT, "build", "kernels");
const TARGETS = ["base", "relaxed"] as const;

/** Hash of all that decides what the modules are. */
function fingerprint(): string {
  const hash = createHash("sha256").update(asc.version);
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

async function compile(target: (typeof TARGETS)[number]): Promise<void> {
  const outFile = `build/kernels/${target}.wasm`;
  const args = ["assembly/kernels.ts", "--config", "asconfig.json", "--target", target, "--outFile", outFile];
  const { error, stderr } = await asc.main([...args, "--baseDir", ROOT]);
  if (error) throw new Error(`${target}: ${error.message}\n${stderr.toString()}`);
}

const stamp = join(BUILT, "sources.sha256");
const wanted = fingerprint();
if (process.argv.includes("--sources")) writeSources();
else if (read(stamp) !== wanted || TARGETS.some((target) => read(join(BUILT, `${target}.wasm`)) === null)) {
  writeSources();
  for (const target of TARGETS) await compile(target);
  writeFileSync(stamp, wanted);
}
