/** Wycheproof's ECDSA files for secp256k1: what each vector is, in the kernels' form. */
import { createHash, getHashes } from "node:crypto";
import { z } from "zod";
import { N } from "./arithmetic.ts";
import { fromDer, fromP1363, type Pair } from "./der.ts";

/** How signatures are written, and whether a high s is one. */
export type Kind = "der" | "p1363" | "bitcoin";

export type Vector = {
  readonly tcId: number;
  readonly comment: string;
  readonly expected: "valid" | "acceptable" | "invalid";
  readonly message: Uint8Array;
  /** Null when this is no signature: a wrong encoding, or an integer that no 32 bytes hold. */
  readonly pair: Pair | null;
};

export type Group = {
  /** As the file names it. */
  readonly sha: string;
  /** Leftmost 256 bits of the hash, right-aligned when it has fewer (SEC 1 v2.0 section 4.1.4 step 5). */
  readonly digest: (message: Uint8Array) => Uint8Array;
  /** x ‖ y, or null when the file gives none that 64 bytes hold. */
  readonly key: Uint8Array | null;
  readonly vectors: readonly Vector[];
};

export type VectorFile = { readonly kind: Kind; readonly groups: readonly Group[]; readonly count: number };

/** Why a file cannot be run. */
export class UnusableFile extends Error {}

const HEX = z.string().regex(/^([0-9a-fA-F]{2})*$/);
/** As `BigInteger` writes them: any number of leading zeros, an odd number of digits too. */
const INTEGER = z.string().regex(/^[0-9a-fA-F]+$/);

const KEY = z.object({
  curve: z.string(),
  uncompressed: HEX.optional(),
  wx: INTEGER.optional(),
  wy: INTEGER.optional(),
});

const FILE = z.object({
  schema: z.string().optional(),
  testGroups: z.array(
    z.object({
      type: z.string(),
      sha: z.string().optional(),
      publicKey: z.unknown().optional(),
      key: z.unknown().optional(),
      tests: z.array(
        z.object({
          tcId: z.number().int(),
          comment: z.string().default(""),
          msg: HEX.optional(),
          sig: HEX.optional(),
          result: z.enum(["valid", "acceptable", "invalid"]).optional(),
        }),
      ),
    }),
  ),
});

const KIND_OF_TYPE: Readonly<Record<string, Kind>> = {
  EcdsaVerify: "der",
  EcdsaP1363Verify: "p1363",
  EcdsaBitcoinVerify: "bitcoin",
};

const KIND_OF_SCHEMA: readonly (readonly [RegExp, Kind])[] = [
  [/^ecdsa_bitcoin_verify_schema(_v\d+)?(\.json)?$/, "bitcoin"],
  [/^ecdsa_p1363_verify_schema(_v\d+)?(\.json)?$/, "p1363"],
  [/^ecdsa_verify_schema(_v\d+)?(\.json)?$/, "der"],
];

const CURVES = ["secp256k1", "P-256K"];

/** SHAKE's length as ECDSA takes it: RFC 8692 section 3. */
const XOF_BYTES: Readonly<Record<string, number>> = { shake128: 32, shake256: 64 };

const bytesOf = (hex: string) => new Uint8Array(Buffer.from(hex, "hex"));

function kindOf(schema: string | undefined, type: string): Kind {
  const byType = KIND_OF_TYPE[type];
  if (byType === undefined)
    throw new UnusableFile(`these vectors are ${type}; ECDSA verification is what runs here`);
  const bySchema = KIND_OF_SCHEMA.find(([pattern]) => schema === undefined || pattern.test(schema));
  if (!bySchema) throw new UnusableFile(`the schema ${schema} is not one of ECDSA verification`);
  if (schema !== undefined && bySchema[1] !== byType)
    throw new UnusableFile(`${type} under the schema ${schema}`);
  return byType;
}

/** The hash that the file names, by node:crypto. */
function hashOf(sha: string): (message: Uint8Array) => Uint8Array {
  const plain = sha.toLowerCase();
  const names = [plain, plain.replace(/^sha-/, "sha").replace("/", "-"), plain.replace("-", "")];
  const name = names.find((one) => getHashes().includes(one));
  if (name === undefined) throw new UnusableFile(`the hash ${sha} is unknown`);
  const outputLength = XOF_BYTES[name];
  const options = outputLength === undefined ? {} : { outputLength };
  return (message) => leftmost(createHash(name, options).update(message).digest());
}

function leftmost(hash: Uint8Array): Uint8Array {
  const digest = new Uint8Array(32);
  digest.set(hash.subarray(0, 32), Math.max(0, 32 - hash.length));
  return digest;
}

function keyOf(group: z.infer<typeof FILE>["testGroups"][number]): Uint8Array | null {
  const parsed = KEY.safeParse(group.publicKey ?? group.key);
  if (!parsed.success) throw new UnusableFile("a group has no public key of an elliptic curve");
  const { curve, uncompressed, wx, wy } = parsed.data;
  if (!CURVES.includes(curve)) throw new UnusableFile(`the curve is ${curve}, not secp256k1`);
  if (uncompressed !== undefined)
    return /^04.{128}$/.test(uncompressed) ? bytesOf(uncompressed.slice(2)) : null;
  if (wx === undefined || wy === undefined) throw new UnusableFile("a public key has no coordinates");
  const digits = [wx, wy].map((one) => one.replace(/^0+/, "").padStart(64, "0"));
  return digits.every(({ length }) => length === 64) ? bytesOf(digits.join("")) : null;
}

function pairOf(kind: Kind, sig: Uint8Array): Pair | null {
  const pair = kind === "p1363" ? fromP1363(sig) : fromDer(sig);
  if (!pair || pair.r >= 2n ** 256n || pair.s >= 2n ** 256n) return null;
  return pair;
}

/** What bitcoin's rule refuses, and what the paths with a recovery id do. */
export const isHigh = (s: bigint) => s > N / 2n;

/** @throws {@link UnusableFile} */
export function parseVectors(text: string): VectorFile {
  const found = FILE.safeParse(parseJson(text));
  if (!found.success) {
    const [issue] = found.error.issues;
    throw new UnusableFile(`not a Wycheproof file: ${issue?.path.join(".")}: ${issue?.message}`);
  }
  const { schema, testGroups } = found.data;
  const [first] = testGroups;
  if (!first) throw new UnusableFile("the file has no group of vectors");
  const kind = kindOf(schema, first.type);
  const groups = testGroups.map((group): Group => {
    if (kindOf(schema, group.type) !== kind)
      throw new UnusableFile(`${group.type} and ${first.type} in one file`);
    if (group.sha === undefined) throw new UnusableFile("a group names no hash");
    const key = keyOf(group);
    const vectors = group.tests.map(({ tcId, comment, msg, sig, result }): Vector => {
      if (msg === undefined || sig === undefined || result === undefined) {
        throw new UnusableFile(`tcId ${tcId} lacks a message, a signature or a result`);
      }
      return { tcId, comment, expected: result, message: bytesOf(msg), pair: pairOf(kind, bytesOf(sig)) };
    });
    return { sha: group.sha, digest: hashOf(group.sha), key, vectors };
  });
  return { kind, groups, count: groups.reduce((sum, { vectors }) => sum + vectors.length, 0) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const schnorr = /^index,secret key,public key/.test(text);
    throw new UnusableFile(schnorr ? "BIP 340's own table of Schnorr signatures, not ECDSA" : "not JSON");
  }
}
