/**
 * The program inside the executor's child process: requests in on standard input, replies out on standard output.
 *
 * It holds no keys and opens nothing; module bytes come in, verdicts and output bytes go out. One request at a time,
 * each in an instance as good as fresh. The parent kills it at a deadline; should the parent be gone, it ends itself:
 * at the end of its input, when what it runs is out of fuel, or a moment after the deadline of the run.
 */

import { createContext, Script } from "node:vm";
import { systemClock } from "../base/clock.ts";
import {
  MAX_REASON,
  READY,
  REQUEST_HEAD,
  type RequestHead,
  readRequestHead,
  type Slab,
  writeOutline,
} from "./frames.ts";
import { Inlet, Outlet } from "./pipe.ts";
import { type Program, prepareProgram } from "./program.ts";
import { type Prepared, Programs } from "./programs.ts";
import { type Finding, Runner, type Task } from "./runner.ts";

type Reply = Omit<Finding, "output"> & { readonly body: Uint8Array };
/** It begins at `at`. */
type Request = { readonly head: RequestHead; readonly slab: Slab; readonly at: number };

/** Burnt within a minute, or within many where every step misses every cache. */
const QUICK_FUEL = 10_000_000_000;
/** Burnt within milliseconds. */
const TINY_FUEL = 1_000_000;
/** How long a reply waits for company while runs are tiny. */
const PATIENCE_MS = 5;
/** Beyond the deadline, at which a living parent has long killed us. */
const ORPHAN_MS = 2_000;
const NOTHING = new Uint8Array();
const ENDED = 0;
const NONSENSE = 1;

const inlet = new Inlet();
const outlet = new Outlet();
const runner = new Runner();
const programs = new Programs(prepareProgram);

/** Where the time-limited script finds its work. */
const bench = createContext({ work: (): void => {} });
const script = new Script("work()");

/** When the oldest reply that is not flushed was put, milliseconds; null when none waits. */
let waitsSince: number | null = null;
/** Fuel of the last run. */
let burnt = 0;

function preparedOf({ head, slab, at }: Request): Prepared {
  const start = at + REQUEST_HEAD;
  const bytes = head.hasModule ? slab.bytes.subarray(start, start + head.moduleBytes) : null;
  return programs.find(head.hash, bytes) ?? process.exit(NONSENSE);
}

function perform(request: Request): Reply {
  const { head, slab, at } = request;
  const program = preparedOf(request);
  if ("rejection" in program) {
    const sentence = head.op === "inspect" ? ` ${program.reason}` : "";
    return refused(program.rejection + sentence);
  }
  if ("fault" in program) {
    if (head.op === "inspect") return refused(`invalid ${program.fault}`);
    return { ...refused(program.fault), verdict: "provider-fault" };
  }
  if (head.op === "inspect") return { ...refused(""), verdict: "ok", body: outlineOf(program) };
  if (head.op === "verify" && !program.hasVerify) return refused("no_verify");
  const inputAt = at + REQUEST_HEAD + head.moduleBytes;
  const outputAt = inputAt + head.inputBytes;
  const { verdict, reason, fuel, valid, output } = runInTurn(program, {
    input: slab.bytes.subarray(inputAt, outputAt),
    output: head.op === "verify" ? slab.bytes.subarray(outputAt, outputAt + head.outputBytes) : null,
    fuelLimit: head.fuelLimit,
    maxOutput: head.maxOutput,
  });
  burnt = fuel;
  return { verdict, reason, fuel, valid, body: verdict === "ok" ? output : NOTHING };
}

/**
 * Runs so that replies that wait do not wait long. A flush before each run would cost most of the throughput of tiny
 * ones, so after a tiny run another is expected: it is tried with little fuel, and begun again if that is not enough.
 */
function runInTurn(program: Program, task: Task): Finding {
  if (waitsSince !== null && task.fuelLimit > TINY_FUEL) {
    if (burnt <= TINY_FUEL) {
      const tried = runner.run(program, { ...task, fuelLimit: TINY_FUEL });
      if (tried.verdict !== "out-of-fuel") return tried;
    }
    flush();
  }
  return runner.run(program, task);
}

function outlineOf(program: Program): Uint8Array {
  return writeOutline({ ...program, metered: program.meteredHash });
}

function refused(reason: string): Reply {
  return { verdict: "rejected", reason, fuel: 0, valid: false, body: NOTHING };
}

function send(number: number, { verdict, reason, fuel, valid, body }: Reply): void {
  const said = verdict === "ok" ? body : Buffer.from(reason.slice(0, MAX_REASON), "latin1");
  outlet.put({ length: said.length, number, verdict, valid, fuel }, said);
  const now = systemClock.now();
  waitsSince ??= now;
  if (now - waitsSince > PATIENCE_MS) flush();
}

function flush(): void {
  outlet.flush();
  waitsSince = null;
}

/** The next request; waits for it. */
function next(): Request {
  const { slab, at } = inlet.next() ?? process.exit(ENDED);
  const head = readRequestHead(slab, at) ?? process.exit(NONSENSE);
  // to make a module ready may take long
  if (head.hasModule) flush();
  return { head, slab, at };
}

function answer(request: Request): void {
  send(request.head.number, perform(request));
  if (request.head.isAwaited) flush();
}

/** Whether fuel alone ends the run soon enough. */
function endsItself(head: RequestHead): boolean {
  return head.fuelLimit <= QUICK_FUEL && !head.hasModule;
}

/** Answers a request and those that are here behind it; throws when they take longer than they may. */
function answerInTime(first: Request): void {
  bench["work"] = () => {
    answer(first);
    while (inlet.hasNext) answer(next());
  };
  script.runInContext(bench, { timeout: first.head.wallMs + ORPHAN_MS });
}

send(READY, { ...refused(""), verdict: "ok" });
flush();
for (;;) {
  const request = next();
  // a limit of time costs 150 µs, so those that need none have none
  if (endsItself(request.head)) answer(request);
  else answerInTime(request);
  if (!inlet.hasNext) flush();
}
