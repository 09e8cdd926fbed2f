/** What `hirewire journal archive` does: closed months of a stopped gateway's journal go to its archive. */
import type { Clock } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import { type Archiving, archiveMonths } from "../../journal/archiving.ts";
import { monthOf } from "../../journal/month.ts";
import { lockJournal, openJournal } from "../../journal/sqlite-journal.ts";
import { requireRoom } from "../disk/free-bytes.ts";
import type { CommandIo } from "../io.ts";
import { count } from "../journal/walk-folder.ts";

export type ArchiveOptions = {
  /** The gateway's. */
  readonly data: string;
  /** The first month that stays; by default the current one. */
  readonly before: string | null;
  readonly json: boolean;
};

/**
 * Archives, and says what is where.
 *
 * @returns the exit code, 0
 * @throws {@link Fault} `usage` for a month that is none or is not over, `journal_locked` while a gateway runs,
 * `config_missing`, `journal_broken`, `disk_full`, `disk_failed`
 */
export async function archiveJournal(options: ArchiveOptions, io: CommandIo, clock: Clock): Promise<number> {
  const { data, json } = options;
  const current = monthOf(clock.now());
  const before = options.before ?? current;
  if (!/^\d{4}-(0[1-9]|1[0-2])$/.test(before)) {
    throw new Fault("usage", `--before takes a month such as ${current}, not ${before}`);
  }
  if (before > current) throw new Fault("usage", `--before ${before}: this month, ${current}, is not over`);
  // a lock would make the folder
  openJournal(data, { readOnly: true }).close();
  const lock = lockJournal(data);
  try {
    const archiving = await archiveMonths(data, {
      before,
      pause: () => Promise.resolve(),
      // no reserve, which is for what a running gateway has to finish
      requireRoom: (bytes) => requireRoom(data, bytes, "archiving a month"),
    });
    io.write(json ? `${JSON.stringify(asJson(archiving))}\n` : textOf(archiving, before));
    return 0;
  } finally {
    lock.close();
  }
}

function asJson({ periods, waiting }: Archiving) {
  return { archived: periods.map(({ file, first, last, bytes }) => ({ file, first, last, bytes })), waiting };
}

function textOf({ periods, waiting }: Archiving, before: string): string {
  const lines = periods.map(({ file, first, last, bytes }) => {
    return `${file}  entries ${count(first)} to ${count(last)}, ${count(bytes)} bytes, read again`;
  });
  if (waiting) {
    const what =
      waiting.for === "snapshot" ? "a snapshot, which a gateway makes when it stops" : "entries after it";
    lines.push(`${waiting.month} waits for ${what}`);
  }
  if (lines.length === 0) lines.push(`nothing before ${before} is left in the journal`);
  return `${lines.join("\n")}\n`;
}
