/**
 * The Solidity compiler, once for each input: its answers stay in `build/`, so that the many test files that put the same
 * contracts on a chain do not compile them over and over.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Abi } from "viem";

/** The part of the compiler's standard JSON output that tests read. */
export interface SolcOutput {
  readonly errors?: readonly { readonly formattedMessage: string }[];
  readonly contracts: Record<
    string,
    Record<string, { readonly abi: Abi; readonly evm: { readonly bytecode: { readonly object: string } } }>
  >;
}

const FOLDER = new URL("../../build/solc/", import.meta.url);

/** Longest that one process waits for another that compiles the same, milliseconds. */
const PATIENCE_MS = 30_000;

/** @param input - standard JSON; a complaint of the compiler, warnings included, is an error here */
export function solc(input: object): SolcOutput["contracts"] {
  const compiler = createRequire(import.meta.url)("solc/package.json") as { version: string };
  const text = JSON.stringify(input);
  const name = createHash("sha256").update(compiler.version).update(text).digest("hex");
  const known = readOrNull(new URL(`${name}.json`, FOLDER));
  const output = JSON.parse(known ?? compile(text, name)) as SolcOutput;
  if (output.errors) throw new Error(output.errors.map((error) => error.formattedMessage).join("\n"));
  return output.contracts;
}

function compile(input: string, name: string): string {
  const file = new URL(`${name}.json`, FOLDER);
  const lock = new URL(`${name}.lock`, FOLDER);
  mkdirSync(FOLDER, { recursive: true });
  const isOurs = taken(lock);
  try {
    const others = isOurs ? readOrNull(file) : awaited(file, lock);
    if (others !== null) return others;
    const compiler = createRequire(import.meta.url)("solc") as { compile(input: string): string };
    const output = compiler.compile(input);
    const draft = new URL(`${name}.${process.pid}`, FOLDER);
    writeFileSync(draft, output);
    renameSync(draft, file);
    return output;
  } finally {
    if (isOurs) rmdirSync(lock);
  }
}

function taken(lock: URL): boolean {
  try {
    mkdirSync(lock);
    return true;
  } catch {
    return false;
  }
}

/** What another process makes of it; null when that ends without, or takes too long. */
function awaited(file: URL, lock: URL): string | null {
  const until = performance.now() + PATIENCE_MS;
  const turn = new Int32Array(new SharedArrayBuffer(4));
  while (existsSync(lock) && performance.now() < until) Atomics.wait(turn, 0, 0, 20);
  return readOrNull(file);
}

function readOrNull(file: URL): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}
