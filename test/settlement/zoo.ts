/**
 * The tokens that a vault must survive, compiled in this process and put on a chain.
 *
 * Their sources stand in `contracts/`; a TypeScript model of the ones that the fuzz test drives stands next to them.
 */
import { readdirSync, readFileSync } from "node:fs";
import { type Abi, encodeDeployData, encodeFunctionData, type RpcTransactionReceipt } from "viem";
import type { Hex } from "../../src/base/bytes.ts";
import { type SolcOutput, solc } from "./solc.ts";

/** Every token of the zoo, and the EIP-1271 wallet. */
export type Species =
  | "LegacyUsdt"
  | "Usdt0"
  | "Peg18"
  | "FalseToken"
  | "ReentrantToken"
  | "LyingToken"
  | "SwallowToken"
  | "Wallet";

/** A contract on a chain. */
export interface Creature {
  readonly address: Hex;
  readonly abi: Abi;
}

/** One JSON-RPC request. */
type Rpc = (method: string, params: readonly unknown[]) => Promise<unknown>;

const SOURCES = new URL("contracts/", import.meta.url);

let compiled: SolcOutput["contracts"] | undefined;

/** The zoo by file. Not by the intermediate language, which takes twice as long. */
function compile(): SolcOutput["contracts"] {
  if (compiled) return compiled;
  const names = readdirSync(SOURCES).filter((name) => name.endsWith(".sol"));
  const sources = names.map((name) => [name, { content: readFileSync(new URL(name, SOURCES), "utf8") }]);
  compiled = solc({
    language: "Solidity",
    sources: Object.fromEntries(sources),
    settings: {
      evmVersion: "cancun",
      optimizer: { enabled: true },
      outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } },
    },
  });
  return compiled;
}

/**
 * Deploys one of the zoo.
 *
 * @param by - an account that the chain signs for; the owner of tokens that have one
 * @param args - of the constructor
 */
export async function deploy(
  rpc: Rpc,
  by: Hex,
  species: Species,
  args: readonly unknown[] = [],
): Promise<Creature> {
  const built = compile()[`${species}.sol`]?.[species];
  if (!built) throw new Error(`${species}.sol declares no ${species}`);
  const { abi } = built;
  const data = encodeDeployData({ abi, bytecode: `0x${built.evm.bytecode.object}`, args });
  const receipt = (await rpc("eth_sendTransactionSync", [
    { from: by, data, gas: "0xf42400" },
  ])) as RpcTransactionReceipt;
  if (!receipt.contractAddress) throw new Error(`${species} was not deployed`);
  return { address: receipt.contractAddress.toLowerCase() as Hex, abi };
}

/** Sends a call of a creature that must succeed. */
export async function tell(
  rpc: Rpc,
  by: Hex,
  creature: Creature,
  functionName: string,
  args: readonly unknown[],
): Promise<void> {
  const data = encodeFunctionData({ abi: creature.abi, functionName, args });
  const call = { from: by, to: creature.address, data, gas: "0xf42400" };
  const receipt = (await rpc("eth_sendTransactionSync", [call])) as RpcTransactionReceipt;
  if (receipt.status !== "0x1") throw new Error(`${functionName} reverted`);
}
