/** Runs programs: calls their exports as their profile says, checks what they give back, and finds verdict and bill. */
import { inBaseline } from "./baseline.ts";
import type { Verdict } from "./frames.ts";
import { Instance } from "./instance.ts";
import type { Program } from "./program.ts";
import { Ended, Streams } from "./wasi.ts";

export type Task = {
  readonly input: Uint8Array;
  /** Null to run; to verify, the output in question. */
  readonly output: Uint8Array | null;
  readonly fuelLimit: number;
  /** Bytes. */
  readonly maxOutput: number;
};

export type Finding = {
  readonly verdict: Verdict;
  /** Empty when ok. */
  readonly reason: string;
  readonly fuel: number;
  readonly valid: boolean;
  /** Of a run that is ok: bytes of the instance, good until the next run. */
  readonly output: Uint8Array;
};

/** What a call has come to, before the bill is looked at. */
type Call = Pick<Finding, "verdict" | "reason" | "valid" | "output"> & {
  /** The counter is exact in every build. */
  readonly isFinal: boolean;
  /** The engine's own stack was at its end. */
  readonly isOverflow: boolean;
};

type Build = "threaded" | "canonical" | "baseline";
type Begun = { readonly instance: Instance; readonly isStarted: boolean };

const NOTHING = new Uint8Array();
const NO_CALL: Call = {
  verdict: "ok",
  reason: "",
  valid: false,
  output: NOTHING,
  isFinal: true,
  isOverflow: false,
};

export class Runner {
  /** The program that ran last, and its instance where that is good for another run once it is reset. */
  #last: { readonly program: Program; readonly instance: Instance | null } | null = null;

  /**
   * Runs once, and again in the canonical build unless the first run returned and was ok: only there the counter is
   * exact wherever a run ends. What overflows the engine's own stack is run by its baseline compiler, whose frames the
   * stack budget bounds: so the verdict does not depend on what an optimising compiler has made of the program.
   */
  run(program: Program, task: Task): Finding {
    const first = this.#attempt(program, "threaded", task);
    if (first.verdict === "ok" && first.isFinal) return first;
    if (first.verdict === "provider-fault" && !first.isOverflow) return first;
    const second = first.isOverflow ? first : this.#attempt(program, "canonical", task);
    return second.isOverflow ? inBaseline(() => this.#attempt(program, "baseline", task)) : second;
  }

  #attempt(program: Program, build: Build, task: Task): Call & { readonly fuel: number } {
    const streams = program.profile === "wasi-stdio/1" ? new Streams(task.input, task.maxOutput) : null;
    const begun = this.#begin(program, build, task, streams);
    if (!("instance" in begun)) return { ...begun, fuel: 0 };
    const { instance, isStarted } = begun;
    const call = performed(instance, task, streams, isStarted);
    const left = Number(instance.fuel.value);
    if (call.verdict === "ok" && left >= 0) {
      this.#last = { program, instance: instance.isKept ? instance : null };
      return { ...call, fuel: task.fuelLimit - left };
    }
    if (call.verdict === "provider-fault") return { ...call, fuel: 0 };
    if (instance.isOutOfMemory)
      return { ...fault("memory that the module may have is not to be had"), fuel: 0 };
    if (left < 0) return { ...failed("out-of-fuel", "the fuel limit"), fuel: task.fuelLimit };
    if (instance.isOutOfStack) return { ...failed("stack", "the stack budget"), fuel: task.fuelLimit - left };
    return { ...call, fuel: task.fuelLimit - left };
  }

  /** An instance in its first state, or what is the matter. */
  #begin(program: Program, build: Build, task: Task, streams: Streams | null): Begun | Call {
    const limit = BigInt(task.fuelLimit);
    const last = this.#last;
    this.#last = null;
    const isAgain = last?.program === program && build === "threaded" && program.isResettable;
    if (isAgain && last.instance?.reset(limit)) return { instance: last.instance, isStarted: true };
    try {
      const module = build === "threaded" ? program.threaded : program[build]();
      const imports = streams === null ? {} : { wasi_snapshot_preview1: streams.imports() };
      const instance = new Instance(module, imports);
      instance.fuel.value = limit;
      if (streams !== null) streams.machine = instance;
      if (!isAgain) return { instance, isStarted: false };
      // a start function knows nothing of the input, so what it does is kept too
      instance.exports.__hw_start?.();
      instance.keep(limit);
      return { instance, isStarted: true };
    } catch (error) {
      return thrown(error);
    }
  }
}

function performed(instance: Instance, task: Task, streams: Streams | null, isStarted: boolean): Call {
  const { exports } = instance;
  try {
    if (!isStarted) exports.__hw_start?.();
    if (streams !== null) {
      exports._start();
      return { ...NO_CALL, output: streams.output };
    }
    return task.output === null ? called(instance, task) : checked(instance, task.input, task.output);
  } catch (error) {
    if (!(error instanceof Ended)) return thrown(error);
    if (error.code === null) return failed("bad-output", "too_long");
    if (error.code !== 0) return failed("trap", `exit ${error.code}`);
    return { ...NO_CALL, output: streams?.output ?? NOTHING, isFinal: false };
  }
}

function called(instance: Instance, { input, maxOutput }: Task): Call {
  const pointer = place(instance, input);
  if (pointer === null) return failed("bad-output", "alloc_out_of_bounds");
  const result = instance.exports.run(pointer, input.length);
  if (result === 0n) return failed("bad-output", "no_output");
  const start = Number(BigInt.asUintN(32, result >> 32n));
  const length = Number(BigInt.asUintN(32, result));
  const { buffer } = instance.memory;
  if (start + length > buffer.byteLength) return failed("bad-output", "out_of_bounds");
  if (length > maxOutput) return failed("bad-output", "too_long");
  return { ...NO_CALL, output: new Uint8Array(buffer, start, length) };
}

function checked(instance: Instance, input: Uint8Array, output: Uint8Array): Call {
  const inputAt = place(instance, input);
  const outputAt = inputAt === null ? null : place(instance, output);
  if (inputAt === null || outputAt === null) return failed("bad-output", "alloc_out_of_bounds");
  const answer = instance.exports.verify(inputAt, input.length, outputAt, output.length);
  return { ...NO_CALL, valid: answer === 1 };
}

/** Where `alloc` wants the bytes, with them there; null outside the memory. */
function place(instance: Instance, bytes: Uint8Array): number | null {
  const pointer = instance.exports.alloc(bytes.length) >>> 0;
  const { buffer } = instance.memory;
  if (pointer + bytes.length > buffer.byteLength) return null;
  new Uint8Array(buffer, pointer, bytes.length).set(bytes);
  return pointer;
}

function thrown(error: unknown): Call {
  if (error instanceof WebAssembly.RuntimeError) return failed("trap", error.message);
  if (error instanceof RangeError && error.message.startsWith("Maximum call stack size")) {
    return { ...fault("this machine has less stack than the budget promises"), isOverflow: true };
  }
  // no memory for an instance, or a meter that wrote nonsense
  if (error instanceof RangeError || error instanceof WebAssembly.CompileError) return fault(error.message);
  throw error;
}

function failed(verdict: Verdict, reason: string): Call {
  return { ...NO_CALL, verdict, reason };
}

function fault(reason: string): Call {
  return failed("provider-fault", reason);
}
