/** The vault's calldata for the calls of the model. */
import { type Abi, type AbiFunction, type AbiParameter, encodeFunctionData } from "viem";
import vaultArtifact from "../../../src/settlement/artifacts/LaneVault.json" with { type: "json" };
import type { Call, Calls } from "./calls.ts";
import type { Address, Signature } from "./cells.ts";

export const VAULT_ABI = vaultArtifact.abi as Abi;

/** The vault's calldata for a call of the model. */
export function encodeCall({ name, args }: Call): Address {
  const item = VAULT_ABI.find((one): one is AbiFunction => one.type === "function" && one.name === name);
  if (!item) throw new Error(`the vault has no function ${name}`);
  const given = item.inputs.map((input) => argument(input, packed({ name, args } as Call)));
  return encodeFunctionData({ abi: [item], functionName: name, args: given });
}

/** One argument by name, from the call's own fields. */
function argument(input: AbiParameter, args: Record<string, unknown>): unknown {
  const value = args[input.name ?? ""];
  if (Array.isArray(value) && "components" in input) {
    const parts = input.components as readonly AbiParameter[];
    return value.map((row: Record<string, unknown>) => fields(parts, row));
  }
  if ("components" in input) {
    return fields(input.components as readonly AbiParameter[], value as Record<string, unknown>);
  }
  return plain(input, value);
}

function fields(parts: readonly AbiParameter[], row: Record<string, unknown>): Record<string, unknown> {
  const flat = { ...row, ...(row["order"] as object | undefined) };
  return Object.fromEntries(
    parts.map((part) => [part.name ?? "", argument(part, { ...flat, order: row["order"] })]),
  );
}

function plain({ name, type }: AbiParameter, value: unknown): unknown {
  if (typeof value === "object" && value !== null) return (value as Signature).bytes;
  if (type === "bytes32" && typeof value === "bigint") return word(value, 32);
  if (value === undefined) throw new Error(`the call has no ${name}`);
  return value;
}

/** The call's fields with packed rows, and a permit's signature in three parts. */
function packed({ name, args }: Call): Record<string, unknown> {
  if (name === "claimBatch") return { batch: cut(packVouchers(args), args.cut) };
  if (name === "fundLanes") {
    const rows = args.rows.map((row) => row.payee + fixed(row.amount, 12) + fixed(row.window, 1));
    return { ...args, rows: cut(`0x${rows.join("").replaceAll("0x", "")}`, args.cut) };
  }
  if (name !== "depositWithPermit") return args as unknown as Record<string, unknown>;
  const { bytes } = args.signature;
  const v = Number.parseInt(bytes.slice(130, 132), 16);
  return { ...args, r: bytes.slice(0, 66), s: `0x${bytes.slice(66, 130)}`, v };
}

function packVouchers({ token, rows }: Calls["claimBatch"]): Address {
  let batch: string = token;
  for (const [payee, group] of Map.groupBy(rows, (row) => row.payee)) {
    batch += payee.slice(2) + fixed(BigInt(group.length), 2);
    for (const { epoch, cumulative, signature } of group) {
      const v = signature.bytes.endsWith("1c") ? 128 : 0;
      const s = Number.parseInt(signature.bytes.slice(66, 68), 16) | v;
      batch += fixed(epoch, 3) + fixed(cumulative, 12) + signature.bytes.slice(2, 66);
      batch += fixed(BigInt(s), 1) + signature.bytes.slice(68, 130);
    }
  }
  return batch as Address;
}

function cut(bytes: Address, isCut: boolean): Address {
  return isCut ? (bytes.slice(0, -2) as Address) : bytes;
}

function fixed(value: bigint, byteLength: number): string {
  return value.toString(16).padStart(2 * byteLength, "0");
}

function word(value: bigint, byteLength: number): Address {
  return `0x${fixed(value, byteLength)}`;
}
