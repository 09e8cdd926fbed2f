/**
 * What the kernels answer on this engine, as one JSON line.
 *
 *     node kernel-answers.ts base|relaxed FILE   a hash of all answers to a corpus for each kind of call
 *     node kernel-answers.ts calibrate           which variant a gateway would take here
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { systemClock } from "../../../src/base/clock.ts";
import { type Calibration, calibrate } from "../../../src/kernels/calibration.ts";
import { hashToCurve } from "../../../src/kernels/curve.ts";
import { type HashAlgorithm, HashStream, hashNodes, keccak256 } from "../../../src/kernels/digest.ts";
import { chooseVariant, fallenVariants, kernels } from "../../../src/kernels/kernels.ts";
import { MerkleFrontier, MerkleTree, merkleRoot } from "../../../src/kernels/merkle.ts";
import { VARIANTS, type Variant } from "../../../src/kernels/variant.ts";
import { Build, type Signed } from "../../vectors/build.ts";
import type { Corpus, CorpusSigned } from "./kernel-corpus.ts";

export type KernelAnswers = {
  readonly variant: Variant;
  readonly arch: string;
  /** By kind of call: how many there were, and the SHA-256 of all that they answered. */
  readonly kinds: Readonly<Record<string, { readonly calls: number; readonly hash: string }>>;
};

/** Signatures in one call of the comb. */
const TOGETHER = 96;
const TAG = new TextEncoder().encode("HIREWIRE-V01-CS02-with-secp256k1_XMD:SHA-256_SSWU_RO_");
const HASHES: readonly HashAlgorithm[] = ["keccak256", "sha256"];

type Answer = Uint8Array | string | boolean | number | null;

const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, "hex"));

/** Counts and hashes answers of one kind, each told apart from the next. */
function take(answers: Iterable<Answer>): { calls: number; hash: string } {
  const hash = createHash("sha256");
  let calls = 0;
  for (const answer of answers) {
    calls += 1;
    hash.update(`${answer instanceof Uint8Array ? Buffer.from(answer).toString("hex") : String(answer)}\n`);
  }
  return { calls, hash: hash.digest("hex") };
}

function signedOf({ signature, digest, key, parity }: CorpusSigned): Signed {
  return { signature: bytesOf(signature), digest: bytesOf(digest), key: bytesOf(key), parity };
}

/** Together and one by one while their keys' tables stand: to build those is most of the work. */
function* withTables(build: Build, signatures: readonly Signed[]): Generator<Answer> {
  for (let from = 0; from < signatures.length; from += TOGETHER) {
    const some = signatures.slice(from, from + TOGETHER);
    yield build.comb(some).join();
    for (const signed of some) yield build.known(signed);
  }
}

/** Keccak-256, SHA-256 by the kernel, nodes side by side, trees: by what the gateway calls. */
function* hashes(messages: readonly Uint8Array[]): Generator<Answer> {
  const { exports } = kernels();
  for (const message of messages) {
    yield keccak256(message);
    yield new HashStream("sha256").update(message).update(message).digest();
  }
  const leaves = Buffer.concat(messages);
  for (const [keccakWays, sha256Ways] of [
    [1, 1],
    [2, 4],
  ] as const) {
    exports.chooseKeccakNodes(keccakWays);
    exports.chooseSha256Nodes(sha256Ways);
    for (const algorithm of HASHES) {
      for (const count of [0, 1, 2, 3, 5, 33, 64]) {
        const nodes = new Uint8Array(leaves.subarray(leaves.length - 64 * count));
        yield hashNodes(algorithm, nodes);
        yield merkleRoot(algorithm, nodes);
        if (count === 0) continue;
        yield new MerkleTree(algorithm, nodes).proof(count).path;
        const frontier = new MerkleFrontier(algorithm);
        frontier.append(nodes);
        yield frontier.root();
      }
    }
  }
}

function answersOf(variant: Variant, corpus: Corpus): KernelAnswers["kinds"] {
  chooseVariant(variant);
  if (kernels().variant !== variant) throw new Error(fallenVariants().get(variant));
  const build = new Build(variant);
  const signatures = corpus.signatures.map(signedOf);
  const batches = corpus.batches.map(({ all, coefficients, hints }) => {
    return { all: all.map(signedOf), coefficients: bytesOf(coefficients), hints: hints.map(bytesOf) };
  });
  const messages = corpus.messages.map(bytesOf);
  const xs = corpus.xs.map(bytesOf);
  return {
    single: take(signatures.map((signed) => build.single(signed))),
    recover: take(signatures.map((signed) => build.recover(signed))),
    "known and comb": take(withTables(build, signatures)),
    batch: take(batches.map(({ all, coefficients }) => build.batch(all, { coefficients }))),
    "hinted batch": take(batches.map(({ all, ...options }) => build.batch(all, options))),
    schnorr: take(
      corpus.schnorr.map(({ key, message, signature }) =>
        build.schnorr(bytesOf(key), bytesOf(message), bytesOf(signature)),
      ),
    ),
    "hash to curve": take(
      messages.filter(({ length }) => length <= 16_000).map((message) => hashToCurve(message, TAG)),
    ),
    decompress: take(xs.flatMap((x) => [build.decompress(x, 0), build.decompress(x, 1)])),
    "is on curve": take(signatures.map(({ key }) => build.isOnCurve(key))),
    sum: take(corpus.sums.map(({ points, scalars }) => build.msm(points.map(bytesOf), scalars.map(bytesOf)))),
    hashes: take(hashes(messages)),
  };
}

const say = (what: KernelAnswers | Calibration) => process.stdout.write(`${JSON.stringify(what)}\n`);

const [name = "", file = ""] = process.argv.slice(2);
if (name === "calibrate") say(await calibrate(systemClock));
for (const variant of VARIANTS.filter((one) => one === name)) {
  const corpus: Corpus = JSON.parse(readFileSync(file, "utf8"));
  say({ variant, arch: process.arch, kinds: answersOf(variant, corpus) });
}
