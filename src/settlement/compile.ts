/**
 * Compiles the contracts in `contracts/` into `artifacts/`.
 *
 * The artifacts are committed, so that running a gateway needs no compiler, and a test compiles again to see
 * that they say what the sources say. Run it after every change to a contract:
 *
 *   node src/settlement/compile.ts           writes the artifacts
 *   node src/settlement/compile.ts --check   exits with 1 when a committed artifact differs
 */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Fault } from "../base/fault.ts";

/** The contracts that are deployed, each with the files that its code comes from. */
const CONTRACTS = {
  LaneVault: [
    "LaneVault.sol",
    "Signatures.sol",
    "Accounts.sol",
    "Transfers.sol",
    "Lanes.sol",
    "Funding.sol",
    "Claims.sol",
    "Closing.sol",
    "DepositAddress.sol",
    "Token.sol",
  ],
  TestUsdt: ["TestUsdt.sol"],
} as const;

/** The part of the compiler's standard JSON output that is kept or reported. */
interface Output {
  readonly errors?: readonly { readonly severity: string; readonly formattedMessage: string }[];
  readonly contracts?: Record<
    string,
    Record<
      string,
      { readonly abi: unknown; readonly evm: { readonly bytecode: { readonly object: string } } }
    >
  >;
}

/**
 * Compiles every contract with the settings that its deployed bytecode is known by.
 *
 * @returns artifact files by name: JSON with `abi`, `bytecode` (creation code, 0x hex) and `sourceHash`
 *   ({@link hashSources})
 * @throws {@link Fault} `file_format` with the compiler's own words, warnings included
 */
export function compileContracts(): Map<string, string> {
  const names = Object.values(CONTRACTS).flat();
  const input = {
    language: "Solidity",
    sources: Object.fromEntries(names.map((name) => [name, { content: sourceOf(name) }])),
    settings: {
      viaIR: true,
      evmVersion: "cancun",
      optimizer: { enabled: true, runs: 1_000_000 },
      outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } },
    },
  };
  const solc = createRequire(import.meta.url)("solc") as { compile(input: string): string };
  const output = JSON.parse(solc.compile(JSON.stringify(input))) as Output;
  const complaints = (output.errors ?? []).map((error) => error.formattedMessage);
  if (complaints.length > 0) throw new Fault("file_format", complaints.join("\n"));
  const files = new Map<string, string>();
  for (const name of Object.keys(CONTRACTS) as Contract[]) {
    const built = output.contracts?.[`${name}.sol`]?.[name];
    if (!built) throw new Fault("file_format", `${name}.sol declares no contract ${name}`);
    const bytecode = `0x${built.evm.bytecode.object}`;
    const artifact = { abi: built.abi, bytecode, sourceHash: hashSources(name) };
    files.set(`${name}.json`, `${JSON.stringify(artifact, null, 1)}\n`);
  }
  return files;
}

type Contract = keyof typeof CONTRACTS;

/** SHA-256, in hex, of the files that a contract's code comes from, one after the other. */
export function hashSources(contract: Contract): string {
  const hash = createHash("sha256");
  for (const name of CONTRACTS[contract]) hash.update(sourceOf(name));
  return hash.digest("hex");
}

function sourceOf(name: string): string {
  return readFileSync(beside(`contracts/${name}`), "utf8");
}

/** Names the committed artifacts that are not byte for byte what `files` holds. */
export function staleArtifacts(files: ReadonlyMap<string, string>): string[] {
  return [...files]
    .filter(([name, text]) => readOrEmpty(beside(`artifacts/${name}`)) !== text)
    .map(([name]) => name);
}

function readOrEmpty(file: URL): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function beside(path: string): URL {
  return new URL(path, import.meta.url);
}

if (import.meta.main) {
  const files = compileContracts();
  if (process.argv.includes("--check")) {
    process.exitCode = staleArtifacts(files).length === 0 ? 0 : 1;
  } else {
    for (const [name, text] of files) writeFileSync(beside(`artifacts/${name}`), text);
  }
}
