/** Vectors for the kernels, made once on this machine: what answers them needs no arithmetic of its own. */
import { schnorr } from "@noble/curves/secp256k1.js";
import { bytes32, LAMBDA, N, P, pointBytes, timesG } from "../../vectors/arithmetic.ts";
import type { Signed } from "../../vectors/build.ts";
import { byNonce, exact } from "../../vectors/craft.ts";
import { Draw } from "../../vectors/draw.ts";
import { foreignGroups, foreignTrials } from "../../vectors/foreign.ts";
import { everyGroup } from "../../vectors/groups.ts";
import { hintFor } from "../../vectors/hint.ts";
import { everyTrial } from "../../vectors/trials.ts";

/** Bytes as hexadecimal, so that all of it is JSON. */
type Text = string;

export type CorpusSigned = {
  readonly signature: Text;
  readonly digest: Text;
  readonly key: Text;
  readonly parity: number;
};

/** A batch. Its coefficients are given: what is drawn differs from run to run. */
type Batch = {
  readonly all: readonly CorpusSigned[];
  readonly coefficients: Text;
  readonly hints: readonly Text[];
};

export type Corpus = {
  readonly signatures: readonly CorpusSigned[];
  readonly batches: readonly Batch[];
  readonly schnorr: readonly { readonly key: Text; readonly message: Text; readonly signature: Text }[];
  readonly xs: readonly Text[];
  readonly sums: readonly { readonly points: readonly Text[]; readonly scalars: readonly Text[] }[];
  readonly messages: readonly Text[];
};

const RANDOM_SIGNATURES = 400;
const SCHNORR = 60;
const RANDOM_XS = 300;
const SUMS = [1, 2, 3, 7, 32, 100, 257];
/** About every length at which a hash begins another block. */
const LENGTHS = [
  0, 1, 31, 55, 56, 63, 64, 65, 119, 120, 127, 128, 135, 136, 137, 271, 272, 273, 1_000, 16_385,
];

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

function asText({ signature, digest, key, parity }: Signed): CorpusSigned {
  return { signature: text(signature), digest: text(digest), key: text(key), parity };
}

/** One bit of the signature, the digest or the key is another. */
function spoilt(signed: CorpusSigned, bit: number): CorpusSigned {
  const field = (["signature", "digest", "key"] as const)[bit % 3] ?? "key";
  const bytes = Buffer.from(signed[field], "hex");
  const at = bit % bytes.length;
  bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit % 8));
  return { ...signed, [field]: text(bytes) };
}

/** Every other of the crafted ones: an emulator takes milliseconds for each. */
function signatures(draw: Draw): CorpusSigned[] {
  const trials = [...everyTrial().filter((_, at) => at % 2 === 0), ...foreignTrials()];
  const edges = trials.map(({ signed }) => asText(signed));
  const keys = Array.from({ length: 8 }, () => draw.below(N - 1n) + 1n);
  const random = Array.from({ length: RANDOM_SIGNATURES / 2 }, (_, at) => {
    const right = asText(exact(byNonce(keys[at % 8] ?? 1n, draw.below(N - 1n) + 1n, draw.below(N))));
    return [right, spoilt(right, draw.index(4_096))];
  });
  return [...edges, ...random.flat()];
}

function batches(draw: Draw): Batch[] {
  return [...everyGroup(), ...foreignGroups()].map(({ all, coefficients, hints }) => ({
    all: all.map(asText),
    coefficients: text(coefficients ?? draw.bytes(16 * all.length)),
    hints: (hints ?? all.map(hintFor)).map(text),
  }));
}

function schnorrSigned(draw: Draw): Corpus["schnorr"] {
  return Array.from({ length: SCHNORR }, (_, at) => {
    const secret = bytes32(draw.below(N - 1n) + 1n);
    const message = draw.bytes(at * 7);
    const signature = Buffer.from(schnorr.sign(message, secret, draw.bytes(32)));
    if (at % 3 === 2) signature[at] = (signature[at] ?? 0) ^ 1;
    return { key: text(schnorr.getPublicKey(secret)), message: text(message), signature: text(signature) };
  });
}

function sums(draw: Draw): Corpus["sums"] {
  return SUMS.flatMap((count) => {
    const points = Array.from({ length: count }, () => {
      const point = timesG(draw.below(N - 1n) + 1n);
      return text(point ? pointBytes(point) : new Uint8Array(64));
    });
    const scalars = points.map(() => text(draw.bytes(32)));
    // the same point over and over, and its sum with what cancels it
    const [point = ""] = points;
    const cancelling = [bytes32(5n), bytes32(N - 5n), bytes32(LAMBDA), bytes32(N - LAMBDA)].map(text);
    return [
      { points, scalars },
      { points: points.map(() => point), scalars },
      { points: cancelling.map(() => point), scalars: cancelling },
    ];
  });
}

/** The same on every call. */
export function kernelCorpus(): Corpus {
  const draw = new Draw("arm64");
  const xs = [0n, 1n, 2n, P - 1n, P - 2n, P, N, N - 1n, LAMBDA, 2n ** 256n - 1n].map(bytes32);
  return {
    signatures: signatures(draw),
    batches: batches(draw),
    schnorr: schnorrSigned(draw),
    xs: [...xs, ...Array.from({ length: RANDOM_XS }, () => draw.bytes(32))].map(text),
    sums: sums(draw),
    messages: LENGTHS.flatMap((length) => [
      text(draw.bytes(length)),
      text(new Uint8Array(length).fill(0xff)),
    ]),
  };
}

/** How many vectors it has: each batch, sum, message and x is one. */
export function vectorsIn(corpus: Corpus): number {
  return Object.values(corpus).reduce((sum, part) => sum + part.length, 0);
}
