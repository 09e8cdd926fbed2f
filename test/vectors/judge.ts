/** Runs every vector of a file through every path of a build, and says where one does not say what the file says. */

import { bytes32, combine, integer, inverse, lift, N, P } from "./arithmetic.ts";
import type { Build, Signed } from "./build.ts";
import type { Pair } from "./der.ts";
import { hintFor } from "./hint.ts";
import { type Group, isHigh, type Kind, type Vector, type VectorFile } from "./wycheproof.ts";

export type Mismatch = {
  readonly tcId: number;
  readonly comment: string;
  readonly build: string;
  readonly path: string;
  readonly said: "valid" | "invalid";
};

export type Outcome = {
  readonly passed: number;
  readonly failed: number;
  readonly mismatches: readonly Mismatch[];
  /** Vectors whose R has an x of n or more: the paths with a recovery id refuse these by rule. */
  readonly wrapped: readonly number[];
  /** Vectors whose encoding no path gets to see. */
  readonly misencoded: number;
};

/** A vector that has a signature and a key. */
type Row = {
  readonly vector: Vector;
  /** As plain ECDSA has it. */
  readonly plain: Signed;
  /** The same with either recovery id, which the files do not have. */
  readonly both: readonly Signed[];
  /** R has an x of n or more, so that r is x - n. */
  readonly wraps: boolean;
  /** A high s where that is no signature: plain ECDSA leaves it to its caller to say so. */
  readonly tooHigh: boolean;
};

/** `plain` as SEC 1 has it; `exact` as the recovery id has it: low s, x of R below n. */
type Rule = "plain" | "exact";

/** One build's verdicts on one file. */
type Court = {
  readonly build: Build;
  readonly say: (vector: Vector, rule: Rule, path: string, said: boolean) => void;
};

/** Keys whose tables stand side by side. */
const MOST_KEYS = 100;

/** @throws Error when a kernel writes outside its bytes or hashes wrongly */
export function judge(file: VectorFile, builds: readonly Build[]): Outcome {
  const mismatches: Mismatch[] = [];
  const failed = new Set<Vector>();
  const vectors = file.groups.flatMap((group) => group.vectors);
  const wrapped = new Set<Vector>();
  for (const build of builds) {
    const groups = file.groups.map((group) => rowsOf(file.kind, group, build));
    for (const { vector, wraps } of groups.flat()) if (wraps) wrapped.add(vector);
    const say: Court["say"] = (vector, rule, path, said) => {
      const right = vector.expected === "valid" && !(rule === "exact" && wrapped.has(vector));
      if (vector.expected === "acceptable" || said === right) return;
      failed.add(vector);
      const { tcId, comment } = vector;
      mismatches.push({ tcId, comment, build: build.variant, path, said: said ? "valid" : "invalid" });
    };
    const court = { build, say };
    // what is no signature, or has no key, is invalid before any kernel
    const judged = new Set(groups.flat().map(({ vector }) => vector));
    for (const vector of vectors) if (!judged.has(vector)) say(vector, "plain", "encoding", false);
    for (const rows of groups) {
      for (const row of rows) judgeAlone(court, row);
      judgeTogether(court, rows, "a group");
    }
    for (let from = 0; from < groups.length; from += MOST_KEYS) {
      judgeTogether(court, groups.slice(from, from + MOST_KEYS).flat(), "many groups");
    }
  }
  return {
    passed: vectors.length - failed.size,
    failed: failed.size,
    mismatches,
    wrapped: [...wrapped].map(({ tcId }) => tcId),
    misencoded: vectors.filter(({ pair }) => pair === null).length,
  };
}

