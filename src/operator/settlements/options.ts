/** What was asked on the command line of `hirewire settlements`. */
import type { ParseArgsConfig, parseArgs } from "node:util";
import { Fault } from "../../base/fault.ts";
import {
  type ExportFormat,
  MOVEMENTS,
  SETTLEMENT_STATES,
  type SettlementFilter,
  settlementFilter,
} from "../api/settlement.ts";
import { parseArguments, unknownWord } from "../arguments.ts";
import { WHERE_HELP, WHERE_OPTIONS } from "../control/ask.ts";
import { wholeNumber } from "../numbers.ts";

const FORMATS = ["csv", "jsonl", "ledger"] as const satisfies readonly ExportFormat[];

const OPTIONS = {
  ...WHERE_OPTIONS,
  last: { type: "string" },
  from: { type: "string" },
  to: { type: "string" },
  device: { type: "string" },
  kind: { type: "string" },
  firmware: { type: "string" },
  counterparty: { type: "string" },
  status: { type: "string" },
  min: { type: "string" },
  text: { type: "string" },
  limit: { type: "string", default: "50" },
  before: { type: "string" },
  json: { type: "boolean" },
  csv: { type: "boolean" },
  jsonl: { type: "boolean" },
  ledger: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>["values"];

export const SETTLEMENTS_HELP = `hirewire settlements [--last 1w] [--device NAME] [--kind KIND] [--json | --csv | --jsonl | --ledger]
hirewire settlements show N [--json]

Every movement of money as one row, newest first, with the sums of all rows that
the filter takes. show tells the whole story behind row N.

  --last SPAN    the newest period: 90s, 15m, 1h, 7d, 2w, or 1day, 1week
  --from, --to   a period by its ends: 2026-11-22 or 2026-11-22T10:00 (UTC)
  --device NAME  name or address; --counterparty NAME likewise
  --kind KIND    ${MOVEMENTS.join(", ")}
  --firmware F   name, or hash or the first digits of it
  --status S     ${SETTLEMENT_STATES.join(", ")}
  --min AMOUNT   the least amount, such as 0.25
  --text TEXT    part of a name, the first digits of a task or a transaction, or
                 the number of an entry
  --limit N      at most so many rows (50); --before N goes on where a list ended
${WHERE_HELP}  --json         one object, as GET /api/v1/settlements
  --csv          every row of the filter, oldest first: RFC 4180, times in UTC
  --jsonl        JSON Lines with the journal's records, for journal verify
  --ledger       a plain-text ledger for hledger and beancount
`;

export type SettlementsRequest = { readonly data?: string; readonly config?: string } & (
  | { readonly view: "help" }
  | { readonly view: "show"; readonly sequence: number; readonly json: boolean }
  | { readonly view: "export"; readonly filter: SettlementFilter; readonly format: ExportFormat }
  | {
      readonly view: "list";
      readonly filter: SettlementFilter;
      readonly limit: number;
      readonly before: number | undefined;
      readonly json: boolean;
    }
);

const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;

/**
 * Reads the arguments after `settlements`.
 *
 * @param now - the time that `--last` ends at, milliseconds since 1970
 * @throws {@link Fault} `usage`
 */
export function parseSettlementsRequest(args: readonly string[], now: number): SettlementsRequest {
  const { values, positionals } = parseArguments("hirewire settlements", args, OPTIONS);
  const { data, config } = values;
  const where = { ...(data === undefined ? {} : { data }), ...(config === undefined ? {} : { config }) };
  if (values.help) return { ...where, view: "help" };
  const [word, typed, ...rest] = positionals;
  const json = values.json === true;
  if (word === "show" && typed !== undefined && rest.length === 0) {
    return { ...where, view: "show", sequence: placeOf(typed, "show"), json };
  }
  if (word !== undefined) throw usage("expected hirewire settlements, or hirewire settlements show N");
  const formats = FORMATS.filter((name) => values[name] === true);
  if (formats.length + (json ? 1 : 0) > 1)
    throw usage("--json, --csv, --jsonl and --ledger exclude each other");
  const filter = filterOf(values, now);
  const [format] = formats;
  if (format) return { ...where, view: "export", filter, format };
  const limit = wholeNumber(values.limit, "--limit", 1, 500);
  const before = values.before === undefined ? undefined : placeOf(values.before, "--before");
  return { ...where, view: "list", filter, limit, before, json };
}

function filterOf(values: Values, now: number): SettlementFilter {
  const { last, from, to, device, firmware, counterparty, min, text } = values;
  if (last !== undefined && (from !== undefined || to !== undefined)) {
    throw usage("give --last, or --from and --to");
  }
  const asked = {
    from: last === undefined ? from && timeOf(from, "--from") : now - spanOf(last),
    to: to && timeOf(to, "--to"),
    kind: values.kind && oneOf(MOVEMENTS, values.kind, "kind"),
    status: values.status && oneOf(SETTLEMENT_STATES, values.status, "status"),
    ...{ device, firmware, counterparty, min, text },
  };
  const found = settlementFilter.safeParse(asked);
  if (found.success) return found.data;
  const [issue] = found.error.issues;
  throw usage(`--${String(issue?.path[0] ?? "filter")} cannot be read: ${issue?.message ?? ""}`);
}

function oneOf<T extends string>(known: readonly T[], typed: string, sort: string): T {
  const found = known.find((one) => one === typed);
  if (found === undefined) throw unknownWord("hirewire settlements", sort, typed, known);
  return found;
}

function spanOf(text: string): number {
  const words = /^([1-9]\d{0,5}) ?(?:([smhdw])|(second|minute|hour|day|week)s?)$/.exec(text);
  const unit = (words?.[2] ?? words?.[3]?.charAt(0)) as keyof typeof UNIT_MS | undefined;
  if (words && unit) return Number(words[1]) * UNIT_MS[unit];
  throw usage(`--last takes a period such as 15m, 1h, 7d or 1week, not "${text}"`);
}

function timeOf(text: string, option: string): number {
  const isTime = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)?)?$/.test(text);
  const hasZone = /(Z|[+-]\d\d:\d\d)$/.test(text) || !text.includes("T");
  const ms = isTime ? Date.parse(hasZone ? text : `${text}Z`) : Number.NaN;
  if (Number.isNaN(ms)) throw usage(`${option} takes a time such as 2026-11-22T10:00, not "${text}"`);
  return ms;
}

function placeOf(text: string, option: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw usage(`${option} takes the number of a row, from 1 on, not "${text}"`);
}

function usage(message: string): Fault {
  return new Fault("usage", message);
}
