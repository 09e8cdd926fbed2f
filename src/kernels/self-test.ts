/**
 * Whether an instance answers what is known: at every start, before anything relies on it. A wrong build, a broken
 * engine or a processor that rounds twice where it should once shows here.
 */
import { fromHex, toHex } from "../base/bytes.ts";
import { Columns, type Judge } from "./columns.ts";
import type { Instance } from "./instance.ts";
import {
  ABC,
  GENERATOR,
  HASHED_TO_CURVE,
  KECCAK_NODES,
  KEYS,
  LONG,
  NODES,
  SCHNORR,
  SHA256_NODES,
  SIGNATURES,
  SUM,
} from "./known-answers.ts";

/** The first kernel that answers wrongly, or null. */
export function selfTestHashes(instance: Instance): string | null {
  if (instance.exports.hasFusedMultiplyAdd() !== 1) return "no fused multiply-add";
  for (const algorithm of ["keccak", "sha256"] as const) {
    if (!hashesRight(instance, algorithm)) return algorithm;
  }
  const { chooseKeccakNodes, chooseSha256Nodes } = instance.exports;
  for (const ways of [1, 2]) {
    chooseKeccakNodes(ways);
    if (nodesOf(instance, "keccakNodes") !== `0x${KECCAK_NODES.join("")}`)
      return `keccak nodes, ${ways} at once`;
  }
  for (const ways of [1, 4]) {
    chooseSha256Nodes(ways);
    if (nodesOf(instance, "sha256Nodes") !== `0x${SHA256_NODES.join("")}`)
      return `sha256 nodes, ${ways} at once`;
  }
  return null;
}

const NODE_BYTES = Uint8Array.from({ length: 64 * NODES }, (_, at) => 7 * at + 13 * (at >> 6) + 3);

function hashesRight({ exports, memory, cells }: Instance, algorithm: "keccak" | "sha256"): boolean {
  const answers =
    algorithm === "keccak" ? { abc: ABC.keccak, long: LONG.keccak } : { abc: ABC.sha256, long: LONG.sha256 };
  const { staging, out, state } = cells;
  const digest = () => toHex(memory.read(out, 32)).slice(2);
  memory.write(staging, new TextEncoder().encode("abc"));
  if (algorithm === "keccak") exports.keccak256(staging, 3, out);
  else exports.sha256(staging, 3, out);
  if (digest() !== answers.abc) return false;
  memory.write(staging, NODE_BYTES.subarray(0, 320));
  const [init, update, final] =
    algorithm === "keccak"
      ? [exports.keccakInit, exports.keccakUpdate, exports.keccakFinal]
      : [exports.sha256Init, exports.sha256Update, exports.sha256Final];
  init(state);
  update(state, staging, 77);
  update(state, staging + 77, 243);
  final(state, out);
  return digest() === answers.long;
}

function nodesOf({ exports, memory }: Instance, kernel: "keccakNodes" | "sha256Nodes"): string {
  const at = memory.scratch(2 * NODE_BYTES.length);
  const out = at + NODE_BYTES.length;
  memory.write(at, NODE_BYTES);
  exports[kernel](at, out, NODES);
  return toHex(memory.read(out, 32 * NODES));
}

/** The first kernel that answers wrongly, or null. Prepares the curve. */
export function selfTestCurve(instance: Instance): string | null {
  for (const test of [exact, batch, schnorr, sums, singlePoints]) {
    const wrong = test(instance);
    if (wrong !== null) return wrong;
  }
  return null;
}

type Known = { readonly signature: Uint8Array; readonly digest: Uint8Array; readonly parity: number };

/** Of the signature at an index: they take turns. */
const keyOf = (at: number) => fromHex(KEYS[at % 2 === 0 ? 0 : 1].join(""));

/** The known signatures and, for each, what is almost it: another digest, another s, the other parity. */
function knownSignatures(): readonly { readonly right: Known; readonly wrong: Known }[] {
  return SIGNATURES.map(({ digest, r, s, parity }, at) => {
    const right: Known = { signature: fromHex(r + s), digest: fromHex(digest), parity };
    const wrong: Known = { ...structuredClone(right), parity: at % 3 === 2 ? 1 - parity : parity };
    if (at % 3 === 0) flip(wrong.digest, 31);
    if (at % 3 === 1) flip(wrong.signature, 63);
    return { right, wrong };
  });
}

function flip(bytes: Uint8Array, at: number): void {
  bytes[at] = (bytes[at] ?? 0) ^ 1;
}

/** With tables: one at a time, and all at once with a verdict for each. */
function exact(instance: Instance): string | null {
  return withKeys(instance, "comb", (tables) => singles(instance, tables) ?? eachOfGroup(instance, tables));
}

