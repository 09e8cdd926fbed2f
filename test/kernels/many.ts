/** What the tests of the kernels for many points share: signatures made to order, an oracle, and the modules' memory. */
import { createHash } from "node:crypto";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { compileEntry, type Target } from "./compile.ts";

export const Point = secp256k1.Point;
export type Point = InstanceType<typeof Point>;
export const N = Point.Fn.ORDER;
export const P = Point.Fp.ORDER;
export const G = Point.BASE;
export const LAMBDA = 0x5363ad4cc05c30e0a5261c028812645a122e22ea20816678df02967c1b23bd72n;
const { Fn, Fp } = Point;

/** A signature as it is claimed to be one; `parity` 2 asks for plain ECDSA; `hint` is the y of R that a sender adds. */
export type Claim = {
  readonly r: bigint;
  readonly s: bigint;
  readonly parity: number;
  readonly digest: bigint;
  readonly key: number;
  readonly hint: bigint;
};

export function bytes32(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(64, "0"), "hex");
}

export function bytes64(point: Point): Buffer {
  const { x, y } = point.toAffine();
  return Buffer.concat([bytes32(x), bytes32(y)]);
}

/** Numbers 1..n-1 that are the same in every run. */
export function drawing(seed: string): () => bigint {
  let count = 0;
  return () => {
    const hash = createHash("sha512").update(`${seed} ${count++}`).digest("hex");
    return (BigInt(`0x${hash}`) % (N - 1n)) + 1n;
  };
}

export function inverse(value: bigint): bigint {
  return Fn.inv(value);
}

export function modN(value: bigint): bigint {
  return Fn.create(value);
}

/** The signature whose R is k G, with low s. */
export function sign(secret: bigint, key: number, digest: bigint, k: bigint): Claim {
  const { x, y } = G.multiply(k).toAffine();
  const r = modN(x);
  return lowered({ r, s: modN(inverse(k) * (digest + r * secret)), digest, key }, y);
}

/** The claim with s or n - s, whichever is low, and the y of R that goes with it. */
function lowered(claim: Pick<Claim, "r" | "s" | "digest" | "key">, y: bigint): Claim {
  const high = claim.s > N / 2n;
  const hint = high ? P - y : y;
  return { ...claim, s: high ? N - claim.s : claim.s, hint, parity: Number(hint & 1n) };
}

/** The signature, valid for this secret, of which u1 and u2 are given: with R = u1 G + u2 Q, r = x(R), s = r / u2. */
export function signWith(secret: bigint, key: number, u1: bigint, u2: bigint): Claim {
  const { x, y } = G.multiply(modN(u1 + u2 * secret)).toAffine();
  const r = modN(x);
  const s = modN(r * inverse(u2));
  return lowered({ r, s, digest: modN(u1 * s), key }, y);
}

function lift(x: bigint, parity: number): Point | null {
  try {
    return Point.fromBytes(Buffer.concat([Buffer.from([2 + parity]), bytes32(x)]));
  } catch {
    return null;
  }
}

/** Whether a claim holds, by the equation itself. */
export function holds(claim: Claim, keys: readonly Point[]): boolean {
  const key = keys[claim.key];
  const { r, s, parity } = claim;
  if (!key || parity > 2 || r < 1n || r >= N || s < 1n || s >= N) return false;
  if (parity < 2 && s > N / 2n) return false;
  const w = inverse(s);
  const u1 = modN(claim.digest * w);
  const sum = (u1 === 0n ? Point.ZERO : G.multiplyUnsafe(u1)).add(key.multiplyUnsafe(modN(r * w)));
  if (sum.is0()) return false;
  if (parity === 2) return modN(sum.x) === r;
  return lift(r, parity)?.equals(sum) === true;
}

/** A key for which r, s, digest is a signature whose R has this x: (s R - z G) / r. */
export function keyFor(x: bigint, parity: number, s: bigint, digest: bigint): Point {
  const point = lift(x, parity);
  if (!point) throw new Error(`no point has x = ${x}`);
  const w = inverse(modN(x));
  return point.multiplyUnsafe(modN(s * w)).add(G.multiplyUnsafe(modN(-digest * w)));
}

/** The smallest x from `from` on that a point has. */
export function nextX(from: bigint): bigint {
  for (let x = from; ; x++) if (lift(x, 0)) return x;
}

/** The smallest x from `from` on that no point has. */
export function nextXOfNone(from: bigint): bigint {
  for (let x = from; ; x++) if (!lift(x, 0)) return x;
}

