/** How a program is started that shall have nothing: no files, no environment, no children, no network. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { stripTypeScriptTypes } from "node:module";
import type { Duplex, Readable, Writable } from "node:stream";

/**
 * - `network namespace`: the kernel gives the process no network but a loopback of its own (`unshare`, Linux)
 * - `permission model`: only Node holds it back, which keeps files and processes from it, but not the network
 */
export type Isolation = "network namespace" | "permission model";

type Isolated = {
  readonly isolation: Isolation;
  readonly process: ChildProcessByStdio<Writable, Readable, Readable>;
};

/** A user namespace first: in it even root has no power over the machine. Only root can do without one. */
const PREFIXES = [
  ["unshare", "--net", "--map-root-user"],
  ["unshare", "--net"],
] as const;

/**
 * Reads `[url, source]` pairs from descriptor 3 and imports the first: so the program needs not even its own files.
 * Without types already, it is ready in a third of the time.
 */
const BOOT = `
const { readFileSync, closeSync } = require("node:fs");
const { registerHooks } = require("node:module");
const sources = new Map(JSON.parse(readFileSync(3, "utf8")));
closeSync(3);
const own = (url, next) => sources.has(url) ? { url, format: "module", shortCircuit: true } : next();
registerHooks({
  resolve: (name, context, next) =>
    own(name.startsWith(".") ? new URL(name, context.parentURL).href : name, () => next(name, context)),
  load: (url, context, next) =>
    sources.has(url) ? { format: "module", source: sources.get(url), shortCircuit: true } : next(url, context),
});
import(sources.keys().next().value);
`;

let probe: Promise<readonly string[]> | null = null;
/** Sources of programs, by URL, as {@link BOOT} reads them. */
const texts = new Map<string, Promise<string>>();

/**
 * Starts `program` alone: in Node's permission model with nothing allowed, with no environment, and in an empty network
 * namespace where this machine can make one (tried once). It may import files by relative paths, and Node's modules.
 */
export async function startIsolated(program: URL): Promise<Isolated> {
  probe ??= workingPrefix();
  const text = texts.get(program.href) ?? sourcesOf(program);
  texts.set(program.href, text);
  text.catch(() => texts.delete(program.href));
  const prefix = await probe;
  const node = [process.execPath, "--permission", "--max-old-space-size=256", "-e", BOOT];
  const [command = "", ...args] = [...prefix, ...node];
  const sources = await text;
  const started = spawn(command, args, { env: {}, stdio: ["pipe", "pipe", "pipe", "pipe"] });
  const pipe = started.stdio[3] as Duplex;
  // a process that ends before it has read its program is seen to have ended
  pipe.on("error", () => {});
  pipe.end(sources);
  return { isolation: prefix.length > 0 ? "network namespace" : "permission model", process: started };
}

async function workingPrefix(): Promise<readonly string[]> {
  for (const [command, ...args] of PREFIXES) {
    if (await succeeds(command, [...args, process.execPath, "--version"])) return [command, ...args];
  }
  return [];
}

function succeeds(command: string, args: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    const tried = spawn(command, args, { env: {}, stdio: "ignore" });
    tried.once("error", () => resolve(false));
    tried.once("exit", (code) => resolve(code === 0));
  });
}

/** A program and all that it imports by relative paths, without types. */
async function sourcesOf(program: URL): Promise<string> {
  const sources = new Map([[program.href, ""]]);
  for (const href of sources.keys()) {
    const text = await readFile(new URL(href), "utf8");
    const source = href.endsWith(".ts") ? withoutTypes(text) : text;
    sources.set(href, source);
    const imports = source.matchAll(/^(?:import|export)\s[^;"']*?["'](\.[^"']+)["']/gm);
    for (const [, path = ""] of imports) {
      const imported = new URL(path, href).href;
      if (!sources.has(imported)) sources.set(imported, "");
    }
  }
  return JSON.stringify([...sources]);
}

function withoutTypes(text: string): string {
  const { emitWarning } = process;
  // Node warns once that this function is experimental, which is no news to whoever starts a gateway
  process.emitWarning = () => {};
  try {
    return stripTypeScriptTypes(text);
  } finally {
    process.emitWarning = emitWarning;
  }
}
