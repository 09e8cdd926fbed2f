/**
 * Frames between the executor and its child. All numbers are unsigned and little-endian.
 *
 * A request is a head of 72 bytes, then the module (left out when the child holds it), the input and, to verify, the
 * output:
 *
 *    0  4  length of what follows the head, 0..MAX_REQUEST_BYTES
 *    4  4  number, which the reply repeats
 *    8  1  what is asked: 1 run, 2 verify, 3 inspect
 *    9  1  1 when the reply must not wait for those of brief requests that follow, else 0
 *   10  1  1 when the module is there, 0 when the child holds it
 *   11  5  zero
 *   16  4  bytes of module
 *   20  4  bytes of input
 *   24  4  most bytes of output
 *   28  4  milliseconds that the run may take
 *   32  8  fuel limit
 *   40 32  SHA-256 of the module
 *
 * A reply is a head of 24 bytes, then its body:
 *
 *    0  4  length of the body
 *    4  4  number of the request
 *    8  1  verdict: its place in VERDICTS
 *    9  1  1 when a verify returned 1, else 0
 *   10  6  zero
 *   16  8  fuel
 *
 * The body is the output of a run that is ok; the outline of an inspected module that is ok (see
 * {@link writeOutline}); nothing for a verify that is ok; and else the reason, ASCII, at most 256 bytes.
 *
 * Requests may follow each other without waiting; replies come in the same order.
 */

/**
 * How a run ended. `deadline` is the parent's to say.
 *
 * - `ok`: it returned an output (whether that is right is for others to say)
 * - `out-of-fuel`: it needs more than its limit, which is what it costs
 * - `trap`: it hit a trap, or a `wasi-stdio/1` program exited with another code than 0
 * - `stack`: its recursion went deeper than the stack budget
 * - `bad-output`: it gave no output, one outside its memory, or one longer than allowed
 * - `rejected`: it was not run
 * - `provider-fault`: this machine could not give what the module may ask for; costs nothing
 * - `deadline`: it was killed; costs nothing
 */
export const VERDICTS = [
  "ok",
  "out-of-fuel",
  "trap",
  "stack",
  "bad-output",
  "rejected",
  "provider-fault",
  "deadline",
] as const;
export type Verdict = (typeof VERDICTS)[number];

export const REQUEST_HEAD = 72;
export const REPLY_HEAD = 24;
/** Most bytes of one input, and of one output. */
export const MAX_BYTES = 64 * 2 ** 20;
/** A module, an input and an output, with room to spare. */
export const MAX_REQUEST_BYTES = 3 * MAX_BYTES;
export const MAX_REASON = 256;
/**
 * A run with at most this fuel limit may be waited for by other runs: it takes tens of milliseconds mostly, and up
 * to a second where it does nothing but branch.
 */
export const BRIEF_FUEL = 200_000_000;
/** The number of the reply by which a child says that it is ready; no request has it. */
export const READY = 0xffff_ffff;

const OPS = ["run", "verify", "inspect"] as const;
export type Op = (typeof OPS)[number];

export type RequestHead = {
  readonly number: number;
  readonly op: Op;
  readonly isAwaited: boolean;
  readonly hasModule: boolean;
  readonly moduleBytes: number;
  readonly inputBytes: number;
  /** Of the output to verify. */
  readonly outputBytes: number;
  readonly maxOutput: number;
  /** Milliseconds, 0..2^32 - 1. */
  readonly wallMs: number;
  /** 0..2^53 - 1. */
  readonly fuelLimit: number;
  /** 32 bytes. */
  readonly hash: Uint8Array;
};

export type ReplyHead = {
  readonly length: number;
  readonly number: number;
  readonly verdict: Verdict;
  readonly valid: boolean;
  readonly fuel: number;
};

/** Bytes of the request, whose first bytes are at `at`. */
export function requestBytes({ view }: Slab, at: number): number {
  return REQUEST_HEAD + view.getUint32(at, true);
}

/** Bytes that follow a request's head. */
export function requestLength(head: RequestHead): number {
  return head.moduleBytes + head.inputBytes + head.outputBytes;
}

/** Bytes, and the same bytes as numbers: making either costs more than reading a head. */
export type Slab = { readonly bytes: Uint8Array; readonly view: DataView };

/** All of `bytes`, not copied. */
export function slabOf(bytes: Uint8Array): Slab {
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length) };
}

/** Writes {@link REQUEST_HEAD} bytes at `at`. */
export function writeRequestHead({ bytes, view }: Slab, at: number, head: RequestHead): void {
  view.setUint32(at, requestLength(head), true);
  view.setUint32(at + 4, head.number, true);
  const flags = (head.isAwaited ? 0x100 : 0) + (head.hasModule ? 0x10000 : 0);
  view.setUint32(at + 8, OPS.indexOf(head.op) + 1 + flags, true);
  view.setUint32(at + 12, 0, true);
  view.setUint32(at + 16, head.moduleBytes, true);
  view.setUint32(at + 20, head.inputBytes, true);
  view.setUint32(at + 24, head.maxOutput, true);
  view.setUint32(at + 28, head.wallMs, true);
  setUint53(view, at + 32, head.fuelLimit);
  bytes.set(head.hash, at + 40);
}

