/**
 * The kernels as JavaScript calls them: what lies elsewhere is copied into their memory for each call, and what they
 * answer is copied out.
 */
import type { Instance } from "../../../src/kernels/instance.ts";
import type { HashNodes } from "./hash-peers.ts";
import { type Contender, contender } from "./rounds.ts";
import type { Columns, terms } from "./signatures.ts";

export const OURS = "hirewire";

const HASH = 32;
const COEFFICIENT = 16;

/** For at most `most` nodes. */
export function ourNodes(instance: Instance, kernel: "keccakNodes" | "sha256Nodes", most: number): HashNodes {
  const { memory, exports } = instance;
  const at = memory.reserve(2 * HASH * most);
  return (nodes, out) => {
    const count = out.length / HASH;
    memory.write(at, nodes);
    exports[kernel](at, at, count);
    out.set(memory.bytes.subarray(at, at + HASH * count));
  };
}

/** Where columns lie in the kernels' memory, and how they get there. */
function place({ memory }: Instance, columns: Columns) {
  const { signatures, parities, digests, keys, hints } = columns;
  const bytes = { signatures, parities, digests, hints, keys: new Uint8Array(keys.buffer) };
  const at = {
    signatures: memory.reserve(signatures.length),
    parities: memory.reserve(parities.length),
    digests: memory.reserve(digests.length),
    hints: memory.reserve(hints.length),
    keys: memory.reserve(bytes.keys.length),
  };
  const copyIn = (withHints: boolean) => {
    memory.write(at.signatures, bytes.signatures);
    memory.write(at.parities, bytes.parities);
    memory.write(at.digests, bytes.digests);
    memory.write(at.keys, bytes.keys);
    if (withHints) memory.write(at.hints, bytes.hints);
  };
  return { count: parities.length, at, copyIn };
}

/** The address of the list of addresses of what `build` makes of each key. */
function prepareKeys(
  { memory, exports }: Instance,
  points: Uint8Array,
  build: "buildKeyTable" | "buildKeyTerms",
): number {
  const length = build === "buildKeyTable" ? exports.keyTableBytes() : exports.keyTermsBytes();
  const key = memory.reserve(64);
  const addresses: number[] = [];
  for (let from = 0; from < points.length; from += 64) {
    const address = memory.reserve(length);
    memory.write(key, points.subarray(from, from + 64));
    if (exports[build](key, address) !== 1) throw new Error(`${build} refuses a key`);
    addresses.push(address);
  }
  const list = memory.reserve(4 * addresses.length);
  memory.words(list, addresses.length).set(addresses);
  return list;
}

/** One at a time: with nothing computed before, or with a table for each key. */
export function verifyOnes(instance: Instance, columns: Columns, keys: "unknown" | "known"): Contender {
  const { memory, exports } = instance;
  const { signatures, digests, points } = columns;
  const count = columns.parities.length;
  const [signature, digest, key] = [memory.reserve(64), memory.reserve(HASH), memory.reserve(64)];
  const tables = keys === "known" ? prepareKeys(instance, points, "buildKeyTable") : 0;
  const tableOf = [...memory.words(tables, keys === "known" ? points.length / 64 : 0)];
  let at = 0;
  return contender(OURS, 1, () => {
    const [one, by, parity] = [at, columns.keys[at] ?? 0, columns.parities[at] ?? 0];
    at = (at + 1) % count;
    const { bytes } = memory;
    bytes.set(signatures.subarray(64 * one, 64 * one + 64), signature);
    bytes.set(digests.subarray(HASH * one, HASH * one + HASH), digest);
    const table = tableOf[by];
    if (table === undefined) bytes.set(points.subarray(64 * by, 64 * by + 64), key);
    const verdict =
      table === undefined
        ? exports.verifyOne(signature, digest, key, parity)
        : exports.verifyKnown(signature, digest, table, parity);
    must(verdict === 1);
  });
}

/** Exact, with a table for each key; verdicts are read. */
export function verifyComb(instance: Instance, columns: Columns): Contender {
  const { memory, exports } = instance;
  const { count, at, copyIn } = place(instance, columns);
  const tables = prepareKeys(instance, columns.points, "buildKeyTable");
  const workspace = memory.reserve(exports.combWorkspace(count));
  const verdicts = memory.reserve(Math.ceil(count / 8));
  return contender(OURS, count, () => {
    copyIn(false);
    const { signatures, digests, parities, keys } = at;
    exports.verifyComb(count, signatures, digests, parities, keys, tables, workspace, verdicts);
    must(memory.read(verdicts, count / 8).every((byte) => byte === 255));
  });
}

/** All or nothing, with fresh random coefficients and the terms of each key. */
export function verifyBatch(instance: Instance, columns: Columns, withHints: boolean): Contender {
  const { memory, exports } = instance;
  const { count, at, copyIn } = place(instance, columns);
  const keyCount = columns.points.length / 64;
  const terms = prepareKeys(instance, columns.points, "buildKeyTerms");
  const workspace = memory.reserve(exports.batchWorkspace(count, keyCount));
  const coefficients = memory.reserve(COEFFICIENT * count);
  return contender(OURS, count, () => {
    copyIn(withHints);
    crypto.getRandomValues(memory.bytes.subarray(coefficients, coefficients + COEFFICIENT * count));
    const { signatures, parities, digests, keys, hints } = at;
    const all = [count, signatures, parities, digests, keys, keyCount, terms] as const;
    must(exports.verifyBatch(...all, withHints ? hints : 0, coefficients, workspace) === 1);
  });
}

/** A sum of multiples; `sum` is what it must be. */
export function ourSum(instance: Instance, given: ReturnType<typeof terms>, sum: Uint8Array): Contender {
  const { memory, exports } = instance;
  const { pointBytes, factorBytes } = given;
  const count = given.points.length;
  const [points, factors, out] = [
    memory.reserve(pointBytes.length),
    memory.reserve(factorBytes.length),
    memory.reserve(64),
  ];
  const workspace = memory.reserve(exports.msmWorkspace(count));
  const work = () => {
    memory.write(points, pointBytes);
    memory.write(factors, factorBytes);
    must(exports.msm(count, points, factors, out, workspace) === 1);
  };
  work();
  must(Buffer.from(memory.read(out, 64)).equals(sum));
  return contender(OURS, 1, work);
}

function must(isRight: boolean): void {
  if (!isRight) throw new Error("a kernel answers wrongly");
}
