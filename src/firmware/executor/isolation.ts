/** How a program is started that shall have nothing: no files, no environment, no children, no network. */
import { type ChildProcessByStdio, fork, spawn } from "node:child_process";
import { once } from "node:events";
import type { Duplex, Readable, Writable } from "node:stream";
import { sourcesOf } from "./sources.ts";

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
  const text = texts.get(program.href) ?? textOf(program);
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

/** What removes types takes some twenty megabytes that nothing gives back but the end of its process. */
async function textOf(program: URL): Promise<string> {
  if (!program.href.endsWith(".ts")) return await sourcesOf(program, (text) => text);
  const stripper = fork(new URL("./stripper.ts", import.meta.url), [program.href], { execArgv: [] });
  const failed = new Promise<never>((_, reject) => {
    // a good end may be seen before what was sent
    stripper.once("exit", (code) => code !== 0 && reject(new Error(`removing types ended with ${code}`)));
    stripper.once("error", reject);
  });
  const [text]: unknown[] = await Promise.race([once(stripper, "message"), failed]);
  return String(text);
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
