/** The command line of `hirewire journal verify`: a folder's whole journal, or the records in an export. */
import { type Clock, systemClock } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import { parseArguments, unknownWord } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import { type FileFound, marketText, verifyExport } from "./export-file.ts";
import { BROKEN, count, walkFolder } from "./walk-folder.ts";

const OPTIONS = {
  data: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

const HELP = `hirewire journal verify [FILE.jsonl | --data DIR] [--json]

Recomputes every hash of the journal, its chain, its books and every signature;
beside a running gateway too. Exit 3 names the first entry that does not hold.

With a file, the JSON Lines export of the settlement log: each record's hash, the
chain where two records stand next to each other, and the signatures whose terms
are in the file; it says how many are not.

  --data DIR   the gateway's folder
  --json       one JSON object
`;

/** Records of a file between two lines of progress. */
const PROGRESS = 10_000;

/**
 * Runs `hirewire journal …` and gives its exit code: 0, or 3 when something does not hold.
 *
 * @param args - what stands after `journal`
 * @param defaultData - the gateway's folder where neither a file nor `--data` is given
 * @throws {@link Fault} `usage`, `config_missing`, `file_format`, `disk_failed`
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
  if (verb === undefined) throw new Fault("usage", "expected hirewire journal verify [FILE.jsonl]");
  if (verb !== "verify") throw unknownWord("hirewire journal", "verb", verb, ["verify"]);
  if (rest.length > 0 || (file !== undefined && values.data !== undefined)) {
    throw new Fault("usage", "hirewire journal verify takes one file, or one folder with --data");
  }
  const json = values.json === true;
  if (file !== undefined) return await verifyFile(file, json, io);
  const data = values.data ?? defaultData;
  if (data === null) throw new Fault("usage", "name the gateway's folder with --data DIR");
  return await walkFolder(data, json, io, clock);
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
