/** A chain with the vault, five tokens and seven parties on it, and the model of the same. */
import {
  type Abi,
  decodeErrorResult,
  decodeFunctionResult,
  encodeDeployData,
  encodeFunctionData,
} from "viem";
import { type PrivateKeyAccount, privateKeyToAccount } from "viem/accounts";
import vaultArtifact from "../../../src/settlement/artifacts/LaneVault.json" with { type: "json" };
import { startLocalChain } from "../../../src/settlement/local-chain.ts";
import { VaultModel } from "../model.ts";
import { type Creature, deploy } from "../zoo.ts";
import type { Log } from "./books.ts";
import { VAULT_ABI } from "./calldata.ts";
import type { Lane } from "./calls.ts";
import type { Address } from "./cells.ts";
import { FalseTokenModel, LegacyUsdtModel, ReentrantTokenModel, TokenModel, Usdt0Model } from "./tokens.ts";

/** Below what one transaction may use (EIP-7825). */
const GAS = "0xe4e1c0";

/** Someone who sends calls; a wallet's key is another party's too. */
export interface Party {
  readonly address: Address;
  readonly key: PrivateKeyAccount;
  readonly isWallet: boolean;
}

/** The model and its tokens by kind. */
export interface Mirror {
  readonly vault: VaultModel;
  readonly legacy: LegacyUsdtModel;
  readonly usdt0: Usdt0Model;
  readonly peg: TokenModel;
  readonly moody: FalseTokenModel;
  readonly reentrant: ReentrantTokenModel;
}

/** What the chain shows at its newest block. */
export interface Sight {
  /** By `account,token`. */
  readonly vaults: ReadonlyMap<string, bigint>;
  /** Lane words by `payer,payee,token`. */
  readonly lanes: ReadonlyMap<string, bigint>;
  /** What each token says the vault holds. */
  readonly held: ReadonlyMap<string, bigint>;
}

export type Arena = Awaited<ReturnType<typeof openArena>>;
type Rpc = (method: string, params: readonly unknown[]) => Promise<unknown>;
type Ask = Awaited<ReturnType<typeof dial>>["ask"];
type Tokens = Record<Exclude<keyof Mirror, "vault">, Creature>;

/** Starts a chain and puts everything on it. */
export async function openArena() {
  const local = await startLocalChain();
  const { ask, hangUp } = await dial(local.url);
  const rpc: Rpc = async (method, params) => (await ask([{ method, params }]))[0];
  const [boss, ...others] = local.accounts;
  if (!boss) throw new Error("anvil has no accounts");
  const owner = boss.address;
  const vault = await deployVault(rpc, owner);
  const tokens: Tokens = {
    legacy: await deploy(rpc, owner, "LegacyUsdt"),
    usdt0: await deploy(rpc, owner, "Usdt0"),
    peg: await deploy(rpc, owner, "Peg18"),
    moody: await deploy(rpc, owner, "FalseToken"),
    reentrant: await deploy(rpc, owner, "ReentrantToken"),
  };
  const parties = await assemble(rpc, owner, others.slice(0, 5));
  const read = async (functionName: string, args: readonly unknown[]): Promise<unknown> => {
    const data = encodeFunctionData({ abi: VAULT_ABI, functionName, args });
    const answer = (await rpc("eth_call", [{ to: vault, data }, "latest"])) as Address;
    return decodeFunctionResult({ abi: VAULT_ABI, functionName, data: answer });
  };
  const doors = new Map<Address, Address>();
  for (const { address } of parties) {
    doors.set(address, ((await read("depositAddress", [address])) as string).toLowerCase() as Address);
  }
  return {
    vault,
    owner,
    parties,
    tokens,
    doors,
    rpc,
    read,
    stop: async () => {
      hangUp();
      await local.stop();
    },
    send: sender(rpc, vault, Object.values(tokens)),
    look: watcher(ask, vault, Object.values(tokens), [
      ...parties.map(({ address }) => address),
      tokens.reentrant.address,
    ]),
    /** A model of vault and tokens just deployed. */
    mirror: (): Mirror => mirror(vault, owner, tokens, parties, doors),
  };
}

/** The word in which the vault keeps a lane. */
export function wordOf({ settled, deposit, closeAt, window, epoch }: Lane): bigint {
  return settled | (deposit << 96n) | (closeAt << 192n) | (window << 224n) | (epoch << 232n);
}

async function deployVault(rpc: Rpc, from: Address): Promise<Address> {
  const data = encodeDeployData({ abi: VAULT_ABI, bytecode: vaultArtifact.bytecode as Address, args: [] });
  const receipt = await rpc("eth_sendTransactionSync", [{ from, data, gas: GAS }]);
  return (receipt as { contractAddress: string }).contractAddress.toLowerCase() as Address;
}

/** Five accounts, and two wallets of the first account's key: what it signs for one must not count for another. */
async function assemble(
  rpc: Rpc,
  owner: Address,
  accounts: readonly { address: Address; privateKey: Address }[],
): Promise<readonly Party[]> {
  const keys = accounts.map(({ address, privateKey }) => {
    return { address, key: privateKeyToAccount(privateKey), isWallet: false };
  });
  const [shared] = keys;
  if (!shared) throw new Error("anvil has too few accounts");
  const wallets: Party[] = [];
  for (let made = 0; made < 2; made++) {
    const { address } = await deploy(rpc, owner, "Wallet", [shared.address]);
    wallets.push({ address, key: shared.key, isWallet: true });
    await rpc("anvil_setBalance", [address, "0xde0b6b3a7640000"]);
  }
  await rpc("anvil_autoImpersonateAccount", [true]);
  return [...keys, ...wallets];
}

