/**
 * Digests of flat structs as EIP-712 has them: `keccak256(0x1901 ‖ domain separator ‖ hashStruct)`.
 *
 * Flat: every field is one word, or a string. That is all our messages need, and it is what the gateway computes for
 * each signature that it checks.
 */
import { fromHex, type Hex } from "../base/bytes.ts";
import { Fault } from "../base/fault.ts";
import { keccak256 } from "../kernels/digest.ts";

/** Where a vault lives: what every signature is bound to, so that none counts on another chain or contract. */
export type Venue = { readonly chainId: number; readonly vault: Hex };

export type Field = { readonly type: string; readonly name: string };

/** `typeHash` computes it when it is first asked: the kernels need not be there when this is imported. */
export type Struct = { readonly fields: readonly Field[]; readonly typeHash: () => string };

/** Hexadecimal digits of a word: 32 bytes. */
const WORD = 64;

const hashOf = (text: string) => keccak256(new TextEncoder().encode(text)).slice(2);

/** A struct by its name and its fields, `type name` each, in EIP-712's encodeType order. */
export function structOf(name: string, fields: readonly Field[]): Struct {
  const members = fields.map((field) => `${field.type} ${field.name}`).join(",");
  return { fields, typeHash: once(() => hashOf(`${name}(${members})`)) };
}

const domainType = once(() =>
  hashOf("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
);

const placelessType = once(() => hashOf("EIP712Domain(string name,string version)"));

/** Separators kept; vouchers of strangers name any vault, and what they name must not stay for ever. */
const MOST_SEPARATORS = 64;

/** The separators of the domains seen so far: a few to a process, not one to a digest. */
const separators = new Map<string, string>();

/** The separator of version 1 of a domain. */
function separatorOf(domain: string, venue: Venue | null): string {
  const key = venue ? `${domain} ${venue.chainId} ${venue.vault}` : domain;
  const known = separators.get(key);
  if (known !== undefined) return known;
  const named = hashOf(domain) + hashOf("1");
  const words = venue
    ? domainType() + named + word("uint256", venue.chainId) + word("address", venue.vault)
    : placelessType() + named;
  const separator = keccak256(fromHex(words)).slice(2);
  if (separators.size >= MOST_SEPARATORS) separators.clear();
  separators.set(key, separator);
  return separator;
}

/**
 * The digest that is signed: 32 bytes.
 *
 * @param domain - its name; its version is 1
 * @param venue - null for what is said to every market: the domain then names neither chain nor vault
 * @throws {@link Fault} `impossible` for a value that its type cannot hold; schemas keep such values out
 */
export function structDigest(
  domain: string,
  venue: Venue | null,
  { typeHash, fields }: Struct,
  values: Readonly<Record<string, unknown>>,
): Hex {
  const words = fields.map(({ type, name }) => word(type, values[name])).join("");
  const struct = keccak256(fromHex(typeHash() + words)).slice(2);
  return keccak256(fromHex(`1901${separatorOf(domain, venue)}${struct}`));
}

/** One value as 64 hexadecimal digits: numbers and addresses to the right, bytes to the left. */
function word(type: string, value: unknown): string {
  if (type === "string" && typeof value === "string") return hashOf(value);
  const bits = Number(/^uint(\d+)$/.exec(type)?.[1] ?? 0);
  const isWhole = typeof value === "bigint" || Number.isSafeInteger(value);
  if (bits > 0 && isWhole && Number(value) >= 0) {
    const digits = BigInt(value as bigint | number).toString(16);
    if (digits.length <= bits / 4) return digits.padStart(WORD, "0");
  }
  const bytes = type === "address" ? 20 : Number(/^bytes(\d+)$/.exec(type)?.[1] ?? 0);
  if (bytes > 0 && typeof value === "string" && BYTES.test(value) && value.length === 2 + 2 * bytes) {
    return type === "address" ? value.slice(2).padStart(WORD, "0") : value.slice(2).padEnd(WORD, "0");
  }
  throw new Fault("impossible", `no ${type} can hold ${String(value)}`);
}

const BYTES = /^0x[0-9a-fA-F]*$/;

function once<T>(work: () => T): () => T {
  let known: { readonly value: T } | null = null;
  return () => {
    known ??= { value: work() };
    return known.value;
  };
}