/** A point whose y is this small, if there is one: its x is a cube root of y^2 - 7. */
export function pointOfY(y: bigint): Point | null {
  // p = 7 mod 9: the (p + 2) / 9th power of a cube is one of its roots.
  const cube = Fp.create(y * y - 7n);
  const x = Fp.pow(cube, (P + 2n) / 9n);
  return Fp.create(x * x * x) === cube ? Point.fromAffine({ x, y }) : null;
}

type Kernels = {
  readonly memory: WebAssembly.Memory;
  readonly heapBase: () => number;
  readonly initBatch: (at: number) => number;
  readonly keyTableBytes: () => number;
  readonly buildKeyTable: (key: number, table: number) => number;
  readonly keyTermsBytes: () => number;
  readonly buildKeyTerms: (key: number, terms: number) => number;
  readonly verifyKnown: (signature: number, digest: number, table: number, parity: number) => number;
  readonly combWorkspace: (n: number) => number;
  readonly verifyComb: (...columns: number[]) => void;
  readonly batchWorkspace: (n: number, keys: number) => number;
  readonly verifyBatch: (...columns: number[]) => number;
  readonly msmWorkspace: (n: number) => number;
  readonly msm: (n: number, points: number, scalars: number, out: number, workspace: number) => number;
  readonly unpackEntry: (point: number, out: number) => void;
  readonly switchOff: (branch: number) => void;
};

const ENTRY = `
import { unpackPoint } from "./curve/tables";
import { bytesFromPoint } from "./curve/affine-point";
export * from "./curve/exports-batch";
export { switchOff } from "./curve/exceptional";
export function heapBase(): usize { return __heap_base; }
const AFFINE: usize = memory.data(80, 16);
/** A packed point as 64 bytes. */
export function unpackEntry(point: usize, out: usize): void {
  unpackPoint(AFFINE, <u32>point);
  bytesFromPoint(out, AFFINE);
}
`;

/** Guard around every workspace: what is written there was not asked for. */
const GUARD = 64;

/** A module with its memory; what one call needs is given back after it. */
export class Many {
  readonly kernels: Kernels;
  #top: number;

  private constructor(kernels: Kernels) {
    this.kernels = kernels;
    this.#top = (kernels.initBatch((kernels.heapBase() + 15) & ~15) + 15) & ~15;
  }

  static async open(target: Target, faults = false): Promise<Many> {
    const module = new WebAssembly.Module(await compileEntry(ENTRY, target, { faults }));
    return new Many(new WebAssembly.Instance(module).exports as unknown as Kernels);
  }