/** The head at `at`, of which {@link REQUEST_HEAD} bytes are there; null when it is none. The hash is a view. */
export function readRequestHead({ bytes, view }: Slab, at: number): RequestHead | null {
  const length = view.getUint32(at, true);
  const op = OPS[view.getUint8(at + 8) - 1];
  const moduleBytes = view.getUint32(at + 16, true);
  const inputBytes = view.getUint32(at + 20, true);
  const outputBytes = length - moduleBytes - inputBytes;
  if (op === undefined || outputBytes < 0 || length > MAX_REQUEST_BYTES) return null;
  return {
    ...{ number: view.getUint32(at + 4, true), op, isAwaited: view.getUint8(at + 9) === 1 },
    hasModule: view.getUint8(at + 10) === 1,
    ...{ moduleBytes, inputBytes, outputBytes },
    maxOutput: view.getUint32(at + 24, true),
    wallMs: view.getUint32(at + 28, true),
    fuelLimit: getUint53(view, at + 32),
    hash: bytes.subarray(at + 40, at + REQUEST_HEAD),
  };
}

/** Writes {@link REPLY_HEAD} bytes at `at`. */
export function writeReplyHead({ view }: Slab, at: number, head: ReplyHead): void {
  view.setUint32(at, head.length, true);
  view.setUint32(at + 4, head.number, true);
  view.setUint32(at + 8, VERDICTS.indexOf(head.verdict) + (head.valid ? 0x100 : 0), true);
  view.setUint32(at + 12, 0, true);
  setUint53(view, at + 16, head.fuel);
}

/** The head at `at`, of which {@link REPLY_HEAD} bytes are there; null when it is none. */
export function readReplyHead({ view }: Slab, at: number): ReplyHead | null {
  const verdict = VERDICTS[view.getUint8(at + 8)];
  const valid = view.getUint8(at + 9);
  if (verdict === undefined || valid > 1) return null;
  return {
    length: view.getUint32(at, true),
    number: view.getUint32(at + 4, true),
    verdict,
    valid: valid === 1,
    fuel: getUint53(view, at + 16),
  };
}

/** What a child found of a module that is ok. */
export type OutlineBody = {
  readonly profile: "task/1" | "wasi-stdio/1";
  readonly memoryMiB: 1 | 16 | 64;
  readonly hasVerify: boolean;
  /** Declared maximum, pages of 64 KiB. */
  readonly pages: number;
  /** Functions the module defines. */
  readonly functions: number;
  /** Length of the instrumented module. */
  readonly meteredBytes: number;
  /** SHA-256 of the instrumented module, 32 bytes. */
  readonly metered: Uint8Array;
};

const OUTLINE_BYTES = 48;
const PROFILES = ["task/1", "wasi-stdio/1"] as const;
const CLASSES = [1, 16, 64] as const;

/**
 * 48 bytes:
 *
 *    0  1  profile: 0 `task/1`, 1 `wasi-stdio/1`
 *    1  1  memory class, MiB
 *    2  1  1 when it has a verify
 *    3  1  zero
 *    4  4  pages
 *    8  4  functions
 *   12  4  bytes of the instrumented module
 *   16 32  SHA-256 of the instrumented module
 */
export function writeOutline(outline: OutlineBody): Uint8Array {
  const bytes = new Uint8Array(OUTLINE_BYTES);
  const view = new DataView(bytes.buffer);
  bytes[0] = PROFILES.indexOf(outline.profile);
  bytes[1] = outline.memoryMiB;
  bytes[2] = outline.hasVerify ? 1 : 0;
  view.setUint32(4, outline.pages, true);
  view.setUint32(8, outline.functions, true);
  view.setUint32(12, outline.meteredBytes, true);
  bytes.set(outline.metered, 16);
  return bytes;
}

/** Null when the bytes are no outline. */
export function readOutline(bytes: Uint8Array): OutlineBody | null {
  if (bytes.length !== OUTLINE_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const profile = PROFILES[view.getUint8(0)];
  const memoryMiB = CLASSES.find((each) => each === view.getUint8(1));
  if (profile === undefined || memoryMiB === undefined || view.getUint8(2) > 1) return null;
  return {
    ...{ profile, memoryMiB, hasVerify: view.getUint8(2) === 1 },
    pages: view.getUint32(4, true),
    functions: view.getUint32(8, true),
    meteredBytes: view.getUint32(12, true),
    metered: bytes.slice(16),
  };
}

/** Above 2^53 - 1 it is no safe integer, and so out of every range that is asked for. */
function getUint53(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
}

function setUint53(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
}
