/** One run that was awarded: its bytes are fetched, looked at, and run in a killable child. */
import { Fault, isFault } from "../../src/base/fault.ts";
import { MAX_BLOB } from "../../src/blob/blob.ts";
import type { Executor, RunResult } from "../../src/firmware/executor.ts";
import { RUN_VERDICTS, type RunVerdict } from "../../src/protocol/fuel.ts";
import type { Message } from "../../src/protocol/message.ts";
import type { Modules } from "./modules.ts";
import type { RobotParts } from "./parts.ts";
import type { RunProgress } from "./run-progress.ts";

/** What a run of ours has come to, and is paid for. */
export type Delivery = {
  readonly verdict: RunVerdict;
  readonly output: Uint8Array | null;
  readonly fuel: number;
  readonly reason: string;
};

/** Why there is nothing to deliver: the bytes did not come or are not as agreed, the time was up, this machine failed. */
export type NotRun = { readonly failed: string };

/** Where it is run, and who hears of it. */
export type RunPlace = {
  readonly executor: Pick<Executor, "run">;
  readonly modules: Modules;
  /** Null where nobody is told. */
  readonly progress: RunProgress | null;
  /** Called when the program begins. */
  readonly begun: () => void;
};

/** Runs what an award names, until its `runBy` at the longest. Never rejects: what goes wrong is a reason. */
export async function runAward(
  parts: RobotParts,
  award: Message<"award">,
  { executor, modules, progress, begun }: RunPlace,
): Promise<Delivery | NotRun> {
  const { clock, now, events } = parts;
  const limit = new AbortController();
  const late = new Fault("timed_out", "the bytes did not come before the run had to end");
  const cancelLimit = clock.after(award.runBy - now(), () => limit.abort(late));
  try {
    const [firmware, input] = await fetchWork(parts, award, limit.signal, progress);
    const unfit = modules.whyNotRun(award.firmware, firmware, award);
    if (unfit !== null) return { failed: `firmware_rejected: ${unfit}` };
    const wallMs = award.runBy - now();
    if (wallMs <= 0) return { failed: "timed_out: no time left to run" };
    begun();
    progress?.running(wallMs);
    const limits = { fuelLimit: award.fuelLimit, wallMs, maxOutput: MAX_BLOB };
    return deliveryOf(await executor.run({ firmware, input, ...limits }));
  } catch (error) {
    events.emit({ kind: "fault", error });
    if (isFault(error)) return { failed: `${error.code}: ${error.message}` };
    return { failed: "executor_died: the executor failed" };
  } finally {
    cancelLimit();
    progress?.stop();
  }
}

async function fetchWork(
  { blobs }: RobotParts,
  award: Message<"award">,
  signal: AbortSignal,
  progress: RunProgress | null,
): Promise<[firmware: Uint8Array, input: Uint8Array]> {
  const came = { firmware: 0, input: 0 };
  const tell = () => {
    progress?.tell("fetching", came.firmware + came.input, award.firmwareBytes + award.inputBytes);
  };
  const count = (part: keyof typeof came) => (bytes: number) => {
    came[part] = bytes;
    tell();
  };
  tell();
  return await Promise.all([
    blobs.fetchFirmware(award.firmware, award.firmwareBytes, signal, count("firmware")),
    blobs.fetch(award.input, award.inputBytes, signal, count("input")),
  ]);
}

/** What is delivered of a run. A program's own end is delivered however it was; an end that is this machine's is not. */
function deliveryOf(result: RunResult): Delivery | NotRun {
  const { fuel } = result;
  if (result.verdict === "ok") return { verdict: "ok", output: result.output, fuel, reason: "" };
  const reason = `${result.verdict}: ${result.reason}`;
  const verdict = RUN_VERDICTS.find((one) => one === result.verdict);
  return verdict ? { verdict, output: null, fuel, reason } : { failed: reason };
}
