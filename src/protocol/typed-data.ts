/**
 * The EIP-712 types of hirewire's own messages, and their digests.
 *
 * The domain binds every signature to one chain and vault; structs that open something new name the gateway, so
 * that no gateway can use what was said to another. Signatures cover these structs, never JSON text.
 */
import { fromHex, type Hex } from "../base/bytes.ts";
import { Fault } from "../base/fault.ts";
import { keccak256 } from "../kernels/digest.ts";
import type { Ask } from "./ask.ts";
import { structDigest, structOf, type Venue } from "./eip712.ts";
import { MEMORY_CLASSES } from "./fuel.ts";
import type { Message } from "./message.ts";

/** What a signature is bound to besides the chain: one gateway and the token it trades in. */
export type Market = Venue & { readonly gateway: Hex; readonly token: Hex };

const fields = (text: string) =>
  text.split(",").map((field) => {
    const [type = "", name = ""] = field.trim().split(" ");
    return { type, name };
  });

/** Every struct of ours, in EIP-712's encodeType order. */
export const TYPED_STRUCTS = {
  Offer: fields(
    "address gateway, address token, address requester, string id, bytes32 firmware, uint32 firmwareBytes, bytes32 input, uint32 inputBytes, uint96 maxPrice, uint96 checkBudget, uint64 deadline, string payment, string profile, uint16 memoryMiB, uint64 fuelLimit, uint16 meter, bytes32 costs",
  ),
  Bid: fields("address gateway, bytes16 task, uint96 rate, uint64 expires"),
  Award: fields(
    "bytes16 task, string role, address requester, address provider, bytes32 firmware, bytes32 input, string profile, uint16 memoryMiB, uint64 fuelLimit, uint16 meter, bytes32 costs, uint96 rate, uint16 feeBasisPoints, uint64 acceptBy, uint64 runBy",
  ),
  Accept: fields("bytes32 award"),
  Result: fields("bytes32 award, string verdict, bytes32 output, uint32 outputBytes, uint64 fuel"),
  Receipt: fields(
    "bytes16 task, address requester, address provider, bytes32 firmware, bytes32 input, string verdict, bytes32 output, uint16 meter, bytes32 costs, uint64 fuel, uint96 rate, uint96 price, uint96 fee, uint96 checks",
  ),
  Invoice: fields(
    "bytes16 task, address requester, address provider, bytes32 award, string verdict, uint64 fuel, uint96 rate, bytes32 saltedOutput, uint96 price, uint96 fee, uint96 checks, uint64 due",
  ),
  Ask: fields(
    "address gateway, address provider, uint16 meter, bytes32 costs, uint96 rate1, uint96 rate16, uint96 rate64, uint64 fuelPerSecond1, uint64 fuelPerSecond16, uint64 fuelPerSecond64, uint64 measured, uint64 expires",
  ),
  Connect: fields("address gateway, string clientId, uint64 issued, uint64 expires, bytes32 nonce"),
} as const;

type StructName = keyof typeof TYPED_STRUCTS;

const STRUCTS = new Map(Object.entries(TYPED_STRUCTS).map(([name, of]) => [name, structOf(name, of)]));

function digest(venue: Venue, name: StructName, message: Record<string, unknown>): Hex {
  const struct = STRUCTS.get(name);
  if (!struct) throw new Fault("impossible", `no struct is called ${name}`);
  return structDigest("hirewire", venue, struct, message);
}

type Unsigned<T> = Omit<T, "signature" | "version" | "voucher" | "manifest">;

/** Stands for the output of a run that has none: 32 zero bytes. */
export const NO_OUTPUT: Hex = `0x${"0".repeat(64)}`;

/**
 * What an invoice shows of an output that is not paid for yet: keccak-256 of salt and output hash, 32 bytes each.
 *
 * @param output - {@link NO_OUTPUT} where there is none
 */
export function saltedHash(salt: Hex, output: Hex): Hex {
  const bytes = new Uint8Array(64);
  bytes.set(fromHex(salt));
  bytes.set(fromHex(output), 32);
  return keccak256(bytes);
}

/** What a requester signs. It names the requester, so that no two devices can make the same task. */
export function offerDigest(market: Market, requester: Hex, offer: Unsigned<Message<"offer">>): Hex {
  return digest(market, "Offer", {
    ...offer,
    gateway: market.gateway,
    token: market.token,
    requester,
  });
}

/** The id under which the gateway and both parties speak of an offer's task. */
export function taskIdOf(offerHash: Hex): Hex {
  return offerHash.slice(0, 34) as Hex;
}

/**
 * What a provider signs to bid: the EIP-712 digest, 32 bytes. It covers the task and the rate, not the command's id.
 */
export function bidDigest(market: Market, bid: Omit<Unsigned<Message<"bid">>, "id">): Hex {
  return digest(market, "Bid", { ...bid, gateway: market.gateway });
}

/** Names the award that an accept answers; the provider signs this hash inside `Accept`. */
export function awardDigest(
  market: Market,
  award: Omit<Unsigned<Message<"award">>, "firmwareBytes" | "inputBytes">,
): Hex {
  return digest(market, "Award", award);
}

/** What a provider signs to accept: the EIP-712 digest over the {@link awardDigest} of what it was awarded. */
export function acceptDigest(market: Market, award: Hex): Hex {
  return digest(market, "Accept", { award });
}

/**
 * What a provider signs of its run: the EIP-712 digest over award, verdict, SHA-256 of the output, its bytes, and fuel.
 */
export function resultDigest(market: Market, result: Omit<Unsigned<Message<"result">>, "id" | "task">): Hex {
  return digest(market, "Result", { ...result, output: result.output ?? NO_OUTPUT });
}

/** What the gateway signs for both parties at a payment: the EIP-712 digest of hashes, fuel and prices, 32 bytes. */
export function receiptDigest(market: Market, receipt: Unsigned<Message<"receipt">>): Hex {
  return digest(market, "Receipt", { ...receipt, output: receipt.output ?? NO_OUTPUT });
}

/** What the gateway signs to ask for the price of an on-result task: the EIP-712 digest, 32 bytes. */
export function invoiceDigest(
  market: Market,
  requester: Hex,
  invoice: Omit<Unsigned<Message<"invoice">>, "accept" | "outputBytes">,
): Hex {
  return digest(market, "Invoice", { ...invoice, requester });
}

/** What a provider signs to stand by its rates: the EIP-712 digest, 32 bytes. A class that it leaves out is zero. */
export function askDigest(market: Market, provider: Hex, ask: Omit<Ask, "signature">): Hex {
  const { meter, costs, rates, fuelPerSecond, measured, expires } = ask;
  const values: Record<string, unknown> = { meter, costs, measured, expires };
  for (const memoryMiB of MEMORY_CLASSES) {
    const isOf = (one: { memoryMiB: number }) => one.memoryMiB === memoryMiB;
    values[`rate${memoryMiB}`] = rates.find(isOf)?.rate ?? 0;
    values[`fuelPerSecond${memoryMiB}`] = fuelPerSecond.find(isOf)?.fuel ?? 0;
  }
  return digest(market, "Ask", { ...values, gateway: market.gateway, provider });
}

export type ConnectClaim = {
  readonly clientId: string;
  /** Milliseconds since 1970. */
  readonly issued: number;
  readonly expires: number;
  readonly nonce: Hex;
};

/** What a device signs to log in: the EIP-712 digest that a CONNECT token carries a signature of. */
export function connectDigest(market: Market, claim: ConnectClaim): Hex {
  return digest(market, "Connect", {
    ...claim,
    gateway: market.gateway,
  });
}
