/** The thread that gives closed months of a journal to its archive, beside the gateway that writes it. */
import { setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { systemClock } from "../../base/clock.ts";
import { type FaultCode, isFault } from "../../base/fault.ts";
import { type Archiving, archiveMonths } from "../../journal/archiving.ts";
import { requireRoom } from "../disk/free-bytes.ts";

/** `data` is the gateway's folder, `before` the first month that stays; `reserve` bytes stay free beside a new file. */
export type ArchiverStart = { readonly data: string; readonly before: string; readonly reserve: number };

/** How it ended, once. */
export type ArchiverReport =
  | { readonly kind: "done"; readonly archiving: Archiving }
  | { readonly kind: "failed"; readonly code: FaultCode; readonly message: string };

/** As `nice` counts: behind the gateway, and not last of all, as the gateway waits while this has the journal's lock. */
const PRIORITY = 5;

/** Between two short transactions, milliseconds: the gateway waits for one of them at most. */
const PAUSE_MS = 20;

async function archiveAll({ data, before, reserve }: ArchiverStart): Promise<ArchiverReport> {
  // Elsewhere than on Linux it would slow down the whole process.
  if (process.platform === "linux") setPriority(PRIORITY);
  try {
    const archiving = await archiveMonths(data, {
      before,
      pause: () => systemClock.sleep(PAUSE_MS),
      requireRoom: (bytes) => requireRoom(data, bytes + reserve, "archiving a month"),
    });
    return { kind: "done", archiving };
  } catch (fault) {
    const code = isFault(fault) ? fault.code : "impossible";
    return { kind: "failed", code, message: fault instanceof Error ? fault.message : String(fault) };
  }
}

parentPort?.postMessage(await archiveAll(workerData as ArchiverStart));
