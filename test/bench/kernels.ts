/**
 * The kernels beside the packages that programs would otherwise take, and beside libsecp256k1 as machine code.
 *
 * One thread; ours and peers take turns, and a ratio is the median of the ratios in each round (see `kernels/rounds.ts`).
 * Ours includes the copies into and out of the kernels' memory. Peers are given what they are fastest with, and check
 * signatures one after another where ours checks many: they have no way to check several at once.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { calibrate } from "../../src/kernels/calibration.ts";
import type { Instance } from "../../src/kernels/instance.ts";
import { curveKernels } from "../../src/kernels/kernels.ts";
import { merkleRoot } from "../../src/kernels/merkle.ts";
import { VARIANTS } from "../../src/kernels/variant.ts";
import { calls } from "./kernels/calls.ts";
import {
  ADDON,
  CURVES,
  LIBRARY,
  NOBLE,
  sumOf,
  sumPeers,
  TINY,
  TINY_COMPRESSED,
  verifyPeers,
} from "./kernels/curve-peers.ts";
import { compare, figure, type Metric } from "./kernels/figures.ts";
import { composeRoot, type HashNodes, keccakPeers, sha256Peers } from "./kernels/hash-peers.ts";
import { multiplications } from "./kernels/multiplications.ts";
import { Library } from "./kernels/native.ts";
import { OURS, ourNodes, ourSum, verifyBatch, verifyComb, verifyOnes } from "./kernels/ours.ts";
import { type Contender, contender, interleave, PACE, type Pace, QUICK } from "./kernels/rounds.ts";
import { signed, terms } from "./kernels/signatures.ts";
import { starts } from "./kernels/starts.ts";
import type { Figure } from "./main.ts";

const NODES = 4_096;
const LEAVES = 65_536;
const HASH = 32;

const KEYS = 16;
const COMB_SIGNATURES = 256;
const BATCH_SIGNATURES = 1_024;

/** Sums of so many terms. */
const THOROUGHLY = { pace: PACE, counts: [64, 512, 4_096], startRounds: 5 };
const QUICKLY = { pace: QUICK, counts: [64], startRounds: 1 };

/** Of both builds together. */
const MOST_KB = 250;

const ROOT = join(import.meta.dirname, "../..");

/** @param quick - shows that all of it runs; what it measures means little */
export async function kernelsSuite({ quick }: { readonly quick: boolean }): Promise<Figure[]> {
  const { pace, counts, startRounds } = quick ? QUICKLY : THOROUGHLY;
  process.stderr.write(`kernels: ${JSON.stringify(await calibrate(systemClock))}\n`);
  const instance = curveKernels();
  const figures: Figure[] = [];
  for (const metric of await hashing(instance)) figures.push(...(await measure(metric, pace)));
  figures.push(...(await measure(await multiplications(), pace)));
  figures.push(...(await verifications(instance, pace)));
  for (const count of counts) figures.push(await sums(instance, count, pace));
  figures.push(...(await measure(calls(instance), pace)), ...starts(startRounds), ...sizes());
  return figures;
}

async function measure(metric: Metric, pace: Pace): Promise<Figure[]> {
  return compare(metric, await interleave([metric.ours, ...metric.peers], pace));
}

async function hashing(instance: Instance): Promise<Metric[]> {
  const nodes = crypto.getRandomValues(new Uint8Array(2 * HASH * 1_024));
  const input = new Uint8Array(2 * HASH * NODES);
  for (let at = 0; at < input.length; at += nodes.length) input.set(nodes, at);
  const hashed = (name: string, hashNodes: HashNodes) => {
    const out = new Uint8Array(HASH * NODES);
    return contender(name, NODES, () => hashNodes(input, out));
  };
  const keccak = await keccakPeers();
  const sha256 = sha256Peers();
  const [ownKeccak, ownSha256] = [
    ourNodes(instance, "keccakNodes", NODES),
    ourNodes(instance, "sha256Nodes", NODES),
  ];
  agree(ownKeccak, keccak["@noble/hashes"], input);
  agree(ownSha256, sha256["@noble/hashes"], input);
  const contenders = (peers: Readonly<Record<string, HashNodes>>) =>
    Object.entries(peers).map(([name, hashNodes]) => hashed(name, hashNodes));
  return [
    {
      metric: `keccak-256 of a node of 64 bytes, ${NODES} at once`,
      unit: "ns",
      ours: hashed(OURS, ownKeccak),
      peers: contenders(keccak),
      goals: { "hash-wasm": 3.5, "@noble/hashes": 18, "node:crypto sha3-256": 5 },
    },
    {
      metric: `SHA-256 of a node of 64 bytes, ${NODES} at once`,
      unit: "ns",
      ours: hashed(OURS, ownSha256),
      peers: contenders(sha256),
      goals: { "@chainsafe/as-sha256": 4.5, "@noble/hashes": 9, "node:crypto": 6 },
    },
    roots(keccak),
  ];
}

