/** One build of the kernels, called directly: every path on which it judges a signature. */
import { randomBytes } from "node:crypto";
import { Instance } from "../../src/kernels/instance.ts";
import type { Memory } from "../../src/kernels/memory.ts";
import type { Exports, Variant } from "../../src/kernels/variant.ts";

/** All that one judgement needs, in the kernels' form: integers of 32 bytes, big-endian. */
export type Signed = {
  /** r ‖ s, 64 bytes. */
  readonly signature: Uint8Array;
  readonly digest: Uint8Array;
  /** x ‖ y, 64 bytes. */
  readonly key: Uint8Array;
  /** Of R's y (v - 27), or 2 for plain ECDSA without a recovery id; anything else is refused. */
  readonly parity: number;
};

/** Key tables are large: at the limit all are forgotten and their places used again. */
const MOST_KEYS = 160;

const CANARY_BYTES = 64;
const CANARY = 0xa5;

/** Places of a fixed size, one for each key, filled on first use. */
class Shelf {
  readonly #memory: Memory;
  readonly #bytes: number;
  readonly #fill: (key: Uint8Array, at: number) => boolean;
  readonly #places: number[] = [];
  /** Key in hex to its place, or null when the kernel refuses the key. */
  #known = new Map<string, number | null>();

  constructor(memory: Memory, bytes: number, fill: (key: Uint8Array, at: number) => boolean) {
    this.#memory = memory;
    this.#bytes = bytes;
    this.#fill = fill;
  }

