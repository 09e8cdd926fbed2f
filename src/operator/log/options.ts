/** What was asked on the command line of `hirewire log`. */
import type { ParseArgsConfig, parseArgs } from "node:util";
import { Fault } from "../../base/fault.ts";
import { FACT_KINDS, type FactKind } from "../../protocol/facts.ts";
import { parseArguments, unknownWord } from "../arguments.ts";

/** The newest so many lines, or all within so many milliseconds. */
type Span = { readonly lines: number } | { readonly ms: number };

export type ListOptions = {
  readonly span: Span | null;
  /** A name or an address, as typed. */
  readonly device: string | null;
  /** Empty for all kinds. */
  readonly kinds: ReadonlySet<FactKind>;
  readonly format: "text" | "json" | "csv";
};

export type LogRequest =
  | { readonly view: "help" }
  | { readonly view: "list"; readonly data: string; readonly list: ListOptions }
  | { readonly view: "show"; readonly data: string; readonly index: number; readonly json: boolean }
  | { readonly view: "verify"; readonly data: string; readonly json: boolean };

const OPTIONS = {
  data: { type: "string" },
  last: { type: "string" },
  device: { type: "string" },
  kind: { type: "string", multiple: true },
  json: { type: "boolean" },
  csv: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

type LogValues = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>["values"];

const VIEWS = ["show", "verify"] as const;

export const HELP = `hirewire log [--last 50|1h|7d] [--device NAME|ADDRESS] [--kind KIND]... [--json|--csv]
hirewire log show N [--json]
hirewire log verify [--json]

Lists what has happened, one line per fact; shows the whole life of the task in
entry N; verifies every hash and signature of the journal (exit 3 if one fails).

  --data DIR     the gateway's folder
  --last SPAN    the newest so many lines, or a period: 90s, 15m, 1h, 7d, 2w
                 (default: 50 lines; everything with --json and --csv)
  --device NAME  only what concerns this device, with what it earned and spent
  --kind KIND    only this kind, repeatable: ${wrapped(FACT_KINDS)}
  --json         JSON Lines: every field, amounts in atomic units inside "fact"
  --csv          RFC 4180, times in UTC
`;

function wrapped(words: readonly string[]): string {
  let column = 44;
  return words
    .map((word) => {
      column += word.length + 2;
      if (column <= 79) return word;
      column = 17 + word.length + 2;
      return `\n${" ".repeat(17)}${word}`;
    })
    .join(", ")
    .replaceAll(", \n", ",\n");
}

/**
 * Reads the arguments after `log`.
 *
 * @param defaultData - the gateway's folder where `--data` is not given
 * @throws {@link Fault} `usage`
 */
export function parseLogRequest(args: readonly string[], defaultData: string | null): LogRequest {
  const { values, positionals } = parseArguments("hirewire log", args, OPTIONS);
  if (values.help) return { view: "help" };
  const [view, ...rest] = positionals;
  const data = values.data ?? defaultData;
  if (data === null) throw usage("name the gateway's folder with --data DIR");
  if (view === undefined) return { view: "list", data, list: listOptions(values) };
  const known = VIEWS.find((name) => name === view);
  if (!known) throw unknownWord("hirewire log", "view", view, VIEWS);
  for (const option of ["last", "device", "kind", "csv"] as const) {
    if (values[option] !== undefined) throw usage(`--${option} goes with hirewire log alone`);
  }
  const json = values.json === true;
  if (known === "verify" && rest.length === 0) return { view: known, data, json };
  if (known === "show" && rest.length === 1) return { view: known, data, json, index: entryIndex(rest[0]) };
  throw usage(known === "show" ? "expected one entry: hirewire log show N" : "expected hirewire log verify");
}

function listOptions(values: LogValues): ListOptions {
  if (values.json && values.csv) throw usage("--json and --csv exclude each other");
  const format = values.json ? "json" : values.csv ? "csv" : "text";
  const kinds = new Set((values.kind ?? []).flatMap((text) => text.split(",")).map(factKind));
  const span = values.last === undefined ? null : parseSpan(values.last);
  return {
    span: span ?? (format === "text" ? { lines: 50 } : null),
    device: values.device ?? null,
    kinds,
    format,
  };
}

const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;

function parseSpan(text: string): Span {
  const [, digits, unit] = /^([1-9]\d{0,8})([smhdw]?)$/.exec(text) ?? [];
  if (digits === undefined)
    throw usage(`--last takes a count or a period such as 50, 1h or 7d, not "${text}"`);
  return unit ? { ms: Number(digits) * UNIT_MS[unit as keyof typeof UNIT_MS] } : { lines: Number(digits) };
}

function factKind(text: string): FactKind {
  const kind = FACT_KINDS.find((name) => name === text);
  if (!kind) throw unknownWord("hirewire log", "kind", text, FACT_KINDS);
  return kind;
}

function entryIndex(text: string | undefined): number {
  if (text === undefined || !/^[1-9]\d{0,14}$/.test(text)) {
    throw usage(`an entry is named by its number, from 1 on, not "${text}"`);
  }
  return Number(text);
}

/** The fault of a mistyped command line, for the caller to throw; `message` says what was expected. */
export function usage(message: string, cause?: unknown): Fault {
  return new Fault("usage", message, { cause });
}