function agree(ours: HashNodes, peer: HashNodes | undefined, input: Uint8Array): void {
  const [own, theirs] = [new Uint8Array(input.length / 2), new Uint8Array(input.length / 2)];
  ours(input, own);
  peer?.(input, theirs);
  if (!Buffer.from(own).equals(theirs)) throw new Error("ours and the peer hash differently");
}

function roots(keccak: Readonly<Record<string, HashNodes>>): Metric {
  const leaves = Uint8Array.from({ length: HASH * LEAVES }, (_, at) => at + (at >> 5) + (at >> 13));
  const own = merkleRoot("keccak256", leaves);
  const peers: Contender[] = [];
  const goals: Record<string, number> = {};
  for (const name of ["hash-wasm", "@noble/hashes"]) {
    const hashNodes = keccak[name];
    if (!hashNodes) throw new Error(`no ${name}`);
    const root = composeRoot(hashNodes);
    if (!Buffer.from(own).equals(root(leaves))) throw new Error("ours and the peer have two roots");
    const composed = `${name}, composed`;
    peers.push(contender(composed, 1, () => void root(leaves)));
    goals[composed] = 3;
  }
  const ours = contender(OURS, 1, () => void merkleRoot("keccak256", leaves));
  return { metric: `Merkle root of ${LEAVES} leaves, keccak-256`, unit: "ms", ours, peers, goals };
}

/** Every way to check signatures takes turns with every peer, so that all ratios are of one time. */
async function verifications(instance: Instance, pace: Pace): Promise<Figure[]> {
  const comb = await signed(COMB_SIGNATURES, KEYS);
  const batch = await signed(BATCH_SIGNATURES, KEYS);
  const library = Library.open(batch.rows);
  const parsed = `${LIBRARY}, keys parsed before`;
  try {
    const peers = verifyPeers(batch.rows);
    const native = library ? [library.contender(LIBRARY, "unknown"), library.contender(parsed, "known")] : [];
    const metric = (name: string, ours: Contender, goals: Readonly<Record<string, number>>): Metric => ({
      metric: name,
      unit: "us",
      ours: { ...ours, name },
      peers: [...peers, ...native],
      goals,
    });
    const groupOf = (count: number) => `of ${count} signatures by ${KEYS} keys, each`;
    const toTiny = (ratio: number) => ({ [TINY]: ratio, [TINY_COMPRESSED]: ratio });
    const toNative = (ratio: number) => ({ [ADDON]: ratio, [LIBRARY]: ratio, [parsed]: ratio });
    const metrics = [
      metric("verify one, unknown key", verifyOnes(instance, batch, "unknown"), {
        ...toTiny(4),
        [NOBLE]: 40,
      }),
      metric("verify one, known key", verifyOnes(instance, batch, "known"), {
        ...toTiny(10),
        ...toNative(1.4),
      }),
      metric(`comb ${groupOf(COMB_SIGNATURES)}`, verifyComb(instance, comb), {
        ...toTiny(20),
        ...toNative(3),
      }),
      metric(`batch ${groupOf(BATCH_SIGNATURES)}`, verifyBatch(instance, batch, false), {
        ...{ ...toTiny(30), ...toNative(4) },
      }),
      metric(`batch with hints ${groupOf(BATCH_SIGNATURES)}`, verifyBatch(instance, batch, true), {
        ...{ ...toTiny(65), ...toNative(9) },
      }),
    ];
    const times = await interleave([...metrics.map(({ ours }) => ours), ...peers, ...native], pace);
    return metrics.flatMap((one) => compare(one, times));
  } finally {
    await library?.close();
  }
}

/** Against the faster of the peer's two ways. */
async function sums(instance: Instance, count: number, pace: Pace): Promise<Figure> {
  const given = terms(count);
  const ours = ourSum(instance, given, sumOf(given));
  const peers = sumPeers(given);
  const goals = Object.fromEntries(peers.map(({ name }) => [name, 20]));
  const times = await interleave([ours, ...peers], pace);
  const metric = {
    metric: `sum of ${count} multiples of points (MSM)`,
    unit: "ms",
    ours,
    peers,
    goals,
  } as const;
  const [first, second] = compare(metric, times);
  if (!(first && second)) throw new Error("a peer is missing");
  return { ...(first.ratio < second.ratio ? first : second), peer: CURVES };
}

function sizes(): Figure[] {
  const sizeOf = (path: string) => statSync(join(ROOT, path)).size / 1e3;
  const value = VARIANTS.reduce((sum, variant) => sum + sizeOf(`build/kernels/${variant}.wasm`), 0);
  const peerValue = sizeOf("node_modules/tiny-secp256k1/lib/secp256k1.wasm");
  const row = { metric: "WebAssembly, both builds together", unit: "kB", value, peer: TINY, peerValue };
  // the goal is of the bytes, not of the ratio
  return [
    { ...figure({ ...row, ratio: peerValue / value, goal: null }), goal: MOST_KB, ok: value <= MOST_KB },
  ];
}
