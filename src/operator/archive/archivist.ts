/** Gives closed months of the gateway's journal to its archive, some time after the start and then every day. */
import { Worker } from "node:worker_threads";
import type { Clock } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import type { Archiving } from "../../journal/archiving.ts";
import { monthOf } from "../../journal/month.ts";
import type { ArchiverReport, ArchiverStart } from "./archiver.ts";

/** How long a start has passed before the first look, milliseconds: devices come back first. */
const FIRST_AFTER_MS = 120_000;

/** Between two looks. A month that is over may wait a day. */
const EVERY_MS = 86_400_000;

export type ArchivistOptions = {
  /** The gateway's folder; its journal is open in this process. */
  readonly data: string;
  /** Bytes that stay free beside a new file of the archive: with less a month stays where it is, and `onFault` hears of it. */
  readonly reserve: number;
  readonly clock: Clock;
  /** A look that could not be finished: the next one goes on where it was. */
  readonly onFault: (fault: Fault) => void;
  /** What a look has found to do. */
  readonly onDone?: (archiving: Archiving) => void;
  /** Starts what archives: by default a thread. Nothing is reported after `onEnd`. */
  readonly spawn?: (
    start: ArchiverStart,
    onReport: (report: ArchiverReport) => void,
    onEnd: () => void,
  ) => Archiver;
};

/** A look under way; `end` ends it wherever it is, which loses nothing. */
export type Archiver = { readonly end: () => Promise<unknown> };

export type Archivist = {
  /** Looks now, unless a look is under way. */
  readonly look: () => void;
  /** Ends the look that is under way; none begins after it. */
  readonly close: () => Promise<void>;
};

/** Looks by itself from now on, until it is closed. */
export function openArchivist({
  data,
  reserve,
  clock,
  onFault,
  onDone,
  spawn = spawnThread,
}: ArchivistOptions): Archivist {
  let archiver: Archiver | null = null;
  let isClosed = false;
  let cancel: () => void = () => undefined;
  const fail = (fault: Fault) => {
    if (!isClosed) onFault(fault);
  };
  const heard = (report: ArchiverReport) => {
    if (report.kind === "done") onDone?.(report.archiving);
    else fail(new Fault(report.code, `closed months could not be archived: ${report.message}`));
  };
  const look = () => {
    if (archiver || isClosed) return;
    const start = { data, reserve, before: monthOf(clock.now()) };
    try {
      archiver = spawn(start, heard, () => {
        archiver = null;
      });
    } catch (cause) {
      // no memory for a thread, say
      fail(new Fault("impossible", `closed months could not be archived: ${String(cause)}`, { cause }));
    }
  };
  const lookAfter = (ms: number) => {
    cancel = clock.after(ms, () => {
      lookAfter(EVERY_MS);
      look();
    });
  };
  lookAfter(FIRST_AFTER_MS);
  return {
    look,
    close: async () => {
      isClosed = true;
      cancel();
      await archiver?.end();
    },
  };
}

function spawnThread(
  workerData: ArchiverStart,
  onReport: (report: ArchiverReport) => void,
  onEnd: () => void,
): Archiver {
  // in the sources and in the built package alike
  const file = import.meta.url.endsWith(".ts") ? "./archiver.ts" : "./archiver.js";
  // the flags of this process are about its own program
  const worker = new Worker(new URL(file, import.meta.url), { workerData, name: "archive", execArgv: [] });
  let isReported = false;
  const report = (one: ArchiverReport) => {
    if (!isReported) onReport(one);
    isReported = true;
  };
  worker.on("message", report);
  worker.on("error", (cause) => report({ kind: "failed", code: "impossible", message: String(cause) }));
  worker.on("exit", onEnd);
  return { end: () => worker.terminate() };
}