class RpcError extends Error {
  readonly data: Address | undefined;

  constructor(message: string, data: Address | undefined) {
    super(message);
    this.data = data;
  }
}

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: { readonly message: string; readonly data?: Address };
}

/**
 * A line to the chain over which one batch of requests goes at a time; the first refusal is thrown. A WebSocket costs
 * a fifth of what HTTP does.
 */
async function dial(url: string) {
  const socket = new WebSocket(url.replace("http", "ws"));
  await new Promise<unknown>((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = reject;
  });
  const ask = async (
    requests: readonly { method: string; params: readonly unknown[] }[],
  ): Promise<unknown[]> => {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    socket.onmessage = ({ data }) => resolve(String(data));
    socket.onclose = () => reject(new Error("the chain hung up"));
    socket.send(JSON.stringify(requests.map((request, id) => ({ jsonrpc: "2.0", id, ...request }))));
    const answers = (JSON.parse(await promise) as Answer[]).toSorted((one, other) => one.id - other.id);
    for (const { id, error } of answers) {
      if (error) throw new RpcError(`${requests[id]?.method}: ${error.message}`, error.data);
    }
    return answers.map(({ result }) => result);
  };
  return { ask, hangUp: () => socket.close() };
}

/** How a call went. */
export interface Sent {
  /** "ok", or the error that it was refused with; "" when it gave no reason. */
  readonly answer: string;
  /** The vault's events. */
  readonly logs: readonly Log[];
}

/** Sends a call at that second. */
function sender(rpc: Rpc, vault: Address, creatures: readonly Creature[]) {
  const errors = [...VAULT_ABI, ...creatures.flatMap(({ abi }) => [...abi])] as Abi;
  return async (by: Address, to: Address, data: Address, second: bigint): Promise<Sent> => {
    await rpc("evm_setNextBlockTimestamp", [Number(second)]);
    const call = { from: by, to, data, gas: GAS };
    const receipt = (await rpc("eth_sendTransactionSync", [call])) as {
      status: string;
      logs: readonly Log[];
    };
    const logs = receipt.logs.filter(({ address }) => address.toLowerCase() === vault);
    if (receipt.status === "0x1") return { answer: "ok", logs };
    try {
      await rpc("eth_call", [call, "latest"]);
    } catch (cause) {
      if (!(cause instanceof RpcError) || cause.data === undefined) throw cause;
      const answer =
        cause.data === "0x" ? "" : decodeErrorResult({ abi: errors, data: cause.data }).errorName;
      return { answer, logs };
    }
    throw new Error("a call that reverted goes through when it is asked again");
  };
}

/** Reads every vault and lane there can be, and what the tokens say, in one request. */
function watcher(ask: Ask, vault: Address, tokens: readonly Creature[], accounts: readonly Address[]) {
  const vaults = accounts.flatMap((account) => tokens.map((token) => `${account},${token.address}`));
  const lanes = accounts.flatMap((payer) =>
    accounts.flatMap((payee) => tokens.map((token) => `${payer},${payee},${token.address}`)),
  );
  const views = [
    { to: vault, data: packedView("vaults", vaults) },
    { to: vault, data: packedView("lanes", lanes) },
    ...tokens.map(({ address, abi }) => ({
      to: address,
      data: encodeFunctionData({ abi, functionName: "balanceOf", args: [vault] }),
    })),
  ];
  const requests = views.map((view) => ({ method: "eth_call", params: [view, "latest"] }));
  return async (): Promise<Sight> => {
    const [amounts = "", words = "", ...held] = (await ask(requests)) as string[];
    const zip = (keys: readonly string[], answer: string) =>
      new Map(
        keys.map((key, index) => [key, BigInt(`0x${answer.slice(130 + 64 * index, 194 + 64 * index)}`)]),
      );
    return {
      vaults: zip(vaults, amounts),
      lanes: zip(lanes, words),
      held: new Map(tokens.map(({ address }, index) => [address, BigInt(held[index] ?? 0)])),
    };
  };
}

function packedView(functionName: string, keys: readonly string[]): Address {
  const bytes = `0x${keys.join("").replaceAll(/0x|,/g, "")}`;
  return encodeFunctionData({ abi: VAULT_ABI, functionName, args: [bytes] });
}

function mirror(
  self: Address,
  owner: Address,
  tokens: Tokens,
  parties: readonly Party[],
  doors: ReadonlyMap<Address, Address>,
): Mirror {
  const vault = new VaultModel(self);
  for (const { address, key, isWallet } of parties) {
    if (isWallet) vault.wallets.set(address, key.address.toLowerCase() as Address);
  }
  for (const [account, door] of doors) vault.doors.set(account, door);
  const chain = {
    now: () => vault.now,
    signed: vault.signed.bind(vault),
  };
  const models = {
    legacy: new LegacyUsdtModel(vault.past, owner),
    usdt0: new Usdt0Model(vault.past, tokens.usdt0.address, chain),
    peg: new TokenModel(vault.past),
    moody: new FalseTokenModel(vault.past),
    reentrant: new ReentrantTokenModel(vault.past),
  };
  vault.tokens.set(tokens.legacy.address, models.legacy);
  vault.tokens.set(tokens.usdt0.address, models.usdt0);
  vault.tokens.set(tokens.peg.address, models.peg);
  vault.tokens.set(tokens.moody.address, models.moody);
  vault.tokens.set(tokens.reentrant.address, models.reentrant);
  return { vault, ...models };
}
