/**
 * The Solidity compiler, once for each input: its answers stay in `build/`, so that the many test files that put the same
 * contracts on a chain do not compile them over and over.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
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
  const compiler = createRequire(import.meta.url)("solc") as { compile(input: string): string };
  const output = compiler.compile(input);
  mkdirSync(FOLDER, { recursive: true });
  const draft = new URL(`${name}.${process.pid}`, FOLDER);
  writeFileSync(draft, output);
  renameSync(draft, new URL(`${name}.json`, FOLDER));
  return output;
}

function readOrNull(file: URL): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}
