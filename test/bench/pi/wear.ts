/**
 * Bytes that reach the card, as the kernel counts them for the gateway's processes: whole pages, without what the file
 * system writes of its own accord.
 *
 * The peer is the plain way: each record of the same journal a row and a commit of its own in SQLite, flushed.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { SNAPSHOT_EVERY } from "../../../src/exchange/replay.ts";
import { openJournal } from "../../../src/journal/sqlite-journal.ts";
import type { Figure } from "../main.ts";
import { small } from "./figures.ts";
import { PiHouse, writtenBy } from "./house.ts";

const REQUESTERS = ["r1", "r2", "r3", "r4", "r5"];
const PROVIDERS = ["p1", "p2", "p3", "p4", "p5"];
const PARALLEL = 50;
/** Tasks one after the other. */
const IN_TURN = 40;
const IDLE_S = 30;

/** @param tasks - at fifty under way */
export async function wearFigures(tasks: number): Promise<Figure[]> {
  const house = await PiHouse.open({ requesters: REQUESTERS, providers: PROVIDERS });
  try {
    await house.start();
    for (const name of PROVIDERS) await house.connect(name, true);
    const robots = await Promise.all(REQUESTERS.map((name) => house.connect(name, false)));
    const written = async (work: () => Promise<unknown>) => {
      const before = house.writtenBytes();
      await work();
      return (house.writtenBytes() - before) / 1e6;
    };
    // what comes first builds tables and fills the write-ahead log
    await house.work(robots, PARALLEL, PARALLEL);
    const before = records(house);
    const busy = (await written(() => house.work(robots, tasks, PARALLEL))) * (1_000 / tasks);
    const recordsPerThousand = (records(house) - before) * (1_000 / tasks);
    const plain = plainBytes(house, before) * (1_000 / tasks);
    const inTurn = (await written(() => house.work(robots, IN_TURN, 1))) * (1_000 / IN_TURN);
    const idle = (await written(() => sleep(IDLE_S * 1_000))) * (3_600 / IDLE_S);
    const end = await writtenAtStop(house);
    // so few records bring no snapshot of their own: its part of them is added
    const snapshot = (snapshotBytes(house) / 1e6) * (recordsPerThousand / SNAPSHOT_EVERY);
    const peer = "a row and a commit for each record, SQLite";
    return [
      small(
        {
          ...{ metric: `written per 1,000 tasks, ${PARALLEL} at once`, unit: "MB" },
          ...{ value: busy + snapshot, peer, peerValue: plain },
        },
        12,
      ),
      small(
        {
          metric: "written per 1,000 tasks, one after the other",
          unit: "MB",
          value: inTurn,
          peer,
          peerValue: plain,
        },
        null,
      ),
      small(
        { metric: "written per hour, idle", unit: "MB", value: idle, peer: "nothing", peerValue: 0 },
        null,
      ),
      small({ metric: "written at the stop", unit: "MB", value: end, peer: "nothing", peerValue: 0 }, null),
    ];
  } finally {
    await house.close();
  }
}

/** What the newest snapshot of the state takes, bytes. */
function snapshotBytes({ folder }: PiHouse): number {
  const sizes = readdirSync(folder)
    .filter((name) => name.startsWith("snapshot-"))
    .map((name) => statSync(join(folder, name)).size);
  return Math.max(0, ...sizes);
}

/** The checkpoint of the write-ahead log and the snapshot of the state, megabytes. */
async function writtenAtStop(house: PiHouse): Promise<number> {
  const [ours, theirs] = [writtenBy(process.pid), house.writtenBytes()];
  await house.stop();
  // what a child has written in its life becomes ours once it has ended, proc_pid_io(5)
  return (writtenBy(process.pid) - ours - theirs) / 1e6;
}

function records(house: PiHouse): number {
  const journal = openJournal(house.folder, { readOnly: true });
  const { index } = journal.head();
  journal.close();
  return index;
}

/** What the journal's records after `from` cost when each is a row of its own, megabytes. */
function plainBytes(house: PiHouse, from: number): number {
  const folder = mkdtempSync(join(tmpdir(), "hirewire-plain-"));
  const journal = openJournal(house.folder, { readOnly: true });
  const database = new DatabaseSync(join(folder, "plain.sqlite"));
  try {
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    database.exec("CREATE TABLE entry (idx INTEGER PRIMARY KEY, hash TEXT, text TEXT) STRICT");
    const insert = database.prepare("INSERT INTO entry VALUES (?, ?, ?)");
    const before = writtenBy(process.pid);
    for (const { index, hash, text } of journal.stored(from)) insert.run(index, hash, text);
    return (writtenBy(process.pid) - before) / 1e6;
  } finally {
    database.close();
    journal.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
