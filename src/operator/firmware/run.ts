/** `hirewire firmware run`: one run on this machine, with the verdict, the bill and the output's hash. */
import type { ParseArgsConfig } from "node:util";
import type { Hex } from "../../base/bytes.ts";
import { Fault } from "../../base/fault.ts";
import { type Amount, amount, formatAmount } from "../../base/money.ts";
import type { Executor, Verdict } from "../../firmware/executor.ts";
import { sha256 } from "../../kernels/digest.ts";
import { MAX_FUEL, MAX_RATE, type MemoryClass, priceOf, RUN_VERDICTS } from "../../protocol/fuel.ts";
import { parseArguments } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import { memoryClass, wholeNumber } from "../numbers.ts";
import { withExecutor } from "../own-executor.ts";
import { examine, plural, row } from "./examine.ts";
import { runHintOf } from "./hints.ts";
import type { FirmwarePorts } from "./ports.ts";
import { MAX_BYTES, onlyFile, readBytes, refuseToOverwrite, writeBytes } from "./source.ts";
import type { Streams } from "./streams.ts";
import { exitCodeOf, VERDICT_HELP } from "./verdicts.ts";

const OPTIONS = {
  input: { type: "string" },
  text: { type: "string" },
  output: { type: "string" },
  raw: { type: "boolean" },
  fuel: { type: "string", default: "1e12" },
  deadline: { type: "string", default: "30" },
  "max-output": { type: "string", default: `${MAX_BYTES}` },
  memory: { type: "string", default: "64" },
  rate: { type: "string" },
  "token-decimals": { type: "string", default: "6" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

type Values = ReturnType<typeof parseArguments<typeof OPTIONS>>["values"];

export const RUN_HELP = `hirewire firmware run FILE.wasm --input FILE|- | --text TEXT
                      [--output FILE] [--raw] [--fuel 1e12] [--deadline 30]
                      [--max-output BYTES] [--memory 64] [--rate R] [--json]

Runs a module once, as a provider does: metered, without files, network or
clock, in a process that is killed at the deadline. Says verdict, fuel, time and
the output's hash; fuel and output are the same on every machine.

  --input FILE        the input; - is standard input
  --text TEXT         the input, as UTF-8
  --output FILE       write the output there; without it, it goes to standard
                      output unless that is a terminal, and the report to
                      standard error
  --raw               to standard output even on a terminal
  --fuel N            the fuel limit (1e12)
  --deadline SECONDS  when it is killed (30)
  --max-output BYTES  the longest output (67108864)
  --memory MIB        the memory class that the offer pays: 1, 16 or 64 (64)
  --rate R            atomic units per 10^12 fuel, for the price: see hirewire
                      price suggest
  --token-decimals N  of the price (6)
  --json              one object instead of the report, the output in --output
                      only: { verdict, reason, hint, fuel, fuelLimit, wallMs,
                      output: { bytes, sha256 }, price }

${VERDICT_HELP}`;

/** What was asked for. */
type Request = {
  readonly fuelLimit: number;
  readonly wallMs: number;
  readonly maxOutput: number;
  readonly memoryMiB: MemoryClass;
  readonly rate: Amount | null;
  readonly tokenDecimals: number;
};

/** How it ended; fields that do not apply are null. */
type Report = {
  readonly verdict: Verdict;
  readonly reason: string | null;
  readonly hint: string | null;
  readonly fuel: number;
  readonly fuelLimit: number;
  readonly wallMs: number;
  readonly output: { readonly bytes: number; readonly sha256: Hex } | null;
  /** Null also where nothing is billed. */
  readonly price: Amount | null;
};

/**
 * Gives the exit code of the verdict.
 *
 * @param args - what stands after `firmware run`
 * @throws {@link Fault} `usage`, `disk_failed`, `executor_died`
 */
export async function runFirmware(
  args: readonly string[],
  io: CommandIo,
  ports: FirmwarePorts,
): Promise<number> {
  const { values, positionals } = parseArguments("hirewire firmware run", args, OPTIONS);
  if (values.help) {
    io.write(RUN_HELP);
    return 0;
  }
  const file = onlyFile("hirewire firmware run FILE.wasm --input FILE", positionals);
  const request = readRequest(values);
  if (values.output !== undefined) {
    const sources = [file, ...(values.input === undefined || values.input === "-" ? [] : [values.input])];
    await refuseToOverwrite("--output", values.output, sources);
  }
  const module = await readBytes(file);
  const input = await readInput(values, ports.streams);
  const { report, output } = await withExecutor(ports, (executor) =>
    attempt(executor, module, input, request),
  );
  if (values.output !== undefined && output !== null) await writeBytes(values.output, output);
  if (values.json) {
    io.write(`${JSON.stringify({ ...report, price: report.price?.toString() ?? null })}\n`);
  } else if (values.output === undefined && (values.raw === true || !io.isTerminal)) {
    if (output !== null) ports.streams.write(output);
    io.warn(reportText(report, request));
  } else {
    io.write(reportText(report, request));
    if (output !== null && values.output === undefined) io.write(shown(output));
  }
  return exitCodeOf(report.verdict);
}

function readRequest(values: Values): Request {
  const { rate } = values;
  if (rate !== undefined && !(/^\d{1,29}$/.test(rate) && BigInt(rate) <= MAX_RATE)) {
    throw new Fault("usage", `--rate takes atomic units per 10^12 fuel, 0 to ${MAX_RATE}, not "${rate}"`);
  }
  return {
    fuelLimit: wholeNumber(values.fuel, "--fuel", 1, MAX_FUEL),
    wallMs: wholeNumber(values.deadline, "--deadline", 1, 86_400) * 1_000,
    maxOutput: wholeNumber(values["max-output"], "--max-output", 0, MAX_BYTES),
    memoryMiB: memoryClass(values.memory, "--memory"),
    rate: rate === undefined ? null : amount(BigInt(rate)),
    tokenDecimals: wholeNumber(values["token-decimals"], "--token-decimals", 0, 18),
  };
}

async function readInput({ input, text }: Values, streams: Streams): Promise<Uint8Array> {
  if ((input === undefined) === (text === undefined)) {
    throw new Fault(
      "usage",
      "give the input once: --input FILE, --input - for standard input, or --text TEXT",
    );
  }
  if (text !== undefined) return new TextEncoder().encode(text);
  return input === "-" || input === undefined ? await streams.read() : await readBytes(input);
}

/** Judged first, so that a rejection is named and nothing of the wrong memory class is run. */
async function attempt(
  executor: Executor,
  module: Uint8Array,
  input: Uint8Array,
  request: Request,
): Promise<{ report: Report; output: Uint8Array | null }> {
  const { fuelLimit, wallMs, maxOutput, memoryMiB, rate } = request;
  const nothing = { reason: null, hint: null, fuel: 0, fuelLimit, wallMs: 0, output: null, price: null };
  const examination = await examine(executor, module);
  if (examination.verdict !== "ok") {
    const { verdict, rejection, hint } = examination;
    const reason = rejection === null ? examination.reason : `${rejection}: ${examination.reason}`;
    return { report: { ...nothing, verdict, reason, hint }, output: null };
  }
  if (examination.memoryMiB > memoryMiB) {
    const reason = `it may use ${examination.pages} pages: memory class ${examination.memoryMiB} MiB, not ${memoryMiB}`;
    const hint = `--memory ${examination.memoryMiB}, or declare a lower maximum`;
    return { report: { ...nothing, verdict: "rejected", reason, hint }, output: null };
  }
  const result = await executor.run({ firmware: module, input, fuelLimit, wallMs, maxOutput });
  const { verdict, fuel } = result;
  const output = verdict === "ok" ? result.output : null;
  const report: Report = {
    verdict,
    reason: verdict === "ok" ? null : result.reason,
    hint: verdict === "ok" ? null : runHintOf(verdict, result.reason),
    fuel,
    fuelLimit,
    wallMs: result.wallMs,
    output: output && { bytes: output.length, sha256: sha256(output) },
    price: rate !== null && isBilled(verdict) ? priceOf(rate, fuel) : null,
  };
  return { report, output };
}

function isBilled(verdict: Verdict): boolean {
  return RUN_VERDICTS.some((billed) => billed === verdict);
}

function reportText(report: Report, { rate, tokenDecimals }: Request): string {
  const { verdict, reason, hint, fuel, fuelLimit, wallMs, output, price } = report;
  const lines = [row("verdict", reason === null ? verdict : `${verdict}: ${reason}`)];
  if (hint !== null) lines.push(row("hint", hint));
  if (isBilled(verdict)) {
    lines.push(row("fuel", `${fuel.toLocaleString("en-US")} of ${fuelLimit.toLocaleString("en-US")}`));
  }
  lines.push(row("time", `${Math.round(wallMs).toLocaleString("en-US")} ms`));
  if (output !== null) lines.push(row("output", `${plural(output.bytes, "byte")}, SHA-256 ${output.sha256}`));
  if (price !== null)
    lines.push(row("price", `${formatAmount(price, tokenDecimals)} USDT at the rate ${rate}`));
  else if (rate !== null) lines.push(row("price", "nothing: this verdict is not billed"));
  return `${lines.join("\n")}\n`;
}

/** Longest text that a terminal is shown, bytes. */
const MOST_SHOWN = 4_096;

/** The output where it is text that cannot steer the terminal, else what to do to have it. */
function shown(output: Uint8Array): string {
  if (output.length === 0) return "";
  if (output.length <= MOST_SHOWN) {
    const text = new TextDecoder().decode(output);
    if (!/[^\P{C}\t\n]|\uFFFD/u.test(text)) return `${text}${text.endsWith("\n") ? "" : "\n"}`;
  }
  return "the output is not shown: --output FILE keeps it\n";
}
