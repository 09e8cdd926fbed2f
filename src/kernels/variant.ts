/**
 * The two builds of the kernels and what they export.
 *
 * `base` needs SIMD128, `relaxed` also relaxed SIMD with a fused multiply-add. Both are built from the same sources by
 * `npm run build:kernels` and do the same; which is faster is for `calibration.ts` to find out.
 */
import { Fault } from "../base/fault.ts";

export const VARIANTS = ["base", "relaxed"] as const;

export type Variant = (typeof VARIANTS)[number];

/**
 * What a module exports. All parameters are addresses, counts and lengths; `i32` both ways, so that an address above
 * 2 GiB comes back negative. Integers of 32 bytes are big-endian (SEC 1), public keys 64 bytes x ‖ y, signatures
 * 64 bytes r ‖ s with their parity apart: 0 or 1 (v - 27), or 2 for plain ECDSA without a recovery id.
 */
export interface Exports {
  readonly memory: WebAssembly.Memory;
  /** First address that no kernel uses on its own. */
  heapBase(): number;
  /** 1 where `relaxed_madd` rounds once, and always in `base`, which has no use for it. */
  hasFusedMultiplyAdd(): number;

  keccak256(input: number, length: number, out: number): void;
  keccakStateBytes(): number;
  keccakInit(state: number): void;
  keccakUpdate(state: number, input: number, length: number): void;
  keccakFinal(state: number, out: number): void;
  sha256(input: number, length: number, out: number): void;
  sha256StateBytes(): number;
  sha256Init(state: number): void;
  sha256Update(state: number, input: number, length: number): void;
  sha256Final(state: number, out: number): void;
  /** How many nodes are hashed side by side: 1 or 2. */
  chooseKeccakNodes(ways: number): void;
  /** `count` nodes of 64 bytes to as many hashes of 32. */
  keccakNodes(input: number, out: number, count: number): void;
  sha256Nodes(input: number, out: number, count: number): void;
  /** How many nodes are hashed side by side: 1 or 4. */
  chooseSha256Nodes(ways: number): void;

  /** `algorithm` is 0 for Keccak-256, 1 for SHA-256; see `merkle.ts`. */
  merkleWorkspace(count: number): number;
  merkleRoot(algorithm: number, leaves: number, count: number, root: number, workspace: number): void;
  merkleTreeBytes(count: number): number;
  merkleLevels(algorithm: number, tree: number, count: number, root: number): void;
  merkleVerify(
    algorithm: number,
    root: number,
    count: number,
    index: number,
    leaf: number,
    path: number,
    length: number,
  ): number;
  frontierBytes(): number;
  frontierAppend(
    algorithm: number,
    frontier: number,
    leaves: number,
    count: number,
    workspace: number,
  ): number;
  frontierRoot(algorithm: number, frontier: number, root: number): void;

  /** Writes the tables of the generator for single signatures from `at` on; returns the first address after them. */
  initCurve(at: number): number;
  verifyOne(signature: number, digest: number, key: number, parity: number): number;
  recoverOne(signature: number, digest: number, parity: number, key: number): number;
  schnorrVerify(key: number, message: number, length: number, signature: number): number;
  hashToCurve(message: number, length: number, dst: number, dstLength: number, point: number): number;
  decompress(x: number, parity: number, point: number): number;
  isOnCurve(point: number): number;

  /** Writes the tables of the generator for groups from `at` on; returns the first address after them. */
  initBatch(at: number): number;
  keyTableBytes(): number;
  buildKeyTable(key: number, table: number): number;
  verifyKnown(signature: number, digest: number, table: number, parity: number): number;
  combWorkspace(count: number): number;
  /** Exact: a verdict for each. `tables` holds the address of each key's table. */
  verifyComb(
    count: number,
    signatures: number,
    digests: number,
    parities: number,
    keys: number,
    tables: number,
    workspace: number,
    verdicts: number,
  ): void;
  keyTermsBytes(): number;
  buildKeyTerms(key: number, terms: number): number;
  batchWorkspace(count: number, keyCount: number): number;
  /** 1 when all hold, but for a chance of 2^-128. `coefficients` are 16 random bytes for each, `hints` may be 0. */
  verifyBatch(
    count: number,
    signatures: number,
    parities: number,
    digests: number,
    keys: number,
    keyCount: number,
    terms: number,
    hints: number,
    coefficients: number,
    workspace: number,
  ): number;
  msmWorkspace(count: number): number;
  msm(count: number, points: number, scalars: number, out: number, workspace: number): number;
}

/** The names of {@link Exports}. */
const EXPORTED = [
  "memory",
  "heapBase",
  "hasFusedMultiplyAdd",
  "keccak256",
  "keccakStateBytes",
  "keccakInit",
  "keccakUpdate",
  "keccakFinal",
  "chooseKeccakNodes",
  "keccakNodes",
  "sha256",
  "sha256StateBytes",
  "sha256Init",
  "sha256Update",
  "sha256Final",
  "sha256Nodes",
  "chooseSha256Nodes",
  "merkleWorkspace",
  "merkleRoot",
  "merkleTreeBytes",
  "merkleLevels",
  "merkleVerify",
  "frontierBytes",
  "frontierAppend",
  "frontierRoot",
  "initCurve",
  "verifyOne",
  "recoverOne",
  "schnorrVerify",
  "hashToCurve",
  "decompress",
  "isOnCurve",
  "initBatch",
  "keyTableBytes",
  "buildKeyTable",
  "verifyKnown",
  "combWorkspace",
  "verifyComb",
  "keyTermsBytes",
  "buildKeyTerms",
  "batchWorkspace",
  "verifyBatch",
  "msmWorkspace",
  "msm",
] as const satisfies readonly (keyof Exports)[];

/** Reads a build of this machine: a file beside the sources or the package. In a browser there is none. */
function readModule(variant: Variant): Uint8Array<ArrayBuffer> {
  const files = typeof process === "undefined" ? undefined : process.getBuiltinModule?.("node:fs");
  if (!files) throw new Fault("kernel_failed", "no files here: pass the modules to loadKernels() first");
  // this is src/kernels/variant.ts, or dist/src/kernels/variant.js in the package
  const root = import.meta.url.endsWith(".ts") ? "../../" : "../../../";
  const file = new URL(`${root}build/kernels/${variant}.wasm`, import.meta.url);
  if (files.existsSync(file)) return new Uint8Array(files.readFileSync(file));
  throw new Fault("kernel_failed", `build/kernels/${variant}.wasm is missing: npm run build:kernels`);
}

const compiled = new Map<Variant, WebAssembly.Module>();

/**
 * A variant's module, compiled once.
 *
 * @throws {@link Fault} `kernel_failed` without a file, WebAssembly.CompileError where the engine lacks an instruction
 */
export function moduleOf(variant: Variant): WebAssembly.Module {
  const known = compiled.get(variant);
  if (known) return known;
  const module = new WebAssembly.Module(readModule(variant));
  compiled.set(variant, module);
  return module;
}

/** Puts a module in place that was compiled elsewhere. */
export function provideModule(variant: Variant, module: WebAssembly.Module): void {
  compiled.set(variant, module);
}

/** @throws {@link Fault} `kernel_failed` when the module has not the exports that these sources call */
export function instantiate(module: WebAssembly.Module): Exports {
  const { exports } = new WebAssembly.Instance(module, {});
  const missing = EXPORTED.filter((name) => exports[name] === undefined);
  if (missing.length > 0) {
    throw new Fault("kernel_failed", `built from other sources (no ${missing[0]}): npm run build:kernels`);
  }
  return exports as unknown as Exports;
}
