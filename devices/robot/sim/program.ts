/** What the simulated devices share as programs: options in, JSON lines out, and an end when their parent ends. */
import { parseArgs } from "node:util";
import { Fault } from "../../../src/base/fault.ts";
import type { RobotEvent } from "../events.ts";
import type { Robot } from "../robot.ts";

/** One JSON line on standard output; amounts as decimal text of atomic units. */
export function say(kind: string, what: Readonly<Record<string, unknown>> = {}): void {
  const text = JSON.stringify({ kind, ...what }, (_, value) =>
    typeof value === "bigint" ? value.toString() : value,
  );
  process.stdout.write(`${text}\n`);
}

/** `--name value` options; those without a default must be given. */
export function readOptions<T extends Record<string, string | null>>(
  defaults: T,
): { [K in keyof T]: string } {
  const options = Object.fromEntries(
    Object.keys(defaults).map((name) => [name, { type: "string" as const }]),
  );
  const { values } = parseArgs({ options });
  const read = Object.entries(defaults).map(([name, fallback]) => {
    const value = values[name] ?? fallback;
    if (typeof value !== "string") throw new Fault("usage", `--${name} is needed`);
    return [name, value];
  });
  return Object.fromEntries(read);
}

/** Tells the parent what becomes of the robot's sessions and money. */
export function sayEvents(robot: Robot): void {
  robot.listen((event: RobotEvent) => {
    if (event.kind === "connected") say("connected", { device: robot.address });
    if (event.kind === "disconnected") say("disconnected", { reason: event.reason });
    if (event.kind === "payment") {
      const { task, role, amount, cumulative } = event;
      say("payment", { task, role, amount, cumulative });
    }
    if (event.kind === "breached" || event.kind === "gatewayOverdue") say(event.kind, { ...event });
    if (event.kind === "refusal") say("refusal", { ...event.refusal });
    if (event.kind === "fault") say("fault", { message: String(event.error) });
  });
}

/** Aborts when the parent asks or is gone: a simulated device must not outlive its demo. */
function untilParentEnds(): AbortSignal {
  const ending = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => ending.abort());
  process.stdout.on("error", () => ending.abort());
  process.stdin.resume();
  process.stdin.once("end", () => ending.abort());
  process.stdin.once("error", () => ending.abort());
  return ending.signal;
}

/** Runs a program to its end; a fault is one JSON line and exit code 1. */
export async function runProgram(program: (ending: AbortSignal) => Promise<void>): Promise<void> {
  const ending = untilParentEnds();
  try {
    await program(ending);
  } catch (error) {
    if (!ending.aborted) {
      say("failed", { message: error instanceof Error ? error.message : String(error) });
      process.exitCode = 1;
    }
  }
  process.stdin.destroy();
}