function rowsOf(kind: Kind, group: Group, build: Build): Row[] {
  const { key } = group;
  if (!key) return [];
  const ours = /^sha-?256$/i.test(group.sha);
  return group.vectors.flatMap((vector): Row[] => {
    if (!vector.pair) return [];
    const reference = group.digest(vector.message);
    const digest = ours ? build.sha256(vector.message) : reference;
    if (Buffer.compare(digest, reference) !== 0) throw new Error(`tcId ${vector.tcId}: SHA-256 differs`);
    const { r, s } = vector.pair;
    const signed = (low: bigint, parity: number): Signed => {
      return { signature: new Uint8Array([...bytes32(r), ...bytes32(low)]), digest, key, parity };
    };
    const tooHigh = kind === "bitcoin" && isHigh(s);
    // A high s is the same signature with the other parity, but bitcoin's files mean it to be refused.
    const low = !tooHigh && isHigh(s) && s < N ? N - s : s;
    const both = [signed(low, 0), signed(low, 1)];
    return [{ vector, plain: signed(s, 2), both, wraps: wraps(vector.pair, digest, key), tooHigh }];
  });
}

/** Whether u1·G + u2·Q has an x of n or more that r is the remainder of. */
function wraps({ r, s }: Pair, digest: Uint8Array, key: Uint8Array): boolean {
  const q = { x: integer(key.subarray(0, 32)), y: integer(key.subarray(32)) };
  if (r === 0n || r >= P - N || s === 0n || s >= N || lift(q.x, Number(q.y & 1n)) !== q.y) return false;
  const w = inverse(s, N);
  return combine(integer(digest) * w, r * w, q)?.x === r + N;
}

const recovers = (build: Build, one: Signed) => Buffer.from(build.recover(one) ?? []).equals(one.key);

/** Every path, this vector alone; the comb also with copies of it, since it has another way for a few. */
function judgeAlone({ build, say }: Court, { vector, plain, both, tooHigh }: Row): void {
  const paths: Readonly<Record<string, (one: Signed) => boolean>> = {
    single: (one) => build.single(one),
    known: (one) => build.known(one),
    "comb alone": (one) => build.comb([one])[0] === true,
    "comb of copies": (one) => build.comb([one, one, one, one, one]).every(Boolean),
    "comb of copies, any": (one) => build.comb([one, one, one, one, one]).some(Boolean),
  };
  const exactPaths: typeof paths = {
    recover: (one) => recovers(build, one),
    "batch alone": (one) => build.batch([one]),
    "batch alone with a hint": (one) => build.batch([one], { hints: [hintFor(one)] }),
  };
  for (const [path, verdict] of Object.entries(paths)) {
    say(vector, "plain", path, verdict(plain) && !tooHigh);
    say(vector, "exact", `${path}, v`, both.some(verdict));
  }
  for (const [path, verdict] of Object.entries(exactPaths)) say(vector, "exact", path, both.some(verdict));
}

/** The paths of many, all these vectors in one call; then the valid ones with each of the others. */
function judgeTogether({ build, say }: Court, rows: readonly Row[], name: string): void {
  const plain = build.comb(rows.map((row) => row.plain));
  const exact = build.comb(rows.flatMap(({ both }) => both));
  for (const [index, { vector, tooHigh }] of rows.entries()) {
    say(vector, "plain", `comb of ${name}`, plain[index] === true && !tooHigh);
    say(vector, "exact", `comb of ${name}, v`, exact.slice(2 * index, 2 * index + 2).includes(true));
  }
  // One that does not hold by itself is named by then, and would make all others of its batch fail with it.
  const good = new Map<Vector, Signed>();
  for (const { vector, both, wraps: refused } of rows) {
    const held = vector.expected === "valid" && !refused ? both.find((one) => build.batch([one])) : undefined;
    if (held) good.set(vector, held);
  }
  const batches: readonly (readonly [string, (all: readonly Signed[]) => boolean])[] = [
    [`batch of ${name}`, (all) => build.batch(all)],
    [`batch of ${name} with hints`, (all) => build.batch(all, { hints: all.map(hintFor) })],
  ];
  for (const [path, verdict] of batches) {
    const holding = [...good.values()];
    const holds = holding.length === 0 || verdict(holding);
    for (const { vector, both } of rows) {
      const said = good.has(vector) ? holds : both.some((one) => verdict([...holding, one]));
      say(vector, "exact", path, said);
    }
  }
}
