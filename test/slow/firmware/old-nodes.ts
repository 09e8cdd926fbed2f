/** Other engines than this process's, and the meter as JavaScript for them. */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { dirname, join, relative, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../../..");
const NODES = join(ROOT, "build/nodes/node_modules");
const ARM64_LIBRARIES = "/usr/aarch64-linux-gnu";

export type Engine = {
  readonly name: string;
  readonly command: readonly string[];
  /** What is not installed, and how to; null where all is. */
  readonly missing: string | null;
};

function installed(name: string, folder: string): Engine {
  const path = join(NODES, folder, "bin/node");
  const missing = existsSync(path) ? null : `${name} is not installed: npm run nodes`;
  return { name, command: [path], missing };
}

function arm64(): Engine {
  const engine = installed("Node 24 on arm64", "node24-arm64");
  const command = ["qemu-aarch64", "-L", ARM64_LIBRARIES, ...engine.command];
  const packages = "qemu-user libc6-arm64-cross libstdc++6-arm64-cross libgcc-s1-arm64-cross";
  const hasAll = !spawnSync("qemu-aarch64", ["--version"]).error && existsSync(ARM64_LIBRARIES);
  return { ...engine, command, missing: engine.missing ?? (hasAll ? null : `install ${packages}`) };
}

/** The first is this process's own. */
export const ENGINES: readonly Engine[] = [
  { name: "Node 24", command: [process.execPath], missing: null },
  installed("Node 20", "node20"),
  installed("Node 22", "node22"),
  arm64(),
];

/** `Set.prototype.union`, which Node 20 has not. */
const UNION = `
Set.prototype.union ??= function (other) {
  return new Set([...this, ...other]);
};
`;

/** Writes a program and all that it imports of ours into a folder, as JavaScript. Returns the program's path there. */
export function asJavaScript(program: string, folder: string): string {
  const written = new Set<string>();
  const write = (path: string): void => {
    if (written.has(path)) return;
    written.add(path);
    // a line for each line that was there
    const code = stripTypeScriptTypes(readFileSync(path, "utf8"));
    const target = join(folder, relative(ROOT, path)).replace(/\.ts$/, ".js");
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, code.replaceAll(/(from\s+"\.{1,2}\/[^"]+)\.ts"/g, '$1.js"'));
    for (const [, to = ""] of code.matchAll(/from\s+"(\.{1,2}\/[^"]+\.ts)"/g))
      write(resolve(dirname(path), to));
  };
  write(resolve(ROOT, program));
  cpSync(join(ROOT, "package.json"), join(folder, "package.json"));
  const entry = join(folder, "entry.js");
  writeFileSync(join(folder, "union.js"), UNION);
  writeFileSync(entry, `import "./union.js";\nimport "./${program.replace(/\.ts$/, ".js")}";\n`);
  return entry;
}
