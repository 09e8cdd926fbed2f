/** `hirewire demo`: reads its options and plays the demo. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Clock } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import { nothingElse, parseArguments } from "../arguments.ts";
import { runDemo } from "./demo.ts";
import type { DemoIo } from "./report.ts";

const HELP = `hirewire demo [--stay] [--map FILE [--scen FILE]] [--queries N] [--batch N] [--data DIR] [--json]

A chain, a gateway, a requester, two providers and a board on a serial line, each a process of its own.
  --map FILE     MovingAI .map, or ROS map_server .yaml with its .pgm (also .pgm.gz); a generated warehouse without it
  --scen FILE    MovingAI queries with published optimal lengths, for a .map
  --queries N    paths to plan, the last one by the board (default 32; 100 with --map)
  --batch N      paths in one offer (default 1; 10 with --map)
  --seed N       of the generated warehouse and of random queries (default 1)
  --stay         goes on making tasks after its summary, with the page open, until Ctrl-C
  --data DIR     where to keep journal and blobs (default .hirewire/demo-TIME)
  --json         one JSON line for each event; the last one has kind "summary"
`;

/** What the demo has of the world. */
export type DemoPorts = {
  readonly clock: Clock;
  /** `PATH` says where programs are looked for. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ends the demo early. */
  readonly stopSignal: () => AbortSignal;
};

/**
 * Runs `hirewire demo …` and gives its exit code: 0 when every figure agrees, 1 when one does not, 130 when it was stopped.
 *
 * @param args - what stands after `demo`
 * @throws {@link Fault} `usage`, and what any part of a market can throw
 */
export async function demoCommand(args: string[], io: DemoIo, ports: DemoPorts): Promise<number> {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const options = {
    ...{ map: text, scen: text, queries: text, batch: text, seed: text, data: text },
    ...{ stay: flag, json: flag, help: { type: "boolean", short: "h" } as const },
  };
  const { values, positionals } = parseArguments("hirewire demo", args, options);
  if (values.help) {
    io.write(HELP);
    return 0;
  }
  nothingElse("hirewire demo", positionals);
  for (const file of [values.map, values.scen]) {
    if (file && !existsSync(file)) throw new Fault("usage", `there is no file ${file}`);
  }
  const name = `demo-${new Date(ports.clock.now()).toISOString().replace(/[:.]/g, "-")}`;
  return await runDemo({
    folder: resolve(values.data ?? join(".hirewire", name)),
    json: values.json === true,
    map: values.map ?? null,
    scen: values.scen ?? null,
    queries: count(values.queries, "queries", values.map ? 100 : 32),
    batch: count(values.batch, "batch", values.map ? 10 : 1),
    seed: count(values.seed, "seed", 1),
    stay: values.stay === true,
    path: ports.env["PATH"] ?? "",
    clock: ports.clock,
    io,
    signal: ports.stopSignal(),
  });
}

function count(text: string | undefined, name: string, fallback: number): number {
  const value = text === undefined ? fallback : Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new Fault("usage", `--${name} takes a whole number from 1 on`);
  return value;
}
