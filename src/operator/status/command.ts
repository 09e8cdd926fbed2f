/** `hirewire status`: the first screen of a running gateway, in 24 lines. */
import type { ParseArgsConfig } from "node:util";
import type { Clock } from "../../base/clock.ts";
import { Fault, isFault } from "../../base/fault.ts";
import { type Overview, PERIODS } from "../api/overview.ts";
import { parseArguments } from "../arguments.ts";
import { askDesk, dataFolder, WHERE_HELP, WHERE_OPTIONS, type WherePorts } from "../control/ask.ts";
import type { CommandIo } from "../io.ts";
import { statusText } from "../overview/status-text.ts";
import { LANGUAGES, type Language } from "../overview/words.ts";

const OPTIONS = {
  ...WHERE_OPTIONS,
  period: { type: "string", default: "day" },
  language: { type: "string" },
  watch: { type: "boolean" },
  quiet: { type: "boolean", short: "q" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

const STATUS_HELP = `hirewire status [--watch] [--period day] [--language en] [--quiet] [--json]

The first screen of a running gateway: is it working, what did it earn, is the
money safe, what needs you.

  --watch        draws it again every two seconds until Ctrl-C
  --period P     day (since midnight here), week, month or all
  --language L   en or zh; by default what LC_ALL or LANG says
  --quiet        prints nothing: exit code 0 when it works and nothing is
                 urgent, 1 when it was halted or stopped or something is,
                 4 when no gateway answers
${WHERE_HELP}  --json         one object, as GET /api/v1/overview; with --watch one a line
`;

/** Between two drawings, milliseconds. */
const AGAIN_MS = 2_000;

/** Moves the cursor home and clears the screen. */
const CLEAR = "\x1b[H\x1b[2J";

export type StatusPorts = WherePorts & {
  readonly clock: Pick<Clock, "now" | "sleep">;
  /** Aborts at Ctrl-C. */
  readonly stopSignal: () => AbortSignal;
  readonly env: Readonly<Record<string, string | undefined>>;
};

type Look = {
  readonly folder: string;
  readonly period: (typeof PERIODS)[number];
  readonly language: Language;
  readonly isJson: boolean;
};

/**
 * Runs `hirewire status …` and gives its exit code: 0; with `--quiet` 1 when something is urgent.
 *
 * @param args - what stands after `status`
 * @throws {@link Fault} `usage`, `config_missing`, `config_syntax`; `link_lost` when no gateway answers
 */
export async function statusCommand(args: string[], io: CommandIo, ports: StatusPorts): Promise<number> {
  const { values, positionals } = parseArguments("hirewire status", args, OPTIONS);
  if (values.help) {
    io.write(STATUS_HELP);
    return 0;
  }
  if (positionals.length > 0) throw new Fault("usage", "expected nothing but options after hirewire status");
  if (values.quiet && values.watch) throw new Fault("usage", "--quiet says nothing: leave --watch away");
  const look: Look = {
    folder: dataFolder(values, ports),
    period: oneOf(PERIODS, values.period, "--period"),
    language: languageOf(values.language, ports.env),
    isJson: values.json === true,
  };
  const seen = await ask(look, ports.clock);
  if (values.quiet) return isWell(seen) ? 0 : 1;
  draw(seen, look, io, values.watch === true && io.isTerminal);
  if (values.watch) await watch(look, io, ports);
  return 0;
}

/** Draws it again and again; a gateway that is away meanwhile is told, and may come back. */
async function watch(look: Look, io: CommandIo, { clock, stopSignal }: StatusPorts): Promise<void> {
  const signal = stopSignal();
  while (!signal.aborted) {
    await clock.sleep(AGAIN_MS, signal).catch(() => undefined);
    if (signal.aborted) return;
    try {
      draw(await ask(look, clock), look, io, io.isTerminal);
    } catch (fault) {
      if (!isFault(fault, "link_lost")) throw fault;
      io.warn(`${fault.message}\n`);
    }
  }
}

function ask({ folder, period }: Look, clock: Pick<Clock, "now">): Promise<Overview> {
  const offset = -new Date(clock.now()).getTimezoneOffset();
  return askDesk(folder, "overview", {}, { period, offset });
}

function draw(seen: Overview, { period, language, isJson }: Look, io: CommandIo, isScreen: boolean): void {
  if (isJson) io.write(`${JSON.stringify(seen)}\n`);
  else io.write(`${isScreen ? CLEAR : ""}${statusText(seen, language, period, io.columns)}`);
}

function isWell({ state, alerts }: Overview): boolean {
  return state === "working" && alerts.every(({ severity }) => severity !== "page");
}

function languageOf(typed: string | undefined, env: StatusPorts["env"]): Language {
  if (typed !== undefined) return oneOf(LANGUAGES, typed, "--language");
  const set = env["LC_ALL"] || env["LC_MESSAGES"] || env["LANG"] || "";
  return set.startsWith("zh") ? "zh" : "en";
}

function oneOf<Word extends string>(words: readonly Word[], typed: string, option: string): Word {
  const found = words.find((word) => word === typed);
  if (found !== undefined) return found;
  throw new Fault("usage", `${option} takes ${words.join(", ")}, not "${typed}"`);
}
