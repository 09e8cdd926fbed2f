/** One anvil with the play money on it, and the few verbs that tests of the vault are written in. */
import {
  type Abi,
  BaseError,
  createPublicClient,
  decodeErrorResult,
  encodeFunctionData,
  formatTransactionReceipt,
  http,
  keccak256,
  numberToHex,
  parseEventLogs,
  type RpcTransactionReceipt,
} from "viem";
import { type PrivateKeyAccount, privateKeyToAccount } from "viem/accounts";
import type { Hex } from "../../src/base/bytes.ts";
import { amount } from "../../src/base/money.ts";
import { TOKEN_ABI, VAULT_ABI } from "../../src/settlement/chain.ts";
import { type ClaimRow, encodeClaimBatch } from "../../src/settlement/claim-batch.ts";
import { deployPlayMoney } from "../../src/settlement/deploy.ts";
import { startLocalChain } from "../../src/settlement/local-chain.ts";

/** Of window class 0, which {@link World.fund} gives a lane unless told otherwise. */
export const CHALLENGE_SECONDS = 3_600;

/** A transaction's outcome with the vault's events decoded. */
export interface Sent {
  readonly ok: boolean;
  readonly gasUsed: bigint;
  readonly events: readonly { readonly eventName: string; readonly args: Record<string, unknown> }[];
}

export interface Actor {
  readonly address: Hex;
  readonly key: PrivateKeyAccount;
  readonly privateKey: Hex;
}

export type World = Awaited<ReturnType<typeof startWorld>>;

/** How an order ends; what is left out is a deadline far off, a nonce never used before, and no fee. */
export interface Terms {
  readonly deadline: bigint;
  readonly nonce: bigint;
  readonly fee: bigint;
}

/** Written out once more, so that a slip in the product's own shows. */
const TYPES = {
  Voucher: "address payee,address token,uint24 epoch,uint96 cumulative",
  WalletVoucher: "address payer,address payee,address token,uint24 epoch,uint96 cumulative",
  Withdraw:
    "address account,address token,uint256 amount,address to,uint256 deadline,uint256 nonce,uint96 fee",
  FundLane:
    "address payer,address payee,address token,uint24 epoch,uint96 amount,uint8 window,uint256 deadline,uint256 nonce,uint96 fee",
  RequestClose:
    "address payer,address payee,address token,uint24 epoch,uint256 deadline,uint256 nonce,uint96 fee",
  SetOwner: "address account,address owner,address token,uint256 deadline,uint256 nonce,uint96 fee",
  SetAllowance: "address account,address token,uint256 amount,uint256 deadline,uint256 nonce,uint96 fee",
  CoopClose: "address payer,address payee,address token,uint24 epoch,uint96 finalAmount,uint256 deadline",
};

/** Signs one of the vault's structs by EIP-712, as a wallet would. */
export async function signTyped(
  actor: Actor,
  domain: { chainId: number; vault: Hex },
  primaryType: keyof typeof TYPES,
  message: Record<string, unknown>,
): Promise<Hex> {
  const fields = TYPES[primaryType].split(",").map((field) => {
    const [type = "", name = ""] = field.split(" ");
    return { type, name };
  });
  return await actor.key.signTypedData({
    domain: { name: "LaneVault", version: "1", chainId: domain.chainId, verifyingContract: domain.vault },
    types: { [primaryType]: fields },
    primaryType,
    message,
  });
}

/** After every block of every test. */
export const LATER = 2n ** 40n;

