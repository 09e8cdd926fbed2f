/** The command line of `hirewire journal`: verifies a folder's whole journal or an export, and archives closed months. */
import { type Clock, systemClock } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import { archiveJournal } from "../archive/command.ts";
import { parseArguments, unknownWord } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import { type FileFound, marketText, verifyExport } from "./export-file.ts";
import { BROKEN, count, walkFolder } from "./walk-folder.ts";

const OPTIONS = {
  data: { type: "string" },
  before: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

const HELP = `hirewire journal verify [FILE.jsonl | --data DIR] [--json]
hirewire journal archive [--before YYYY-MM] [--data DIR] [--json]

Recomputes every hash of the journal, its chain, its books and every signature;
beside a running gateway too. Exit 3 names the first entry that does not hold.

With a file, the JSON Lines export of the settlement log: each record's hash, the
chain where two records stand next to each other, and the signatures whose terms
are in the file; it says how many are not.

archive moves entries of months that are over into files in the folder archive,
compressed, and read again before the journal forgets them. They are part of the
journal: keep them with it. A running gateway does it by itself, every day.

  --data DIR         the gateway's folder
  --before YYYY-MM   the first month that stays (the current one, in UTC)
  --json             one JSON object
`;

/** Records of a file between two lines of progress. */
const PROGRESS = 10_000;

/**
 * Runs `hirewire journal …` and gives its exit code: 0, or 3 when something does not hold.
 *
 * @param args - what stands after `journal`
 * @param defaultData - the gateway's folder where neither a file nor `--data` is given
 * @throws {@link Fault} `usage`, `config_missing`, `file_format`, `disk_failed`, and as {@link archiveJournal}
 */
export async function journalCommand(
  args: readonly string[],
  io: CommandIo,
  defaultData: string | null,
  clock: Clock = systemClock,
): Promise<number> {
  const { values, positionals } = parseArguments("hirewire journal", args, OPTIONS);
  if (values.help) {
    io.write(HELP);
    return 0;
  }
  const [verb, file, ...rest] = positionals;
  if (verb === undefined) throw new Fault("usage", "expected hirewire journal verify or archive");
  if (verb !== "verify" && verb !== "archive") {
    throw unknownWord("hirewire journal", "verb", verb, ["verify", "archive"]);
  }
  const json = values.json === true;
  const folder = () => {
    const data = values.data ?? defaultData;
    if (data === null) throw new Fault("usage", "name the gateway's folder with --data DIR");
    return data;
  };
  if (verb === "archive") {
    if (file !== undefined) throw new Fault("usage", "hirewire journal archive takes no file");
    return await archiveJournal({ data: folder(), before: values.before ?? null, json }, io, clock);
  }
  if (values.before !== undefined) throw new Fault("usage", "--before is of hirewire journal archive");
  if (rest.length > 0 || (file !== undefined && values.data !== undefined)) {
    throw new Fault("usage", "hirewire journal verify takes one file, or one folder with --data");
  }
  if (file !== undefined) return await verifyFile(file, json, io);
  return await walkFolder(folder(), json, io, clock);
}

async function verifyFile(path: string, json: boolean, io: CommandIo): Promise<number> {
  let told = 0;
  const found = await verifyExport(path, (records) => {
    if (records - told < PROGRESS) return;
    told = records;
    io.warn(`${count(records)} records hold\n`);
  });
  const { broken, ...counts } = found;
  const fault = broken && `journal entry ${broken.index} does not hold: ${broken.why}`;
  if (json) {
    const outcome = broken ? { holds: false, ...broken, message: fault } : { holds: true };
    io.write(`${JSON.stringify({ ...outcome, ...counts })}\n`);
  } else {
    io.write(fault === null ? textOf(found) : `${fault}\n`);
  }
  return broken ? BROKEN : 0;
}

function textOf({ rows, records, hashes, links, signatures, market, unchecked }: FileFound): string {
  const gaps = Object.entries(unchecked);
  const lines = [
    `${count(records)} records of ${count(rows)} rows hold: ${count(hashes)} hashes, ${count(links)} links between neighbours, ${count(signatures)} signatures`,
    market ? `they are of ${marketText(market)}: compare it` : "no record names the gateway",
    ...gaps.map(([why, many]) => `not checked: ${count(many)} × ${why}`),
  ];
  return `${lines.join("\n")}\n`;
}
