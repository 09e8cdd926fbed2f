/**
 * Signatures to check, as columns (what the kernels take) and one by one (what the peers take).
 *
 * Digests and keys are the hashes of counters: every run checks the same signatures.
 */
import { createHash } from "node:crypto";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { getPublicKey, Point, signAsync } from "@noble/secp256k1";

export type Signed = {
  /** 65 bytes: 4, x, y. */
  readonly key: Uint8Array;
  /** The same key in 33 bytes: 2 or 3, x. */
  readonly compressed: Uint8Array;
  readonly digest: Uint8Array;
  /** 64 bytes: r, s. */
  readonly signature: Uint8Array;
};

export type Columns = {
  readonly signatures: Uint8Array;
  readonly parities: Uint8Array;
  readonly digests: Uint8Array;
  /** Which key, for each signature. */
  readonly keys: Uint32Array<ArrayBuffer>;
  /** y of each signature's R. */
  readonly hints: Uint8Array;
  /** 64 bytes each: x, y. */
  readonly points: Uint8Array;
};

export async function signed(count: number, keyCount: number): Promise<Columns & { rows: Signed[] }> {
  const secrets = Array.from({ length: keyCount }, (_, at) => hash(`key ${at}`));
  const publicKeys = secrets.map((secret) => getPublicKey(secret, false));
  const columns = {
    signatures: new Uint8Array(64 * count),
    parities: new Uint8Array(count),
    digests: new Uint8Array(32 * count),
    keys: new Uint32Array(count),
    hints: new Uint8Array(32 * count),
    points: new Uint8Array(Buffer.concat(publicKeys.map((key) => key.subarray(1)))),
  };
  const rows: Signed[] = [];
  for (let at = 0; at < count; at++) {
    const by = at % keyCount;
    const [secret, key] = [secrets[by], publicKeys[by]];
    if (!(secret && key)) throw new Error("no key");
    const digest = hash(`digest ${at}`);
    const recovered = await signAsync(digest, secret, { prehash: false, format: "recovered" });
    const [parity = 0, signature] = [recovered[0], recovered.slice(1)];
    columns.signatures.set(signature, 64 * at);
    columns.parities[at] = parity;
    columns.digests.set(digest, 32 * at);
    columns.keys[at] = by;
    const r = Point.fromBytes(new Uint8Array([2 + parity, ...signature.subarray(0, 32)]));
    columns.hints.set(r.toBytes(false).subarray(33), 32 * at);
    rows.push({ key, compressed: compress(key), digest, signature });
  }
  return { ...columns, rows };
}

function compress(key: Uint8Array): Uint8Array {
  return new Uint8Array([2 + ((key[64] ?? 0) & 1), ...key.subarray(1, 33)]);
}

/** Terms of a sum: as bytes for the kernels (64 and 32 each), and as their peer takes them. */
export function terms(count: number) {
  const points: InstanceType<typeof secp256k1.Point>[] = [];
  const factors: bigint[] = [];
  const pointBytes = new Uint8Array(64 * count);
  const factorBytes = new Uint8Array(32 * count);
  for (let at = 0; at < count; at++) {
    const point = secp256k1.Point.BASE.multiply(BigInt(`0x${hex(hash(`point ${at}`))}`));
    const factor = hash(`factor ${at}`);
    points.push(point);
    pointBytes.set(point.toBytes(false).subarray(1), 64 * at);
    factors.push(BigInt(`0x${hex(factor)}`));
    factorBytes.set(factor, 32 * at);
  }
  return { points, factors, pointBytes, factorBytes };
}

/** Below the order of the group in all but 2^-128 of all cases. */
function hash(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHash("sha256").update(text).digest());
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