  /** Places of all these keys, which stand side by side until the next call. */
  of(keys: readonly Uint8Array[]): (number | null)[] {
    if (keys.length > MOST_KEYS)
      throw new RangeError(`${keys.length} keys at once, ${MOST_KEYS} have a place`);
    const names = keys.map((key) => Buffer.from(key).toString("hex"));
    const fresh = names.filter((name) => !this.#known.has(name)).length;
    if (this.#known.size + fresh > MOST_KEYS) this.#known = new Map();
    return keys.map((key, index) => this.#place(key, names[index] ?? ""));
  }

  #place(key: Uint8Array, name: string): number | null {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const at = this.#places[this.#known.size] ?? this.#memory.reserve(this.#bytes + CANARY_BYTES);
    this.#places[this.#known.size] = at;
    guard(this.#memory, at + this.#bytes);
    const place = this.#fill(key, at) ? at : null;
    checkGuard(this.#memory, at + this.#bytes, "a key's table");
    this.#known.set(name, place);
    return place;
  }
}

function guard(memory: Memory, at: number): void {
  memory.bytes.fill(CANARY, at, at + CANARY_BYTES);
}

/** @throws Error when a kernel wrote behind the bytes it had asked for */
function checkGuard(memory: Memory, at: number, what: string): void {
  if (memory.read(at, CANARY_BYTES).some((byte) => byte !== CANARY)) {
    throw new Error(`a kernel wrote behind ${what}`);
  }
}

const distinct = (keys: readonly Uint8Array[]) => {
  const index = new Map<string, number>();
  const list: Uint8Array[] = [];
  const of = keys.map((key) => {
    const name = Buffer.from(key).toString("hex");
    const known = index.get(name);
    if (known !== undefined) return known;
    index.set(name, list.length);
    return list.push(key) - 1;
  });
  return { list, of };
};

export class Build {
  readonly variant: Variant;
  readonly exports: Exports;
  readonly #memory: Memory;
  readonly #tables: Shelf;
  readonly #terms: Shelf;

  /** @param module - the variant's own build when absent */
  constructor(variant: Variant, module?: WebAssembly.Module) {
    const instance = new Instance(variant, module);
    instance.prepareCurve();
    const { exports, memory } = instance;
    this.variant = variant;
    this.exports = exports;
    this.#memory = memory;
    this.#tables = this.#shelf(exports.keyTableBytes(), (key, at) => exports.buildKeyTable(key, at) === 1);
    this.#terms = this.#shelf(exports.keyTermsBytes(), (key, at) => exports.buildKeyTerms(key, at) === 1);
  }

  /** SHA-256 by the kernel. */
  sha256(message: Uint8Array): Uint8Array {
    const [input = 0, out = 0] = this.#columns(message.length, 32);
    this.#memory.write(input, message);
    this.exports.sha256(input, message.length, out);
    return this.#memory.read(out, 32);
  }

  /** The path of one signature under a key never seen before. */
  single({ signature, digest, key, parity }: Signed): boolean {
    const [s = 0, d = 0, k = 0] = this.#put(signature, digest, key);
    return this.exports.verifyOne(s, d, k, parity) === 1;
  }

  /** The key that recovery finds, or null. */
  recover({ signature, digest, parity }: Omit<Signed, "key">): Uint8Array | null {
    const [s = 0, d = 0, out = 0] = this.#put(signature, digest, new Uint8Array(64));
    return this.exports.recoverOne(s, d, parity, out) === 1 ? this.#memory.read(out, 64) : null;
  }

  /** The path of one signature under a key that has its table. */
  known({ signature, digest, key, parity }: Signed): boolean {
    const [table] = this.#tables.of([key]);
    if (table === undefined || table === null) return false;
    const [s = 0, d = 0] = this.#put(signature, digest);
    return this.exports.verifyKnown(s, d, table, parity) === 1;
  }

  /** The exact path of many at a time. What a refused key signed is false without a call. */
  comb(all: readonly Signed[]): boolean[] {
    const keys = distinct(all.map(({ key }) => key));
    const tables = this.#tables.of(keys.list);
    const tableOf = (index: number) => tables[keys.of[index] ?? 0] ?? null;
    const asked = all.map((_, index) => index).filter((index) => tableOf(index) !== null);
    const verdicts = all.map(() => false);
    if (asked.length === 0) return verdicts;
    const n = asked.length;
    const bytes = this.exports.combWorkspace(n);
    const at = this.#columns(n * 64, n * 32, n, n * 4, tables.length * 4, (n + 7) >> 3, bytes, CANARY_BYTES);
    const [signatures = 0, digests = 0, parities = 0, indexes = 0, pointers = 0, bitmap = 0, workspace = 0] =
      at;
    for (const [row, index] of asked.entries()) {
      this.#row(row, all[index], signatures, digests, parities);
      this.#memory.words(indexes, n)[row] = keys.of[index] ?? 0;
    }
    this.#memory.words(pointers, tables.length).set(tables.map((table) => table ?? 0));
    this.#memory.bytes.fill(0xff, bitmap, bitmap + ((n + 7) >> 3));
    guard(this.#memory, workspace + bytes);
    this.exports.verifyComb(n, signatures, digests, parities, indexes, pointers, workspace, bitmap);
    checkGuard(this.#memory, workspace + bytes, `the comb's workspace for ${n}`);
    const bits = this.#memory.read(bitmap, (n + 7) >> 3);
    for (const [row, index] of asked.entries())
      verdicts[index] = (((bits[row >> 3] ?? 0) >> (row & 7)) & 1) === 1;
    return verdicts;
  }

  /**
   * The path of random coefficients: whether all hold.
   *
   * @param hints - y of each R, 32 bytes
   * @param coefficients - 16 bytes for each; drawn when absent
   */
  batch(
    all: readonly Signed[],
    { hints, coefficients }: { hints?: readonly Uint8Array[]; coefficients?: Uint8Array } = {},
  ): boolean {
    const keys = distinct(all.map(({ key }) => key));
    const terms = this.#terms.of(keys.list);
    if (terms.includes(null)) return false;
    const n = all.length;
    const count = terms.length;
    const bytes = this.exports.batchWorkspace(n, count);
    const at = this.#columns(n * 64, n * 32, n, n * 4, count * 4, n * 32, n * 16, bytes, CANARY_BYTES);
    const [signatures = 0, digests = 0, parities = 0, indexes = 0, pointers = 0, ys = 0, random = 0] = at;
    const workspace = at[7] ?? 0;
    for (const [row, signed] of all.entries()) {
      this.#row(row, signed, signatures, digests, parities);
      this.#memory.words(indexes, n)[row] = keys.of[row] ?? 0;
    }
    for (const [row, hint] of hints?.entries() ?? []) this.#memory.write(ys + row * 32, hint);
    this.#memory.words(pointers, count).set(terms.map((term) => term ?? 0));
    this.#memory.write(random, coefficients ?? randomBytes(n * 16));
    guard(this.#memory, workspace + bytes);
    const columns = [signatures, parities, digests, indexes] as const;
    const hinted = hints ? ys : 0;
    const verdict = this.exports.verifyBatch(n, ...columns, count, pointers, hinted, random, workspace);
    checkGuard(this.#memory, workspace + bytes, `the batch's workspace for ${n} under ${count} keys`);
    return verdict === 1;
  }

  /** BIP 340: key 32 bytes x, signature 64 bytes. */
  schnorr(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
    const [k = 0, m = 0, s = 0] = this.#put(key, message, signature);
    return this.exports.schnorrVerify(k, m, message.length, s) === 1;
  }

  /** RFC 9380, secp256k1_XMD:SHA-256_SSWU_RO_: x ‖ y, or null for infinity. */
  hashToCurve(message: Uint8Array, dst: Uint8Array): Uint8Array | null {
    const [m = 0, d = 0, out = 0] = this.#put(message, dst, new Uint8Array(64));
    const found = this.exports.hashToCurve(m, message.length, d, dst.length, out) === 1;
    return found ? this.#memory.read(out, 64) : null;
  }

  /** The point of this x and parity of y, or null. */
  decompress(x: Uint8Array, parity: number): Uint8Array | null {
    const [at = 0, out = 0] = this.#put(x, new Uint8Array(64));
    return this.exports.decompress(at, parity, out) === 1 ? this.#memory.read(out, 64) : null;
  }

  /** Whether a key's table and its terms can be made. */
  takesKey(key: Uint8Array): { readonly table: boolean; readonly terms: boolean } {
    return { table: this.#tables.of([key])[0] !== null, terms: this.#terms.of([key])[0] !== null };
  }

  isOnCurve(point: Uint8Array): boolean {
    const [at = 0] = this.#put(point);
    return this.exports.isOnCurve(at) === 1;
  }

  /** The sum of scalar times point, x ‖ y, or null for infinity. A point of 64 zero bytes is infinity. */
  msm(points: readonly Uint8Array[], scalars: readonly Uint8Array[]): Uint8Array | null {
    const n = points.length;
    const bytes = this.exports.msmWorkspace(n);
    const [xy = 0, k = 0, out = 0, workspace = 0] = this.#columns(n * 64, n * 32, 64, bytes, CANARY_BYTES);
    for (const [row, point] of points.entries()) this.#memory.write(xy + row * 64, point);
    for (const [row, scalar] of scalars.entries()) this.#memory.write(k + row * 32, scalar);
    guard(this.#memory, workspace + bytes);
    const finite = this.exports.msm(n, xy, k, out, workspace) === 1;
    checkGuard(this.#memory, workspace + bytes, `the multi-scalar workspace for ${n}`);
    return finite ? this.#memory.read(out, 64) : null;
  }

  #shelf(bytes: number, build: (key: number, at: number) => boolean): Shelf {
    return new Shelf(this.#memory, bytes, (key, at) => {
      const [from = 0] = this.#put(key);
      return build(from, at);
    });
  }

  /** Addresses of columns of these lengths. What they hold is left over from calls before. */
  #columns(...lengths: readonly number[]): number[] {
    const aligned = lengths.map((length) => Math.ceil(length / 16) * 16);
    let at = this.#memory.scratch(aligned.reduce((sum, length) => sum + length, 0));
    return aligned.map((length) => {
      at += length;
      return at - length;
    });
  }

  #put(...columns: readonly Uint8Array[]): number[] {
    const at = this.#columns(...columns.map(({ length }) => length));
    for (const [index, column] of columns.entries()) this.#memory.write(at[index] ?? 0, column);
    return at;
  }

  #row(row: number, signed: Signed | undefined, signatures: number, digests: number, parities: number): void {
    if (!signed) return;
    this.#memory.write(signatures + row * 64, signed.signature);
    this.#memory.write(digests + row * 32, signed.digest);
    this.#memory.bytes[parities + row] = signed.parity;
  }
}
