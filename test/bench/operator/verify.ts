/**
 * Verifying a whole journal of a real market's records: entries a second, signatures in groups with the pool's help,
 * beside the same rules with each signature checked by itself in one thread. Both read the same file, in turns.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../src/base/clock.ts";
import { openJournal, type StoredJournal } from "../../../src/journal/sqlite-journal.ts";
import { JournalWalk } from "../../../src/journal/verify.ts";
import { SignaturePool } from "../../../src/kernels/pool.ts";
import { marketLife } from "../../journal/market-life.ts";
import { verifyOneByOne } from "../../journal/one-by-one.ts";
import type { Figure } from "../main.ts";

/** Entries a second that an operator's machine has to walk. */
const GOAL = 20_000;

type Size = { readonly tasks: number; readonly rounds: number };

const FULL: Size = { tasks: 3_000, rounds: 5 };
const QUICK: Size = { tasks: 30, rounds: 2 };

/** @param quick - shows that it runs; what it measures means little */
export async function verifyFigures({ quick }: { readonly quick: boolean }): Promise<Figure[]> {
  const { tasks, rounds } = quick ? QUICK : FULL;
  const folder = mkdtempSync(join(tmpdir(), "hirewire-verify-"));
  const pool = new SignaturePool({ clock: systemClock });
  try {
    const writer = openJournal(folder);
    writer.append(await marketLife({ tasks, requesters: 12, providers: 16 }));
    writer.close();
    await pool.start();
    const journal = openJournal(folder, { readOnly: true });
    const ours: number[] = [];
    const theirs: number[] = [];
    // the first round of each is for the engine to get warm
    for (let round = 0; round <= rounds; round++) {
      const [inGroups, oneByOne] = [await walked(journal, pool), walkedOneByOne(journal)];
      if (round === 0) continue;
      ours.push(inGroups);
      theirs.push(oneByOne);
    }
    journal.close();
    return [figure(ours, theirs)];
  } finally {
    await pool.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Entries a second. */
async function walked(journal: StoredJournal, pool: SignaturePool): Promise<number> {
  const start = performance.now();
  const { held } = await new JournalWalk().follow(
    journal.stored(),
    (checks) => pool.check(checks),
    () => undefined,
  );
  return (held * 1e3) / (performance.now() - start);
}

function walkedOneByOne(journal: StoredJournal): number {
  const start = performance.now();
  const { held } = verifyOneByOne(journal.stored());
  return (held * 1e3) / (performance.now() - start);
}

function figure(ours: readonly number[], theirs: readonly number[]): Figure {
  const ratios = ours.map((one, at) => one / (theirs[at] ?? one));
  const value = Math.round(median(ours));
  return {
    suite: "operator",
    metric: "journal verify",
    value,
    unit: "entries/s",
    peer: "each signature by itself",
    peerValue: Math.round(median(theirs)),
    ratio: Number(median(ratios).toFixed(2)),
    goal: GOAL,
    ok: value >= GOAL,
  };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}
