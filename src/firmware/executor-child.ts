/**
 * The program inside the executor's child process: frames in on standard input, frames out on standard output.
 *
 * It holds no keys and opens nothing; module bytes come in, verdicts and output bytes go out. One request at a time,
 * a fresh instance for each, compiled modules kept by the SHA-256 of their bytes. The parent kills it at a deadline;
 * should the parent be gone, it ends itself: at the end of its input, or a moment after the deadline of the run.
 */
import { createHash } from "node:crypto";
import { createContext, Script } from "node:vm";
import { type Frame, FrameReader, frameChunks } from "./frames.ts";
import { judgeModule } from "./policy.ts";

/** The body is firmware, input and (to verify) output, one after the other. */
export interface ChildRequest {
  readonly op: "run" | "verify";
  readonly firmwareBytes: number;
  readonly inputBytes: number;
  readonly maxOutput: number;
  readonly wallMs: number;
}

/** The body is the output of a run that ended well. */
export interface ChildReply {
  readonly verdict: "ok" | "trap" | "bad-output" | "rejected";
  readonly reason?: string;
  readonly valid?: boolean;
}

interface Outcome {
  readonly reply: ChildReply;
  readonly output?: Uint8Array;
}

/** The exports of profile `task/1`; the policy has checked their types. */
interface Task {
  readonly memory: WebAssembly.Memory;
  readonly alloc: (length: number) => number;
  readonly run: (pointer: number, length: number) => bigint;
  readonly verify?: (input: number, inputLength: number, output: number, outputLength: number) => number;
}

type Compiled = WebAssembly.Module | { readonly rejection: string };

const CACHE_BYTES = 8 * 2 ** 20;
/** What an entry costs besides its module's bytes, so that a flood of tiny modules is bounded too. */
const ENTRY_BYTES = 1024;
/** Beyond the deadline, at which a living parent has long killed us. */
const ORPHAN_MS = 2_000;

const cache = new Map<string, { readonly compiled: Compiled; readonly bytes: number }>();
let cachedBytes = 0;

/** Where the time-limited script finds its work. */
const bench = createContext({ work: (): void => {} });
const script = new Script("work()");

function moduleOf(bytes: Uint8Array): Compiled {
  const hash = createHash("sha256").update(bytes).digest("hex");
  const known = cache.get(hash);
  if (known !== undefined) {
    cache.delete(hash);
    cache.set(hash, known);
    return known.compiled;
  }
  const entry = { compiled: compile(bytes), bytes: bytes.length + ENTRY_BYTES };
  cache.set(hash, entry);
  cachedBytes += entry.bytes;
  for (const [oldest, { bytes: freed }] of cache) {
    if (cachedBytes <= CACHE_BYTES) break;
    cache.delete(oldest);
    cachedBytes -= freed;
  }
  return entry.compiled;
}

function compile(bytes: Uint8Array): Compiled {
  const rejection = judgeModule(bytes);
  if (rejection !== null) return { rejection };
  try {
    return new WebAssembly.Module(bytes);
  } catch (error) {
    if (error instanceof WebAssembly.CompileError) return { rejection: "invalid" };
    throw error;
  }
}

function perform(frame: Frame): Outcome {
  const request = frame.header as ChildRequest;
  const inputStart = request.firmwareBytes;
  const outputStart = inputStart + request.inputBytes;
  const compiled = moduleOf(frame.body.subarray(0, inputStart));
  if ("rejection" in compiled) return { reply: { verdict: "rejected", reason: compiled.rejection } };
  const input = frame.body.subarray(inputStart, outputStart);
  const task = instantiate(compiled);
  if ("reply" in task) return task;
  try {
    return request.op === "run"
      ? runTask(task, input, request.maxOutput)
      : verifyTask(task, input, frame.body.subarray(outputStart));
  } catch (error) {
    return { reply: { verdict: "trap", reason: reasonOf(error) } };
  }
}

function instantiate(module: WebAssembly.Module): Task | Outcome {
  try {
    return new WebAssembly.Instance(module).exports as unknown as Task;
  } catch (error) {
    // no memory to be had on this machine is not the module's doing: the parent shall see a dead child
    if (error instanceof RangeError) throw error;
    return { reply: { verdict: "trap", reason: reasonOf(error) } };
  }
}

function runTask(task: Task, input: Uint8Array, maxOutput: number): Outcome {
  const pointer = place(task, input);
  if (pointer === null) return badOutput("alloc_out_of_bounds");
  const result = task.run(pointer, input.length);
  if (result === 0n) return badOutput("no_output");
  const start = Number(BigInt.asUintN(32, result >> 32n));
  const length = Number(BigInt.asUintN(32, result));
  if (start + length > task.memory.buffer.byteLength) return badOutput("out_of_bounds");
  if (length > maxOutput) return badOutput("too_long");
  return { reply: { verdict: "ok" }, output: new Uint8Array(task.memory.buffer, start, length) };
}

function verifyTask(task: Task, input: Uint8Array, output: Uint8Array): Outcome {
  if (task.verify === undefined) return { reply: { verdict: "rejected", reason: "no_verify" } };
  const inputAt = place(task, input);
  const outputAt = place(task, output);
  if (inputAt === null || outputAt === null) return badOutput("alloc_out_of_bounds");
  const valid = task.verify(inputAt, input.length, outputAt, output.length) === 1;
  return { reply: { verdict: "ok", valid } };
}

function place(task: Task, bytes: Uint8Array): number | null {
  const pointer = task.alloc(bytes.length) >>> 0;
  if (pointer + bytes.length > task.memory.buffer.byteLength) return null;
  new Uint8Array(task.memory.buffer, pointer, bytes.length).set(bytes);
  return pointer;
}

function badOutput(reason: string): Outcome {
  return { reply: { verdict: "bad-output", reason } };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message.slice(0, 200) : "threw a value";
}

function answer(frame: Frame): void {
  let outcome: Outcome | undefined;
  bench["work"] = () => {
    outcome = perform(frame);
  };
  // an endless run whose parent was killed is ended by this limit; it throws, and so does the process
  script.runInContext(bench, { timeout: Math.ceil((frame.header as ChildRequest).wallMs) + ORPHAN_MS });
  if (outcome !== undefined) send(outcome.reply, outcome.output);
}

function send(header: object, output?: Uint8Array): void {
  for (const chunk of frameChunks(header, output === undefined ? [] : [output])) process.stdout.write(chunk);
}

const reader = new FrameReader();
process.stdin.on("data", (chunk: Uint8Array) => {
  for (const frame of reader.push(chunk) ?? process.exit(1)) answer(frame);
});
process.stdin.on("end", () => process.exit(0));
process.stdout.on("error", () => process.exit(0));
send({ ready: true });