  get #bytes(): Uint8Array {
    return new Uint8Array(this.kernels.memory.buffer);
  }

  alloc(size: number): number {
    const at = this.#top;
    this.#top = (at + size + 15) & ~15;
    const missing = this.#top - this.kernels.memory.buffer.byteLength;
    if (missing > 0) this.kernels.memory.grow((missing + 0xffff) >> 16);
    return at;
  }

  put(bytes: Uint8Array): number {
    const at = this.alloc(bytes.length);
    this.#bytes.set(bytes, at);
    return at;
  }

  take(at: number, size: number): Buffer {
    return Buffer.from(this.#bytes.slice(at, at + size));
  }

  putList(values: readonly number[]): number {
    return this.put(new Uint8Array(Uint32Array.from(values).buffer));
  }

  /** Gives back what was allocated while it ran. */
  aside<T>(run: () => T): T {
    const top = this.#top;
    try {
      return run();
    } finally {
      this.#top = top;
    }
  }

  /** A workspace of unclean memory, with a guard behind it that is looked at after the call. */
  withWorkspace<T>(size: number, run: (at: number) => T): T {
    const at = this.alloc(size + GUARD);
    this.#bytes.fill(0xa5, at, at + size + GUARD);
    const result = run(at);
    if (this.take(at + size, GUARD).some((byte) => byte !== 0xa5))
      throw new Error("wrote past its workspace");
    return result;
  }

  /** Table and terms of every key. */
  keys(points: readonly Point[]): Keys {
    const tables: number[] = [];
    const terms: number[] = [];
    for (const point of points) {
      const key = this.put(bytes64(point));
      const table = this.alloc(this.kernels.keyTableBytes());
      const term = this.alloc(this.kernels.keyTermsBytes());
      if (this.kernels.buildKeyTable(key, table) !== 1 || this.kernels.buildKeyTerms(key, term) !== 1) {
        throw new Error("refused a key");
      }
      tables.push(table);
      terms.push(term);
    }
    return { count: points.length, tables, terms };
  }

  single(claim: Claim, keys: Keys): boolean {
    return this.aside(() => {
      const signature = this.put(Buffer.concat([bytes32(claim.r), bytes32(claim.s)]));
      const digest = this.put(bytes32(claim.digest));
      const verdict = this.kernels.verifyKnown(signature, digest, keys.tables[claim.key] ?? 0, claim.parity);
      return verdict === 1;
    });
  }

  comb(claims: readonly Claim[], keys: Keys): boolean[] {
    return this.aside(() => {
      const n = claims.length;
      const columns = this.#columns(claims);
      const tables = this.putList(keys.tables);
      const verdicts = this.put(new Uint8Array((n >> 3) + 1).fill(0xff));
      const { signatures, digests, parities, keyColumn } = columns;
      this.withWorkspace(this.kernels.combWorkspace(n), (workspace) =>
        this.kernels.verifyComb(n, signatures, digests, parities, keyColumn, tables, workspace, verdicts),
      );
      const bits = this.take(verdicts, (n >> 3) + 1);
      if (n % 8 !== 0 && (bits[n >> 3] ?? 0) >> (n % 8) !== 0) throw new Error("verdicts past the last one");
      if (n % 8 === 0 && bits[n >> 3] !== 0xff) throw new Error("wrote past the verdicts");
      return claims.map((_, i) => (((bits[i >> 3] ?? 0) >> (i & 7)) & 1) === 1);
    });
  }

  /** @param coefficients x and y of every signature, signed 64-bit */
  batch(claims: readonly Claim[], keys: Keys, options: BatchOptions): boolean {
    return this.aside(() => {
      const n = claims.length;
      const { signatures, digests, parities, keyColumn } = this.#columns(claims);
      const terms = this.putList(keys.terms);
      const hints = options.hinted ? this.put(Buffer.concat(claims.map((claim) => bytes32(claim.hint)))) : 0;
      const coefficients = this.put(new Uint8Array(options.coefficients.slice(0, 2 * n).buffer));
      const size = this.kernels.batchWorkspace(n, keys.count);
      const columns = [signatures, parities, digests, keyColumn, keys.count, terms, hints, coefficients];
      return this.withWorkspace(size, (at) => this.kernels.verifyBatch(n, ...columns, at)) === 1;
    });
  }

  /** The sum's 64 bytes; null for infinity. */
  msm(points: readonly Point[], scalars: readonly bigint[]): Buffer | null {
    return this.aside(() => {
      const n = points.length;
      const list = points.map((point) => (point.is0() ? Buffer.alloc(64) : bytes64(point)));
      const at = this.put(Buffer.concat(list));
      const multiples = this.put(Buffer.concat(scalars.map(bytes32)));
      const out = this.put(new Uint8Array(64).fill(0xee));
      const finite = this.withWorkspace(this.kernels.msmWorkspace(n), (workspace) =>
        this.kernels.msm(n, at, multiples, out, workspace),
      );
      const sum = this.take(out, 64);
      if (finite === 0 && sum.some((byte) => byte !== 0xee)) throw new Error("wrote infinity's coordinates");
      return finite === 1 ? sum : null;
    });
  }

  #columns(claims: readonly Claim[]) {
    return {
      signatures: this.put(Buffer.concat(claims.flatMap(({ r, s }) => [bytes32(r), bytes32(s)]))),
      digests: this.put(Buffer.concat(claims.map(({ digest }) => bytes32(digest)))),
      parities: this.put(Uint8Array.from(claims, ({ parity }) => parity)),
      keyColumn: this.putList(claims.map(({ key }) => key)),
    };
  }
}

export type Keys = { readonly count: number; readonly tables: number[]; readonly terms: number[] };

export type BatchOptions = { readonly hinted: boolean; readonly coefficients: BigInt64Array<ArrayBuffer> };

/** Coefficients for up to n signatures, the same in every run. */
export function drawCoefficients(n: number, seed: string): BigInt64Array<ArrayBuffer> {
  const bytes = new Uint8Array(16 * n);
  for (let i = 0; i < n; i++) {
    bytes.set(createHash("sha256").update(`${seed} ${i}`).digest().subarray(0, 16), 16 * i);
  }
  return new BigInt64Array(bytes.buffer);
}

/** What a call gives, or that it trapped: with a branch switched off either is a wrong answer. */
export function outcome<T>(run: () => T): T | "trap" {
  try {
    return run();
  } catch (error) {
    if (error instanceof Error && error.name === "RuntimeError") return "trap";
    throw error;
  }
}

/** One field of a claim changed in one bit. */
export function tampered(claim: Claim, field: "r" | "s" | "digest", bit: number): Claim {
  return { ...claim, [field]: claim[field] ^ (1n << BigInt(bit)) };
}
