/** Deposits of an account that has no coin for gas: it signs, and somebody else sends. */
import { randomBytes } from "node:crypto";
import {
  encodeAbiParameters,
  encodeFunctionData,
  hashTypedData,
  hexToBigInt,
  keccak256,
  parseAbi,
} from "viem";
import { type Hex, toHex } from "../../base/bytes.ts";
import type { Instant } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import type { Amount } from "../../base/money.ts";
import { keySigner, type Signer } from "../../protocol/signer.ts";
import type { Chain } from "../../settlement/chain.ts";
import { signOrder } from "../../settlement/orders.ts";
import { checkToken, type TokenProfile } from "../../settlement/token-probe.ts";
import {
  depositWithAuthorization,
  depositWithPermit,
  sweep,
  withdrawWithSig,
} from "../../settlement/vault-calls.ts";
import { depositAddressOf } from "./deposit-address.ts";
import { newTerms, RELAY_SECONDS } from "./order.ts";
import type { Step } from "./send.ts";

/** EIP-3009, the variant that only its receiver can carry out. */
const AUTHORIZATION = {
  ReceiveWithAuthorization: [
    { name: "from", type: "address" },
    { name: "to", type: "address" },
    { name: "value", type: "uint256" },
    { name: "validAfter", type: "uint256" },
    { name: "validBefore", type: "uint256" },
    { name: "nonce", type: "bytes32" },
  ],
} as const;

/** EIP-2612. */
const PERMIT = {
  Permit: [
    { name: "owner", type: "address" },
    { name: "spender", type: "address" },
    { name: "value", type: "uint256" },
    { name: "nonce", type: "uint256" },
    { name: "deadline", type: "uint256" },
  ],
} as const;

const NONCES = parseAbi(["function nonces(address) view returns (uint256)"]);

/** What is to be deposited, and how long the signatures are good for. */
type Deposit = {
  readonly chain: Chain;
  readonly token: Hex;
  readonly amount: Amount;
  readonly signer: Signer;
  /** Whose vault. */
  readonly account: Hex;
  readonly now: Instant;
};

/**
 * What anybody can send to move `amount` of the key's tokens into an account's vault. It signs and sends nothing else.
 *
 * With EIP-3009 that is one transaction. A permit (EIP-2612) credits its signer alone, who therefore signs an order on to
 * the account's deposit address too.
 *
 * @throws {@link Fault} `usage` when the token takes neither; `token_mismatch`, `chain_unreachable`
 */
export async function signedDeposit(
  { chain, token, amount }: { readonly chain: Chain; readonly token: Hex; readonly amount: Amount },
  key: Uint8Array,
  account: Hex,
  now: Instant,
): Promise<Step[]> {
  const profile = await checkToken(chain, token);
  const deposit = { chain, token, amount, signer: keySigner(key), account, now };
  if (profile.eip3009) return [await authorized(deposit, profile)];
  if (profile.permit) return await permitted(deposit, profile);
  const words = `token ${token} takes no signed payments (EIP-3009, EIP-2612): leave --relay-key away, and send some coin to the --from account`;
  throw new Fault("usage", words);
}

async function authorized(deposit: Deposit, profile: TokenProfile): Promise<Step> {
  const { chain, token, amount, signer, account } = deposit;
  const salt = toHex(randomBytes(32));
  const nonce = keccak256(encodeAbiParameters([{ type: "address" }, { type: "bytes32" }], [account, salt]));
  const validBefore = deadlineOf(deposit);
  const times = { validAfter: 0n, validBefore: BigInt(validBefore) };
  const digest = hashTypedData({
    domain: domainOf(profile),
    types: AUTHORIZATION,
    primaryType: "ReceiveWithAuthorization",
    message: { from: signer.address, to: chain.vault, value: amount, ...times, nonce },
  });
  const signature = await signer.sign(digest);
  const by = { from: signer.address, amount, validAfter: 0, validBefore, salt, signature };
  const call = depositWithAuthorization(chain.vault, account, token, by);
  return { step: "depositWithAuthorization", purpose: "fund", call };
}

async function permitted(deposit: Deposit, profile: TokenProfile): Promise<Step[]> {
  const { chain, token, amount, signer, account } = deposit;
  const { vault } = chain;
  const deadline = deadlineOf(deposit);
  const nonce = await nonceOf(chain, token, signer.address);
  const digest = hashTypedData({
    domain: domainOf(profile),
    types: PERMIT,
    primaryType: "Permit",
    message: { owner: signer.address, spender: vault, value: amount, nonce, deadline: BigInt(deadline) },
  });
  const by = { from: signer.address, amount, deadline, signature: await signer.sign(digest) };
  const first: Step = {
    step: "depositWithPermit",
    purpose: "fund",
    call: depositWithPermit(vault, token, by),
  };
  if (signer.address === account) return [first];
  const to = await depositAddressOf(chain, account);
  const what = { account: signer.address, token, amount, to };
  const order = await signOrder(signer, chain, "Withdraw", what, newTerms(deposit.now, RELAY_SECONDS));
  return [
    first,
    { step: "withdrawWithSig", purpose: "withdraw", call: withdrawWithSig(vault, what, order) },
    { step: "sweep", purpose: "fund", call: sweep(vault, account, token) },
  ];
}

function deadlineOf({ now }: Deposit): number {
  return Math.floor(now / 1_000) + RELAY_SECONDS;
}

async function nonceOf(chain: Chain, token: Hex, owner: Hex): Promise<bigint> {
  const data = encodeFunctionData({ abi: NONCES, functionName: "nonces", args: [owner] });
  const [answer] = await chain.view([{ to: token, data }]);
  if (answer && answer.length === 66) return hexToBigInt(answer);
  throw new Fault("token_mismatch", `token ${token} does not say its nonce of ${owner}`);
}

function domainOf({ domain, chainId, token }: TokenProfile) {
  if (!domain) throw new Fault("impossible", `nobody can sign for token ${token}`);
  return { ...domain, chainId, verifyingContract: token };
}
