/** Puts contracts on a chain: a LaneVault anywhere, the USDT stand-in where money is play money. */
import { type Abi, BaseError, createWalletClient, http, publicActions, RpcRequestError } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import type { Hex } from "../base/bytes.ts";
import { Fault, isFault } from "../base/fault.ts";
import laneVault from "./artifacts/LaneVault.json" with { type: "json" };
import testUsdt from "./artifacts/TestUsdt.json" with { type: "json" };

/** Where a vault is. Nobody has power over it, its deployer included. */
export interface Deployed {
  readonly vault: Hex;
  readonly chainId: number;
}

/**
 * Deploys a LaneVault and waits until it is mined.
 *
 * @throws {@link Fault} `transaction_failed` when the chain refuses the deployment; `chain_unreachable`
 */
export async function deployVault(url: string, deployerKey: Hex): Promise<Deployed> {
  return await deploying(url, deployerKey, async (create, chainId) => {
    return { vault: await create(laneVault), chainId };
  });
}

/**
 * Deploys a vault and the USDT stand-in, whose deployer can mint, take fees, pause and block.
 *
 * @throws {@link Fault} as {@link deployVault}
 */
export async function deployPlayMoney(
  url: string,
  deployerKey: Hex,
): Promise<Deployed & { readonly token: Hex }> {
  return await deploying(url, deployerKey, async (create, chainId) => {
    const token = await create(testUsdt);
    return { token, vault: await create(laneVault), chainId };
  });
}

type Create = (artifact: { abi: unknown; bytecode: string }) => Promise<Hex>;

async function deploying<T>(
  url: string,
  deployerKey: Hex,
  work: (create: Create, chainId: number) => Promise<T>,
): Promise<T> {
  const account = privateKeyToAccount(deployerKey);
  const transport = http(url, { retryCount: 0 });
  const client = createWalletClient({ account, transport, pollingInterval: 50 }).extend(publicActions);
  const create: Create = async (artifact) => {
    const abi = artifact.abi as Abi;
    const hash = await client.deployContract({ abi, bytecode: artifact.bytecode as Hex, chain: null });
    const { contractAddress } = await client.waitForTransactionReceipt({ hash });
    if (!contractAddress) throw new Fault("transaction_failed", "a deployment reverted");
    return contractAddress.toLowerCase() as Hex;
  };
  try {
    return await work(create, await client.getChainId());
  } catch (cause) {
    throw deploymentFault(url, cause);
  }
}

function deploymentFault(url: string, cause: unknown): Fault {
  if (isFault(cause)) return cause;
  const answered =
    cause instanceof BaseError && cause.walk((error) => error instanceof RpcRequestError) !== null;
  return answered
    ? new Fault("transaction_failed", `the chain at ${URL.parse(url)?.host} refused a deployment`, { cause })
    : new Fault("chain_unreachable", `no chain answers at ${URL.parse(url)?.host}`, { cause });
}
