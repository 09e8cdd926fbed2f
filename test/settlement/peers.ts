/** Contracts that the vault is held against, compiled with the very settings that the vault is. */
import { readFileSync } from "node:fs";
import { encodeDeployData, type Hex, type RpcTransactionReceipt } from "viem";
import { solc } from "./solc.ts";
import type { Creature } from "./zoo.ts";

/** With the files that each one's code comes from. */
const PEERS = {
  Prototype: ["Prototype.sol", "Textbook.sol"],
  Textbook: ["Textbook.sol"],
  Usdt0: ["Usdt0.sol", "Token.sol"],
} as const;

/** Compiles a contract and puts it on a chain; `by` is an account that the chain signs for. */
export async function deployPeer(
  rpc: (method: string, params: readonly unknown[]) => Promise<unknown>,
  by: Hex,
  name: keyof typeof PEERS,
): Promise<Creature> {
  const read = (file: string) => readFileSync(new URL(`contracts/${file}`, import.meta.url), "utf8");
  const contracts = solc({
    language: "Solidity",
    sources: Object.fromEntries(PEERS[name].map((file) => [file, { content: read(file) }])),
    settings: {
      viaIR: true,
      evmVersion: "cancun",
      optimizer: { enabled: true, runs: 1_000_000 },
      outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } },
    },
  });
  const built = contracts[`${name}.sol`]?.[name];
  if (!built) throw new Error(`${name}.sol declares no ${name}`);
  const data = encodeDeployData({ abi: built.abi, bytecode: `0x${built.evm.bytecode.object}`, args: [] });
  const creation = { from: by, data, gas: "0xf42400" };
  const receipt = (await rpc("eth_sendTransactionSync", [creation])) as RpcTransactionReceipt;
  if (!receipt.contractAddress) throw new Error(`${name} was not deployed`);
  return { address: receipt.contractAddress.toLowerCase() as Hex, abi: built.abi };
}
