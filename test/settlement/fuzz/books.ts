/** The vault's state as an indexer knows it: from events alone. */
import { decodeEventLog, type Hex } from "viem";
import { VAULT_ABI } from "./calldata.ts";

/** One event as a receipt has it. */
export interface Log {
  readonly address: string;
  readonly topics: [Hex, ...Hex[]];
  readonly data: Hex;
}

const LOW = 2n ** 96n - 1n;

export class Books {
  readonly vaults = new Map<string, bigint>();
  readonly lanes = new Map<string, bigint>();
  readonly owners = new Map<string, string>();
  readonly allowances = new Map<string, bigint>();
  readonly used = new Set<string>();
  /** Which events there were. */
  readonly seen = new Set<string>();

  constructor(earlier?: Books) {
    for (const [key, units] of earlier?.vaults ?? []) this.vaults.set(key, units);
    for (const [key, word] of earlier?.lanes ?? []) this.lanes.set(key, word);
    for (const [key, owner] of earlier?.owners ?? []) this.owners.set(key, owner);
    for (const [key, units] of earlier?.allowances ?? []) this.allowances.set(key, units);
  }

  /** Books one event of the vault. */
  take({ topics, data }: Log): void {
    const event = decodeEventLog({ abi: VAULT_ABI, topics, data });
    const { eventName: name, args } = event as unknown as {
      eventName: string;
      args: Record<string, unknown>;
    };
    const at = (...names: string[]) => names.map((name) => String(args[name]).toLowerCase()).join();
    const units = (name: string) => BigInt(args[name] as bigint);
    const change = (key: string, by: bigint) => this.vaults.set(key, (this.vaults.get(key) ?? 0n) + by);
    this.seen.add(name);
    if (name === "Deposited") change(at("account", "token"), units("received"));
    if (name === "Withdrawn") change(at("account", "token"), -units("amount"));
    if (name === "LaneFunded") change(at("payer", "token"), -units("amount"));
    if (name === "LaneClosed") change(at("payee", "token"), units("credited"));
    if (name === "LaneClosed") change(at("payer", "token"), units("refunded"));
    if (name === "FeePaid") change(at("account", "token"), -units("fee"));
    if (name === "FeePaid") change(at("relayer", "token"), units("fee"));
    if (name === "Claimed") change(at("payee", "token"), units("credited"));
    if (name === "OwnerNamed") this.owners.set(at("account"), at("owner"));
    if (name === "AllowanceSet") this.allowances.set(at("account", "token"), units("amount"));
    if (name === "NonceUsed") this.used.add(at("signer", "nonce"));
    if ("word" in args) this.lanes.set(at("payer", "payee", "token"), units("word"));
    for (const row of (args["rows"] as string[] | undefined) ?? []) {
      const key = `${row.slice(0, 42).toLowerCase()},${at("payee", "token")}`;
      const word = this.lanes.get(key) ?? 0n;
      this.lanes.set(key, word - (word & LOW) + BigInt(`0x${row.slice(42)}`));
    }
  }
}
