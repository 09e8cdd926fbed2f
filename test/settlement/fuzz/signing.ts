/** Signatures as wallets make them, good and bad, together with the text that the model compares. */
import type { PrivateKeyAccount } from "viem/accounts";
import { saying } from "./calls.ts";
import type { Address, Signature } from "./cells.ts";
import { authorizing, permitting } from "./tokens.ts";

const ORDER = "uint256 deadline,uint256 nonce,uint96 fee";

/** The vault's structs; those that are relayed end with the terms of the order. */
const STRUCTS = {
  Voucher: "address payee,address token,uint24 epoch,uint96 cumulative",
  WalletVoucher: "address payer,address payee,address token,uint24 epoch,uint96 cumulative",
  Withdraw: `address account,address token,uint256 amount,address to,${ORDER}`,
  FundLane: `address payer,address payee,address token,uint24 epoch,uint96 amount,uint8 window,${ORDER}`,
  RequestClose: `address payer,address payee,address token,uint24 epoch,${ORDER}`,
  SetOwner: `address account,address owner,address token,${ORDER}`,
  SetAllowance: `address account,address token,uint256 amount,${ORDER}`,
  CoopClose: "address payer,address payee,address token,uint24 epoch,uint96 finalAmount,uint256 deadline",
} as const;
const AUTHORIZATION =
  "address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce";
const PERMIT = "address owner,address spender,uint256 value,uint256 nonce,uint256 deadline";

/** A struct of the vault. */
export type Struct = keyof typeof STRUCTS;

/** What is wrong with a signature although the right key made it. */
export type Flaw = "none" | "high s" | "short" | "elsewhere" | "junk";

type Field = string | bigint;

/** Order of secp256k1. */
const ORDER_N = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

const JUNK: Signature = { by: `0x${"00".repeat(20)}`, says: "", bytes: `0x${"5a".repeat(64)}1b` };

/** Signs one of the vault's structs; `fields` in the struct's order. */
export async function signOrder(
  key: PrivateKeyAccount,
  vault: Address,
  struct: Struct,
  fields: readonly Field[],
  flaw: Flaw = "none",
): Promise<Signature> {
  if (flaw === "junk") return JUNK;
  const domain = { name: "LaneVault", verifyingContract: vault, chainId: flaw === "elsewhere" ? 1 : 31_337 };
  const bytes = await sign(key, domain, struct, STRUCTS[struct], fields);
  if (flaw === "elsewhere") return { by: addressOf(key), says: "", bytes };
  if (flaw === "short") return { ...JUNK, bytes: bytes.slice(0, -2) as Address };
  if (flaw === "high s") return { ...JUNK, bytes: twin(bytes) };
  return { by: addressOf(key), says: saying(struct, ...fields), bytes };
}

/** Signs an EIP-3009 authorization of the token `name` at `token`. `nonce` is 32 bytes, `label` the model's name. */
export async function signAuthorization(
  key: PrivateKeyAccount,
  token: Address,
  name: string,
  terms: {
    from: Address;
    to: Address;
    value: bigint;
    validAfter: bigint;
    validBefore: bigint;
    nonce: Address;
  },
  label: string,
): Promise<Signature> {
  const domain = { name, verifyingContract: token, chainId: 31_337 };
  const bytes = await sign(key, domain, "ReceiveWithAuthorization", AUTHORIZATION, Object.values(terms));
  return { by: addressOf(key), says: authorizing(token, name, { ...terms, nonce: label }), bytes };
}

/** Signs an EIP-2612 permit of the token `name` at `token`; `fields` in the struct's order. */
export async function signPermit(
  key: PrivateKeyAccount,
  token: Address,
  name: string,
  fields: readonly Field[],
): Promise<Signature> {
  const domain = { name, verifyingContract: token, chainId: 31_337 };
  const bytes = await sign(key, domain, "Permit", PERMIT, fields);
  return { by: addressOf(key), says: permitting(token, name, ...fields), bytes };
}

/** Lower case, as the model writes addresses. */
function addressOf(key: PrivateKeyAccount): Address {
  return key.address.toLowerCase() as Address;
}

async function sign(
  key: PrivateKeyAccount,
  domain: { name: string; verifyingContract: Address; chainId: number },
  primaryType: string,
  struct: string,
  values: readonly Field[],
): Promise<Address> {
  const types = struct.split(",").map((field) => {
    const [type = "", name = ""] = field.split(" ");
    return { type, name };
  });
  const message = Object.fromEntries(types.map(({ name }, index) => [name, values[index]]));
  return await key.signTypedData({
    domain: { ...domain, version: "1" },
    types: { [primaryType]: types },
    primaryType,
    message,
  });
}

/** The other signature of the same text: (r, n - s) with the parity turned. */
function twin(bytes: Address): Address {
  const s = ORDER_N - BigInt(`0x${bytes.slice(66, 130)}`);
  const v = bytes.endsWith("1b") ? "1c" : "1b";
  return `${bytes.slice(0, 66)}${s.toString(16).padStart(64, "0")}${v}` as Address;
}
