/** What a claim transaction claims, read back from its signed bytes. */
import { fromHex, type Hex, toHex } from "../../base/bytes.ts";
import { amount } from "../../base/money.ts";
import { keccak256 } from "../../kernels/digest.ts";
import type { Market } from "../../protocol/typed-data.ts";
import { voucherPayer } from "../../protocol/voucher.ts";

/** One voucher in a claim: claimed, the lane's settled is `cumulative` or more. */
export type ClaimedRow = {
  readonly payer: Hex;
  readonly payee: Hex;
  readonly epoch: number;
  readonly cumulative: bigint;
};

/** Bytes of the token, of a payee with its count of rows, and of a row; see `settlement/claim-batch.ts`. */
const TOKEN = 20;
const GROUP = 22;
const ROW = 79;

/** The field of a transaction of EIP-1559 that is its calldata, from 0. */
const DATA = 7;

/** Bytes of a call before what it is called with, and of one word of that: contract ABI specification. */
const SELECTOR = 4;
const WORD = 32;

/**
 * The vouchers that a transaction claims on lanes of the gateway; none for bytes that are no claim.
 *
 * A row does not name its payer. On lanes from the gateway that is the gateway; on lanes to it, whoever the signature
 * recovers to.
 */
export function claimedRows(raw: string, market: Market): readonly ClaimedRow[] {
  try {
    const packed = batchIn(fromHex(raw as Hex));
    return packed === null ? [] : unpacked(packed, market);
  } catch {
    // what other hirewires have sent need not be understood: its rows stay as they were until the chain says more
    return [];
  }
}

/** The argument of a call of `claimBatch(bytes)`; null for any other transaction. */
function batchIn(raw: Uint8Array): Uint8Array | null {
  if (raw[0] !== 2) return null;
  const data = fieldOf(raw.subarray(1), DATA);
  const selector = keccak256(new TextEncoder().encode("claimBatch(bytes)")).slice(0, 2 + 2 * SELECTOR);
  if (data === null || toHex(data.subarray(0, SELECTOR)) !== selector) return null;
  // one argument of any length: where it begins, how long it is, and then itself
  const words = data.subarray(SELECTOR);
  const length = Number(BigInt(toHex(words.subarray(WORD, 2 * WORD))));
  return words.subarray(2 * WORD, 2 * WORD + length);
}

/** A field of an RLP list of strings (Ethereum yellow paper, appendix B); null where it has fewer. */
function fieldOf(list: Uint8Array, wanted: number): Uint8Array | null {
  let at = headOf(list, 0).from;
  for (let field = 0; at < list.length; field++) {
    const { from, length } = headOf(list, at);
    if (field === wanted) return list.subarray(from, from + length);
    at = from + length;
  }
  return null;
}

/** Where the content of an RLP item begins, and how long it is. */
function headOf(bytes: Uint8Array, at: number): { readonly from: number; readonly length: number } {
  const head = bytes[at] ?? 0;
  if (head < 0x80) return { from: at, length: 1 };
  const short = head & 0x3f;
  const lengthBytes = short - 55;
  if (lengthBytes <= 0) return { from: at + 1, length: short };
  const length = bytes.subarray(at + 1, at + 1 + lengthBytes).reduce((sum, byte) => sum * 256 + byte, 0);
  return { from: at + 1 + lengthBytes, length };
}

function unpacked(bytes: Uint8Array, market: Market): readonly ClaimedRow[] {
  const found: ClaimedRow[] = [];
  for (let at = TOKEN; at + GROUP <= bytes.length; ) {
    const payee = toHex(bytes.subarray(at, at + 20));
    const count = (bytes[at + 20] ?? 0) * 256 + (bytes[at + 21] ?? 0);
    at += GROUP;
    for (let row = 0; row < count && at + ROW <= bytes.length; row++, at += ROW) {
      const claimed = rowOf(bytes.subarray(at, at + ROW), payee, market);
      if (claimed) found.push(claimed);
    }
  }
  return found;
}

function rowOf(bytes: Uint8Array, payee: Hex, market: Market): ClaimedRow | null {
  const { gateway, chainId, vault, token } = market;
  const epoch = Number.parseInt(toHex(bytes.subarray(0, 3)), 16);
  const cumulative = amount(BigInt(toHex(bytes.subarray(3, 15))));
  if (payee !== gateway) return { payer: gateway, payee, epoch, cumulative };
  const signature = new Uint8Array(65);
  signature.set(bytes.subarray(15));
  // EIP-2098: the parity is the highest bit of s
  const top = signature[32] ?? 0;
  signature[32] = top & 0x7f;
  signature[64] = 27 + (top >> 7);
  const voucher = { chainId, vault, payee, token, epoch, cumulative, signature: toHex(signature) };
  const payer = voucherPayer(voucher);
  return payer && { payer, payee, epoch, cumulative };
}
