/** What a demo needs before anything runs: a chain with play money, keys, accounts, a data folder, funded lanes. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { privateKeyToAccount } from "viem/accounts";
import { type Hex, toHex } from "../../base/bytes.ts";
import type { Clock } from "../../base/clock.ts";
import { type Amount, amount } from "../../base/money.ts";
import { addressOfKey, randomKey } from "../../kernels/signature.ts";
import { pairingText } from "../../protocol/pairing.ts";
import type { Market } from "../../protocol/typed-data.ts";
import { type Call, type Chain, mined } from "../../settlement/chain.ts";
import { deployPlayMoney } from "../../settlement/deploy.ts";
import { openEvmChain } from "../../settlement/evm-chain.ts";
import type { LocalChain } from "../../settlement/local-chain.ts";
import { approve, deposit, depositLane, mint } from "../../settlement/vault-calls.ts";
import { openTestWallet, TEST_WALLET } from "../action/test-wallet.ts";
import { newPairing, savePairing } from "../device/pairing.ts";
import { writeRosterEntry } from "../roster-folder.ts";

/** USDT's decimals, here and on most chains. */
export const DECIMALS = 6;

/** Play money in the gateway's vault, which funds the lanes it pays on. */
const GATEWAY_DEPOSIT = 100_000_000n;

/** Play money on each requester's lane. */
const LANE_DEPOSIT = 20_000_000n;

/** Play money on the lane of the wallet that pays for test tasks: all of its cap. */
const TEST_DEPOSIT = amount(1_000_000n);

/** What the gateway signs for a board whose wallet it keeps, in whole coins: all of its lane. */
const BOARD_CAP = 20n;

/** Room that the gateway keeps on each lane to a device. */
const OUTGOING_LANE = "5.00";

export type DemoDevice = {
  readonly name: string;
  readonly address: Hex;
  readonly connectionFile: string;
  readonly walletFile: string;
};

export type World = {
  readonly folder: string;
  readonly config: string;
  readonly chain: Chain;
  /** The chain's JSON-RPC, which devices read their lanes from. */
  readonly rpc: string;
  readonly gateway: Hex;
  readonly token: Hex;
  readonly gatewayDeposit: Amount;
  readonly devices: readonly DemoDevice[];
  /** All that have money here: the devices, and the wallet that pays for test tasks where there is a page to send them from. */
  readonly parties: readonly { readonly name: string; readonly address: Hex }[];
  /** What the board remembers, when the gateway keeps its wallet. */
  readonly store: string;
  /** Writes the connection files, once it is known where the broker listens. */
  readonly connect: (port: number) => void;
};

type Names = {
  readonly requesters: readonly string[];
  readonly providers: readonly string[];
  /** The requester whose wallet the gateway keeps; null for none. */
  readonly kept?: string | null;
};

export type WorldOptions = {
  readonly folder: string;
  readonly local: LocalChain;
  readonly clock: Clock;
  readonly serialPath: string;
  readonly names: Names;
  /** Where the gateway's page is to be, `host:port`; nowhere unless told. */
  readonly page?: string;
  /** How many times the usual deposits are made, from 1 on: one that goes on for days needs more. */
  readonly times?: bigint;
};

/** Deploys, funds and writes everything; the gateway is not running yet. */
export async function makeWorld(options: WorldOptions): Promise<World> {
  const { folder, local, names, page = "", times = 1n } = options;
  const [deployer] = local.accounts;
  if (!deployer) throw new Error("a local chain has funded accounts");
  const money = await deployPlayMoney(local.url, deployer.privateKey);
  const { chainId, vault, token } = money;
  const chain = await openEvmChain({ urls: [local.url], chainId, vault, confirmations: 1 });
  mkdirSync(folder, { recursive: true });
  const gatewayKey = randomKey();
  const gateway = addressOfKey(gatewayKey);
  writeSecret(join(folder, "gateway.key"), `${toHex(gatewayKey)}\n`);
  const store = join(folder, "board");
  const market = { gateway, chainId, vault, token };
  const devices = [...names.requesters, ...names.providers].map((name) =>
    name === names.kept ? pairBoard(folder, store, market, name, BOARD_CAP * times) : enrol(folder, name),
  );
  const config = join(folder, "gateway.toml");
  writeFileSync(config, tomlOf(local.url, money, { ...options, page }));
  const requesters = devices
    .filter((device) => names.requesters.includes(device.name))
    .map((device) => device.address);
  const tester = page === "" ? null : openTestWallet(folder, market).device;
  const deposits = requesters.map((payer) => ({ payer, sum: amount(LANE_DEPOSIT * times) }));
  const gatewayDeposit = amount(GATEWAY_DEPOSIT * times);
  if (tester) deposits.push({ payer: tester, sum: TEST_DEPOSIT });
  await fund(options, chain, { deployer, gateway, token, deposits, gatewayDeposit });
  const connect = (port: number) => {
    for (const { name, key, connectionFile } of devices) {
      if (key === null) continue;
      const where = { broker: `mqtt://127.0.0.1:${port}`, ...placeOf(name), name };
      const file = { version: 1, ...where, key: toHex(key), ...market };
      writeSecret(connectionFile, `${JSON.stringify(file, null, 2)}\n`);
    }
  };
  return {
    folder,
    config,
    chain,
    rpc: local.url,
    gateway,
    token,
    gatewayDeposit,
    devices,
    parties: [...devices, ...(tester ? [{ name: TEST_WALLET, address: tester }] : [])],
    store,
    connect,
  };
}

