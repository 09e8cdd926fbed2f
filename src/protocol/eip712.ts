/**
 * Digests of flat structs as EIP-712 has them: `keccak256(0x1901 ‖ domain separator ‖ hashStruct)`.
 *
 * Flat: every field is one word, or a string. That is all our messages need, and it is what the gateway computes for
 * each signature that it checks.
 */
import { fromHex, type Hex } from "../base/bytes.ts";
import { Fault } from "../base/fault.ts";
import { keccak256 } from "../kernels/digest.ts";
import { readHex } from "../kernels/signature-group.ts";

/** Where a vault lives: what every signature is bound to, so that none counts on another chain or contract. */
export type Venue = { readonly chainId: number; readonly vault: Hex };

export type Field = { readonly type: string; readonly name: string };

/** Writes a value as one word of 32 bytes over zeros; false for a value that its type cannot hold. */
type Writer = (value: unknown, into: Uint8Array, at: number) => boolean;

/** `typeHash` computes it when it is first asked: the kernels need not be there when this is imported. */
export type Struct = {
  readonly fields: readonly Field[];
  readonly writers: readonly Writer[];
  readonly typeHash: () => Uint8Array;
};

/** Bytes of a word. */
const WORD = 32;

const encoder = new TextEncoder();

const hashOf = (text: string) => fromHex(keccak256(encoder.encode(text)));

/** A struct by its name and its fields, `type name` each, in EIP-712's encodeType order. */
export function structOf(name: string, fields: readonly Field[]): Struct {
  const members = fields.map((field) => `${field.type} ${field.name}`).join(",");
  const writers = fields.map(({ type }) => writerOf(type));
  return { fields, writers, typeHash: once(() => hashOf(`${name}(${members})`)) };
}

const domainType = once(() =>
  hashOf("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
);

const placelessType = once(() => hashOf("EIP712Domain(string name,string version)"));

const DOMAIN: readonly Field[] = [
  { type: "string", name: "name" },
  { type: "string", name: "version" },
  { type: "uint256", name: "chainId" },
  { type: "address", name: "verifyingContract" },
];

const DOMAIN_STRUCT: Struct = {
  fields: DOMAIN,
  writers: DOMAIN.map(({ type }) => writerOf(type)),
  typeHash: domainType,
};

const PLACELESS_STRUCT: Struct = {
  fields: DOMAIN.slice(0, 2),
  writers: DOMAIN_STRUCT.writers.slice(0, 2),
  typeHash: placelessType,
};

/** Separators kept; vouchers of strangers name any vault, and what they name must not stay for ever. */
const MOST_SEPARATORS = 64;

/** The separators of the domains seen so far: a few to a process, not one to a digest. */
const separators = new Map<string, Uint8Array>();

/** The separator of version 1 of a domain. */
function separatorOf(domain: string, venue: Venue | null): Uint8Array {
  const key = venue ? `${domain} ${venue.chainId} ${venue.vault}` : domain;
  const known = separators.get(key);
  if (known !== undefined) return known;
  const named = { name: domain, version: "1" };
  const separator = fromHex(
    venue
      ? hashStruct(DOMAIN_STRUCT, { ...named, chainId: venue.chainId, verifyingContract: venue.vault })
      : hashStruct(PLACELESS_STRUCT, named),
  );
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
  struct: Struct,
  values: Readonly<Record<string, unknown>>,
): Hex {
  const hash = hashStruct(struct, values);
  const message = new Uint8Array(2 + 2 * WORD);
  message[0] = 0x19;
  message[1] = 0x01;
  message.set(separatorOf(domain, venue), 2);
  readHex(hash, message, 2 + WORD, WORD);
  return keccak256(message);
}

function hashStruct({ typeHash, fields, writers }: Struct, values: Readonly<Record<string, unknown>>): Hex {
  const words = new Uint8Array(WORD * (1 + fields.length));
  words.set(typeHash());
  for (const [place, { type, name }] of fields.entries()) {
    const value = values[name];
    if (writers[place]?.(value, words, WORD * (1 + place)) !== true) {
      throw new Fault("impossible", `no ${type} can hold ${String(value)}`);
    }
  }
  return keccak256(words);
}

/** Numbers and addresses stand to the right of their word, bytes to the left. */
function writerOf(type: string): Writer {
  if (type === "string") return writeString;
  if (type === "address") return (value, into, at) => writeBytes(value, into, at + WORD - 20, 20);
  const [, kind, size = ""] = /^(uint|bytes)([1-9]\d*)$/.exec(type) ?? [];
  if (kind === "bytes") return (value, into, at) => writeBytes(value, into, at, Number(size));
  if (kind !== "uint") return () => false;
  const limit = 2n ** BigInt(size);
  return (value, into, at) => writeWhole(value, limit, into, at);
}

/** Hashes kept of short text; profiles, roles and names come again with every message, ids do not. */
const MOST_TEXTS = 256;
const LONGEST_TEXT = 64;

const texts = new Map<string, Uint8Array>();

function writeString(value: unknown, into: Uint8Array, at: number): boolean {
  if (typeof value !== "string") return false;
  const known = texts.get(value);
  const hash = known ?? hashOf(value);
  into.set(hash, at);
  if (known === undefined && value.length <= LONGEST_TEXT) {
    if (texts.size >= MOST_TEXTS) texts.clear();
    texts.set(value, hash);
  }
  return true;
}

function writeBytes(value: unknown, into: Uint8Array, at: number, length: number): boolean {
  return typeof value === "string" && value.startsWith("0x") && readHex(value, into, at, length);
}

function writeWhole(value: unknown, limit: bigint, into: Uint8Array, at: number): boolean {
  if (typeof value !== "bigint" && !Number.isSafeInteger(value)) return false;
  const whole = value as bigint | number;
  if (whole < 0 || whole >= limit) return false;
  let place = at + WORD - 1;
  let high = typeof whole === "bigint" ? whole : 0n;
  for (; high > MAX_SAFE; high >>= 8n) into[place--] = Number(high & 255n);
  let low = typeof whole === "bigint" ? Number(high) : whole;
  for (; low > 0; low = Math.floor(low / 256)) into[place--] = low % 256;
  return true;
}

const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);

function once<T>(work: () => T): () => T {
  let known: { readonly value: T } | null = null;
  return () => {
    known ??= { value: work() };
    return known.value;
  };
}
