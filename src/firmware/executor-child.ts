/**
 * The program inside the executor's child process: requests in on standard input, replies out on standard output.
 *
 * It holds no keys and opens nothing; module bytes come in, verdicts and output bytes go out. One request at a time,
 * each in an instance as good as fresh. The parent kills it at a deadline; should the parent be gone, it ends itself:
 * at the end of its input, when what it runs is out of fuel, or a moment after the deadline of the run.
 */
import { createContext, Script } from "node:vm";
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
import { type Finding, Runner } from "./runner.ts";
import { Shelf } from "./shelf.ts";

type Prepared = ReturnType<typeof prepareProgram> | { readonly fault: string };
type Reply = Omit<Finding, "output"> & { readonly body: Uint8Array };
/** It begins at `at`. */
type Request = { readonly head: RequestHead; readonly slab: Slab; readonly at: number };

/** Burnt within a second, or within minutes where every step misses every cache. */
const QUICK_FUEL = 10_000_000_000;
/** Beyond the deadline, at which a living parent has long killed us. */
const ORPHAN_MS = 2_000;
const NOTHING = new Uint8Array();
const ENDED = 0;
const NONSENSE = 1;

const inlet = new Inlet();
const outlet = new Outlet();
const runner = new Runner();
const shelf = new Shelf<Prepared>();

/** Where the time-limited script finds its work. */
const bench = createContext({ work: (): void => {} });
const script = new Script("work()");

/** What was asked for last, found again without a look on the shelf: nothing else was touched since. */
let last: { readonly hash: Uint8Array; readonly prepared: Prepared } | null = null;

function preparedOf({ head, slab, at }: Request): Prepared {
  if (!head.hasModule && last !== null && Buffer.compare(head.hash, last.hash) === 0) return last.prepared;
  const hash = head.hash.slice();
  const prepared = head.hasModule ? shelved(head, slab.bytes, at) : shelf.touch(keyOf(hash));
  if (prepared === undefined) process.exit(NONSENSE);
  last = { hash, prepared };
  return prepared;
}

function shelved(head: RequestHead, bytes: Uint8Array, at: number): Prepared {
  const start = at + REQUEST_HEAD;
  const prepared = prepare(bytes.subarray(start, start + head.moduleBytes));
  shelf.put(keyOf(head.hash), prepared, head.moduleBytes);
  return prepared;
}

function keyOf(hash: Uint8Array): string {
  return Buffer.from(hash).toString("latin1");
}

function prepare(bytes: Uint8Array): Prepared {
  try {
    return prepareProgram(bytes);
  } catch (error) {
    // a defect of ours that this module has found: whoever asks for it is told, and this child lives on
    return { fault: error instanceof Error ? `${error.name}: ${error.message}` : "the meter failed" };
  }
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
  const { verdict, reason, fuel, valid, output } = runner.run(program, {
    input: slab.bytes.subarray(inputAt, outputAt),
    output: head.op === "verify" ? slab.bytes.subarray(outputAt, outputAt + head.outputBytes) : null,
    fuelLimit: head.fuelLimit,
    maxOutput: head.maxOutput,
  });
  return { verdict, reason, fuel, valid, body: verdict === "ok" ? output : NOTHING };
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
}

/** The next request; waits for it. */
function next(): Request {
  const { slab, at } = inlet.next() ?? process.exit(ENDED);
  const head = readRequestHead(slab, at) ?? process.exit(NONSENSE);
  // replies that wait for company must not wait for a long run
  if (!endsItself(head)) outlet.flush();
  return { head, slab, at };
}

function answer(request: Request): void {
  send(request.head.number, perform(request));
  if (request.head.isAwaited) outlet.flush();
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
outlet.flush();
for (;;) {
  const request = next();
  // a limit of time costs 150 µs, so those that need none have none
  if (endsItself(request.head)) answer(request);
  else answerInTime(request);
  if (!inlet.hasNext) outlet.flush();
}