/** `key`: null where only the gateway has it. */
type Enrolled = DemoDevice & { readonly key: Uint8Array | null };

function enrol(folder: string, name: string): Enrolled {
  const key = randomKey();
  const address = addressOfKey(key);
  writeRosterEntry(folder, { version: 1, device: address, name, owner: null, ...placeOf(name) });
  return { name, address, key, ...filesOf(folder, name) };
}

/** Does what `hirewire device pair --out` does, and lays the file where the board finds it. */
function pairBoard(folder: string, store: string, market: Market, name: string, cap: bigint): Enrolled {
  const pairing = newPairing(market, { name, ...placeOf(name), owner: null, cap: `${cap}.00` });
  savePairing(folder, pairing);
  mkdirSync(store, { recursive: true });
  writeSecret(join(store, "slot-0"), pairingText(pairing.file));
  return { name, address: pairing.wallet.device, key: null, ...filesOf(folder, name) };
}

function placeOf(serialNumber: string): { manufacturer: string; serialNumber: string } {
  return { manufacturer: "hirewire", serialNumber };
}

function filesOf(folder: string, name: string) {
  return {
    connectionFile: join(folder, `${name}.connection.json`),
    walletFile: join(folder, `${name}.wallet.json`),
  };
}

type Parties = {
  readonly deployer: { readonly address: Hex; readonly privateKey: Hex };
  readonly gateway: Hex;
  readonly token: Hex;
  readonly deposits: readonly { readonly payer: Hex; readonly sum: Amount }[];
  readonly gatewayDeposit: Amount;
};

async function fund(options: WorldOptions, chain: Chain, parties: Parties): Promise<void> {
  const { deployer, gateway, token, deposits, gatewayDeposit } = parties;
  const owner = privateKeyToAccount(deployer.privateKey);
  const total = amount(deposits.reduce((all, { sum }) => all + sum, 0n + gatewayDeposit));
  const { vault } = chain;
  const calls: Call[] = [
    mint(token, deployer.address, total),
    approve(vault, token, total),
    deposit(vault, gateway, token, gatewayDeposit),
    ...deposits.map(({ payer, sum }) => depositLane(vault, { payer, payee: gateway, token }, sum)),
  ];
  for (const call of calls) {
    const { raw, hash } = await chain.prepare(owner, call);
    await chain.broadcast(raw);
    await mined(chain, hash, options.clock, { withinMs: 30_000, everyMs: 10 });
  }
  await giveGas(options.local.url, gateway);
}

/** One coin for gas, out of nothing: a local chain can. */
async function giveGas(url: string, account: Hex): Promise<void> {
  const body = { jsonrpc: "2.0", id: 1, method: "anvil_setBalance", params: [account, "0xde0b6b3a7640000"] };
  const headers = { "content-type": "application/json" };
  await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
}

type Places = { readonly serialPath: string; readonly page: string };

function tomlOf(
  rpc: string,
  money: { chainId: number; vault: Hex; token: Hex },
  { serialPath, page }: Places,
): string {
  return `# Written by hirewire demo: play money on a local chain.
version = 1
name = "demo"
data = "."

[chain]
id = ${money.chainId}
rpc = "${rpc}"
vault = "${money.vault}"
token = "${money.token}"
confirmations = 1
poll_ms = 2000

[[serial]]
path = "${serialPath}"

# nobody outside of this machine goes by its time
[clock]
synchronized = "assume"

[operator]
listen = "${page}"

[settlement]
lane_deposit = "${OUTGOING_LANE}"
`;
}

function writeSecret(file: string, text: string): void {
  writeFileSync(file, text, { mode: 0o600 });
  chmodSync(file, 0o600);
}