export async function startWorld() {
  let nonces = 0n;
  const local = await startLocalChain();
  const [owner, ...others] = local.accounts.map(({ address, privateKey }) => ({
    address,
    privateKey,
    key: privateKeyToAccount(privateKey),
  }));
  if (!owner) throw new Error("anvil has no accounts");
  const money = await deployPlayMoney(local.url, owner.privateKey);
  const { vault, token, chainId } = money;
  const client = createPublicClient({ transport: http(local.url, { retryCount: 0 }), cacheTime: 0 });
  const abi = [...VAULT_ABI, ...TOKEN_ABI] as Abi;
  const rpc = (method: string, params: readonly unknown[]) =>
    client.request({ method, params } as never) as Promise<unknown>;
  const encode = (name: string, args: readonly unknown[]) =>
    encodeFunctionData({ abi, functionName: name, args });

  /** Sends a call and reports how it went; a revert is an outcome here. */
  const send = async (by: Actor, to: Hex, name: string, args: readonly unknown[]): Promise<Sent> => {
    const call = { from: by.address, to, data: encode(name, args), gas: "0xf42400" };
    // anvil mines a moment after it answers; this variant answers with the receipt
    const receipt = formatTransactionReceipt(
      (await rpc("eth_sendTransactionSync", [call])) as RpcTransactionReceipt,
    );
    const logs = receipt.logs.filter((log) => log.address === vault);
    const events = parseEventLogs({ abi, logs }) as unknown as Sent["events"];
    return { ok: receipt.status === "success", gasUsed: receipt.gasUsed, events };
  };
  const now = async () => Number((await client.getBlock()).timestamp);
  /**
   * The custom error of a call that must revert at the newest block's time, however late it is asked: its name and
   * arguments; "" when it gives no reason.
   */
  const refusal = async (by: Actor, to: Hex, name: string, args: readonly unknown[]): Promise<string> => {
    const time = numberToHex(await now());
    try {
      await rpc("eth_call", [{ from: by.address, to, data: encode(name, args) }, "latest", {}, { time }]);
    } catch (error) {
      const found =
        error instanceof BaseError
          ? error.walk((cause) => typeof Reflect.get(Object(cause), "data") === "string")
          : null;
      const data = Reflect.get(Object(found), "data") as Hex;
      return data === "0x" ? "" : said(decodeErrorResult({ abi, data }));
    }
    throw new Error(`${name} did not revert`);
  };
  const read = (to: Hex, name: string, args: readonly unknown[]) =>
    client.readContract({ address: to, abi, functionName: name, args });

  return {
    ...money,
    local,
    abi,
    owner,
    others,
    client,
    rpc,
    send,
    refusal,
    read,
    vaultOf: async (who: Actor) => (await read(vault, "vault", [who.address, token])) as bigint,
    tokensOf: async (who: Hex) => (await read(token, "balanceOf", [who])) as bigint,
    lane: async (payer: Actor, payee: Actor) => {
      const key = [payer.address, payee.address, token];
      const word = (await read(vault, "lane", key)) as [bigint, bigint, number, number, number];
      const [settled, deposit, closeAt, window, epoch] = word;
      return { settled, deposit, closeAt, window, epoch };
    },
    /** Mints, approves without limit and deposits for each actor. */
    endow: async (actors: readonly Actor[], units: bigint) => {
      for (const actor of actors) {
        await send(owner, token, "mint", [actor.address, units]);
        await send(actor, token, "approve", [vault, 2n ** 256n - 1n]);
        await send(actor, vault, "deposit", [actor.address, token, units]);
      }
    },
    /** Moves units from the payer's vault into its lane, as the payer. */
    fund: (payer: Actor, payee: Actor, units: bigint, window = 0) =>
      send(payer, vault, "fundLane", [payer.address, payee.address, token, units, window]),
    voucher: async (payer: Actor, payee: Actor, epoch: number, cumulative: bigint): Promise<ClaimRow> => ({
      payee: payee.address,
      epoch,
      cumulative: amount(cumulative),
      signature: await signTyped(payer, { chainId, vault }, "Voucher", {
        payee: payee.address,
        token,
        epoch,
        cumulative,
      }),
    }),
    sign: (by: Actor, type: keyof typeof TYPES, message: Record<string, unknown>) =>
      signTyped(by, { chainId, vault }, type, message),
    /** The `Order` of a call `…WithSig`, signed by `by` for `message`. */
    order: async (
      by: Actor,
      type: keyof typeof TYPES,
      message: Record<string, unknown>,
      over: Partial<Terms> = {},
    ) => {
      const terms = { deadline: LATER, nonce: ++nonces, fee: 0n, ...over };
      return { ...terms, signature: await signTyped(by, { chainId, vault }, type, { ...message, ...terms }) };
    },
    claim: (by: Actor, rows: readonly ClaimRow[]) =>
      send(by, vault, "claimBatch", [encodeClaimBatch(token, rows)]),
    /** Where a lane lives in the vault's storage. */
    slotOf: (payer: Actor, payee: Actor): Hex =>
      keccak256(`0x${payer.address.slice(2)}${payee.address.slice(2)}${token.slice(2)}`),
    /** The newest block's time, in unix seconds. */
    now,
    /** Mines a block exactly that much later than the newest one. */
    pass: async (seconds: number) => {
      await rpc("evm_setNextBlockTimestamp", [(await now()) + seconds]);
      await rpc("evm_mine", []);
    },
    snapshot: () => rpc("evm_snapshot", []) as Promise<Hex>,
    revert: (id: Hex) => rpc("evm_revert", [id]),
  };
}

function said(error: { errorName: string; args?: readonly unknown[] | undefined }): string {
  return error.args && error.args.length > 0
    ? `${error.errorName}(${error.args.join(", ")})`
    : error.errorName;
}
