/** The command line of `hirewire log`: reads the arguments, opens the journal beside its writer, shows a view. */
import { type Clock, systemClock } from "../../base/clock.ts";
import { openJournal } from "../../journal/sqlite-journal.ts";
import type { CommandIo } from "../io.ts";
import { walkFolder } from "../journal/walk-folder.ts";
import { listFacts } from "./list.ts";
import { HELP, type LogRequest, parseLogRequest } from "./options.ts";
import { showEntry } from "./show.ts";

/**
 * Runs `hirewire log …` and gives its exit code: 0, or 3 when `log verify` finds a broken journal.
 *
 * @param args - what stands after `log`
 * @param defaultData - the gateway's folder where `--data` is not given
 * @throws {@link Fault} `usage`, `config_missing`, `journal_broken` (from a listing), `disk_failed`
 */
export function logCommand(
  args: string[],
  io: CommandIo,
  defaultData: string | null,
  clock: Clock = systemClock,
): Promise<number> {
  return Promise.try(() => {
    const request = parseLogRequest(args, defaultData);
    if (request.view === "verify") return walkFolder(request.data, request.json, io, clock);
    return run(request, io, clock);
  });
}

function run(request: Exclude<LogRequest, { view: "verify" }>, io: CommandIo, clock: Clock): number {
  if (request.view === "help") {
    io.write(HELP);
    return 0;
  }
  const journal = openJournal(request.data, { readOnly: true });
  try {
    if (request.view === "list") listFacts(journal, request.list, io, clock.now());
    else showEntry(journal, request.index, request.json, io);
    return 0;
  } finally {
    journal.close();
  }
}
