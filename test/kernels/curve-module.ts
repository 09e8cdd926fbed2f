/** A compiled part of the curve, with its memory, for tests; and @noble/curves' points beside it. */
import { secp256k1, secp256k1_hasher } from "@noble/curves/secp256k1.js";
import { compileEntry, type Target } from "./compile.ts";

export const P = 2n ** 256n - 2n ** 32n - 977n;
export const N = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
/** lambda (x, y) = (beta x, y) */
export const LAMBDA = 0x5363ad4cc05c30e0a5261c028812645a122e22ea20816678df02967c1b23bd72n;

export const Point = secp256k1.Point;
export type Point = InstanceType<typeof Point>;

/** Pointers and counts in, a truth or nothing out. */
export type Functions = Readonly<Record<string, (...values: number[]) => number>>;

const TAIL = "\nexport function heapBase(): usize { return (__heap_base + 63) & ~63; }\n";
const FAULTS = 'export { switchOff } from "./curve/exceptional";\n';

export class CurveModule {
  readonly call: Functions;
  readonly #memory: WebAssembly.Memory;
  #free: number;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
    this.call = exports as unknown as Functions;
    this.#memory = exports["memory"] as WebAssembly.Memory;
    const base = this.run("heapBase");
    this.#free = "initCurve" in exports ? this.run("initCurve", base) : base;
    this.#memory.grow(2);
  }

  static async compile(text: string, target: Target, faults = false): Promise<CurveModule> {
    return new CurveModule(await compileEntry(text + TAIL + (faults ? FAULTS : ""), target, { faults }));
  }

  /** Calls a function by its name. */
  run(name: string, ...values: number[]): number {
    const call = this.call[name];
    if (!call) throw new Error(`there is no function ${name}`);
    return call(...values);
  }

  /** A place of its own, 16-byte aligned, for good. */
  place(bytes: number): number {
    const at = this.#free;
    this.#free += (bytes + 15) & ~15;
    if (this.#free > this.#memory.buffer.byteLength) this.#memory.grow(1 + (bytes >> 16));
    return at;
  }

  put(at: number, bytes: Uint8Array): number {
    new Uint8Array(this.#memory.buffer).set(bytes, at);
    return at;
  }

  /** A place of its own that holds these bytes. */
  keep(bytes: Uint8Array): number {
    return this.put(this.place(bytes.length), bytes);
  }

  take(at: number, length: number): Uint8Array {
    return new Uint8Array(this.#memory.buffer).slice(at, at + length);
  }
}

/** Most significant byte first. */
export function bytesOf(value: bigint, length = 32): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => Number((value >> BigInt(8 * (length - 1 - i))) & 0xffn));
}

export function numberOf(bytes: Uint8Array): bigint {
  return bytes.reduce((sum, byte) => (sum << 8n) + BigInt(byte), 0n);
}

export function modulo(value: bigint, modulus: bigint): bigint {
  return ((value % modulus) + modulus) % modulus;
}

export function inverseModulo(value: bigint, modulus: bigint): bigint {
  let [a, b, x, y] = [modulo(value, modulus), modulus, 1n, 0n];
  while (b > 0n) [a, b, x, y] = [b, a % b, y, x - (a / b) * y];
  return modulo(x, modulus);
}

/** k times a point; any k. */
export function times(point: Point, k: bigint): Point {
  const scalar = modulo(k, N);
  return scalar === 0n ? Point.ZERO : point.multiplyUnsafe(scalar);
}

/** As {@link times} of one point, each multiple calculated once. */
export function multiplesOf(point: Point): (k: bigint) => Point {
  const known = new Map<bigint, Point>();
  return (k) => {
    const found = known.get(k) ?? times(point, k);
    // Affine once, so that nobody divides again.
    const kept = known.has(k) || found.is0() ? found : Point.fromAffine(found.toAffine());
    known.set(k, kept);
    return kept;
  };
}

/** As the hooks write a point: x, y and 1; 65 zeros for infinity. */
export function written(point: Point): Uint8Array {
  return join(encode(point), Uint8Array.of(point.is0() ? 0 : 1));
}

/** x and y, 64 bytes; infinity is zeros. */
export function encode(point: Point): Uint8Array {
  if (point.is0()) return new Uint8Array(64);
  const { x, y } = point.toAffine();
  return join(bytesOf(x), bytesOf(y));
}

export function join(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The point with this x, if there is one. */
export function lift(x: bigint, odd: boolean): Point | null {
  if (x >= P) return null;
  try {
    return Point.fromHex((odd ? "03" : "02") + x.toString(16).padStart(64, "0"));
  } catch {
    return null;
  }
}

/** RFC 9380's map of one number. Its type asks for an array; with one coordinate per number it takes the number. */
export const mapOne = secp256k1_hasher.mapToCurve as unknown as (u: bigint) => Point;