/** By the key, by recovery, and by the key's table. */
function singles(instance: Instance, tables: readonly number[]): string | null {
  const { exports, memory, cells } = instance;
  const { signature, digest, key, out } = cells;
  for (const [at, { right, wrong }] of knownSignatures().entries()) {
    const [bytes, table] = [keyOf(at), tables[at % 2] ?? 0];
    for (const one of [right, wrong]) {
      const expected = one === right ? 1 : 0;
      memory.write(signature, one.signature);
      memory.write(digest, one.digest);
      memory.write(key, bytes);
      if (exports.verifyOne(signature, digest, key, one.parity) !== expected) return "verify";
      if (exports.verifyKnown(signature, digest, table, one.parity) !== expected) return "verify, key known";
      const isFound = exports.recoverOne(signature, digest, one.parity, out) === 1;
      const isKey = isFound && toHex(memory.read(out, 64)) === toHex(bytes);
      if (isKey !== (expected === 1)) return "recover";
    }
  }
  return null;
}

/** Columns of the known signatures; at the places `bad` the wrong ones. */
function columnsOf(
  instance: Instance,
  judge: Judge,
  addresses: readonly number[],
  bad: readonly number[],
): Columns {
  const known = knownSignatures();
  const columns = new Columns(instance, judge, known.length, KEYS.length);
  for (const [key, address] of addresses.entries()) columns.point(key, address);
  for (const [at, { right, wrong }] of known.entries()) {
    const { signature, digest, parity } = bad.includes(at) ? wrong : right;
    columns.set(at, signature, digest, parity, at % 2);
  }
  return columns;
}

/** One of each kind of wrong, see {@link knownSignatures}. */
const BAD = [0, 4, 5];

function eachOfGroup(instance: Instance, tables: readonly number[]): string | null {
  if (columnsOf(instance, "comb", tables, []).judgeEach()[0] !== 0b111111) return "comb";
  return columnsOf(instance, "comb", tables, BAD).judgeEach()[0] === 0b001110 ? null : "comb";
}

/** All right, then each kind of wrong alone. */
function batch(instance: Instance): string | null {
  return withKeys(instance, "batch", (terms) => {
    if (!columnsOf(instance, "batch", terms, []).judgeAll()) return "batch";
    const isTaken = BAD.some((bad) => columnsOf(instance, "batch", terms, [bad]).judgeAll());
    return isTaken ? "batch" : null;
  });
}

/** Lends what a judge needs of the known keys. */
function withKeys(
  instance: Instance,
  judge: Judge,
  use: (addresses: readonly number[]) => string | null,
): string | null {
  const { exports, memory, cells } = instance;
  const { tables, terms } = instance.prepareCurve();
  const [slots, build] = judge === "comb" ? [tables, exports.buildKeyTable] : [terms, exports.buildKeyTerms];
  const addresses = KEYS.map(() => slots.take());
  try {
    for (const [at, address] of addresses.entries()) {
      memory.write(cells.key, keyOf(at));
      if (build(cells.key, address) !== 1) return `${judge}, of a key`;
    }
    return use(addresses);
  } finally {
    for (const address of addresses) slots.give(address);
  }
}

function schnorr({ exports, memory, cells }: Instance): string | null {
  const signature = fromHex(SCHNORR.r + SCHNORR.s);
  for (const expected of [1, 0]) {
    if (expected === 0) flip(signature, 63);
    memory.write(cells.signature, signature);
    memory.write(cells.key, fromHex(SCHNORR.key));
    memory.write(cells.digest, fromHex(SCHNORR.message));
    if (exports.schnorrVerify(cells.key, cells.digest, 32, cells.signature) !== expected) return "schnorr";
  }
  return null;
}

function sums({ exports, memory, cells }: Instance): string | null {
  const points = fromHex(KEYS.flat().join("") + GENERATOR.x + GENERATOR.y);
  const scalars = fromHex(SUM.b + SUM.a + "7".padStart(64, "0"));
  const at = memory.scratch(points.length + scalars.length + exports.msmWorkspace(3));
  memory.write(at, points);
  memory.write(at + points.length, scalars);
  const isPoint = exports.msm(3, at, at + points.length, cells.out, at + points.length + scalars.length);
  const isRight = isPoint === 1 && toHex(memory.read(cells.out, 64)) === `0x${SUM.x}${SUM.y}`;
  return isRight ? null : "msm";
}

function singlePoints({ exports, memory, cells }: Instance): string | null {
  const { key, point, staging, out } = cells;
  memory.write(key, fromHex(GENERATOR.x));
  const isOn = exports.decompress(key, 0, point) === 1 && exports.isOnCurve(point) === 1;
  if (!isOn || toHex(memory.read(point, 64)) !== `0x${GENERATOR.x}${GENERATOR.y}`) return "decompress";
  const message = new TextEncoder().encode(HASHED_TO_CURVE.message);
  const tag = new TextEncoder().encode(HASHED_TO_CURVE.tag);
  memory.write(staging, message);
  memory.write(staging + message.length, tag);
  exports.hashToCurve(staging, message.length, staging + message.length, tag.length, out);
  const isRight = toHex(memory.read(out, 64)) === `0x${HASHED_TO_CURVE.x}${HASHED_TO_CURVE.y}`;
  return isRight ? null : "hash to curve";
}
