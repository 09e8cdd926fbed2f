/** The thread that walks a journal: reads the file beside its writer, and says how far it has come. */
import { setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { systemClock } from "../../base/clock.ts";
import { type FaultCode, isFault } from "../../base/fault.ts";
import { openJournal, type StoredJournal } from "../../journal/sqlite-journal.ts";
import { type CheckSignatures, JournalWalk, type Verified } from "../../journal/verify.ts";
import type { LaneKey } from "../../settlement/chain.ts";
import type { Verification } from "../api/settlement.ts";
import { compareLanes, type LanesSeen, laneKeys } from "./lanes.ts";
import { poolFor } from "./share.ts";

/** `idle` leaves the machine to everybody else: the lowest priority, and no other thread helps. */
export type Pace = "full" | "idle";

export type WalkStart = { readonly data: string; readonly pace: Pace; readonly readsChain: boolean };

/** What the thread says: how far it is; which lanes it wants to see; and how it ended. */
export type WalkReport =
  | { readonly kind: "progress"; readonly verified: Verified; readonly total: number }
  | { readonly kind: "lanes"; readonly keys: readonly LaneKey[] }
  | { readonly kind: "holds"; readonly verified: Verified; readonly chain: Verification["chain"] }
  | { readonly kind: "broken"; readonly verified: Verified; readonly index: number; readonly why: string }
  | { readonly kind: "failed"; readonly code: FaultCode; readonly message: string };

/** What it is answered: the lanes it wants, or null when the chain cannot be read. */
export type WalkAnswer = { readonly seen: LanesSeen | null };

/** As `nice` counts: nothing else waits for a thread with this. */
const LEAST_PRIORITY = 19;

const say = (report: WalkReport) => parentPort?.postMessage(report);

async function walkAll({ data, pace, readsChain }: WalkStart): Promise<void> {
  // Elsewhere than on Linux it would slow down the whole process.
  if (pace === "idle" && process.platform === "linux") setPriority(LEAST_PRIORITY);
  const journal = openJournal(data, { readOnly: true });
  try {
    const pool = await poolFor(pace === "idle" ? 0 : journal.head().index, systemClock);
    try {
      await walkOne(journal, (checks) => pool.check(checks), readsChain);
    } finally {
      await pool.close();
    }
  } finally {
    journal.close();
  }
}

async function walkOne(journal: StoredJournal, check: CheckSignatures, readsChain: boolean): Promise<void> {
  const walk = new JournalWalk();
  const total = journal.head().index;
  const follow = () =>
    walk.follow(journal.stored(walk.verified.held), check, (verified) =>
      say({ kind: "progress", verified, total: Math.max(total, verified.held) }),
    );
  try {
    await follow();
    const keys = readsChain ? laneKeys(walk.lanes) : [];
    const seen = keys.length > 0 ? await askFor(keys) : null;
    // What was signed before the chain was read is in the journal now.
    if (seen) await follow();
    const chain = seen ? compareLanes(walk.lanes, keys, seen) : null;
    say({ kind: "holds", verified: walk.verified, chain });
  } catch (fault) {
    if (!isFault(fault, "journal_broken")) throw fault;
    const { index = walk.verified.held + 1, why = fault.message } = fault.facts;
    say({ kind: "broken", verified: walk.verified, index: Number(index), why: String(why) });
  }
}

function askFor(keys: readonly LaneKey[]): Promise<LanesSeen | null> {
  return new Promise((resolve) => {
    parentPort?.once("message", ({ seen }: WalkAnswer) => resolve(seen));
    say({ kind: "lanes", keys });
  });
}

try {
  await walkAll(workerData as WalkStart);
} catch (fault) {
  const code = isFault(fault) ? fault.code : "impossible";
  say({ kind: "failed", code, message: fault instanceof Error ? fault.message : String(fault) });
}
