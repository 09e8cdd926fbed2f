/** `hirewire lanes`: the lanes of a running gateway, as it sees them. */
import type { ParseArgsConfig } from "node:util";
import { Fault } from "../../base/fault.ts";
import { LANE_DIRECTIONS, type LaneRow } from "../api/lane.ts";
import { parseArguments } from "../arguments.ts";
import { askDesk, dataFolder, WHERE_HELP, WHERE_OPTIONS, type WherePorts } from "../control/ask.ts";
import type { CommandIo } from "../io.ts";
import { table } from "../overview/columns.ts";

const OPTIONS = {
  ...WHERE_OPTIONS,
  direction: { type: "string" },
  state: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

const STATES = ["open", "closing", "unfunded"] as const;

const LANES_HELP = `hirewire lanes [DEVICE] [--direction incoming|outgoing] [--state open] [--json]

The lanes of a running gateway, first those that close, then those with most to
claim. hirewire lane list reads the chain itself, running gateway or not.

  incoming   from the device, on which it pays for tasks
  outgoing   to the device, on which it is paid
  unsettled  signed, and not yet claimed on the chain
  room       deposited, and not yet signed

  --direction D  only these
  --state S      open, closing or unfunded
${WHERE_HELP}  --json         JSON Lines, one lane each, amounts as decimal text
`;

const HEADS = [
  "device",
  "direction",
  "state",
  "deposit",
  "signed",
  "settled",
  "unsettled",
  "room",
  "closes at",
];

/**
 * Runs `hirewire lanes …` and gives its exit code, 0.
 *
 * @param args - what stands after `lanes`
 * @throws {@link Fault} `usage`, `config_missing`, `config_syntax`; `link_lost` when no gateway answers
 */
export async function lanesCommand(args: string[], io: CommandIo, ports: WherePorts): Promise<number> {
  const { values, positionals } = parseArguments("hirewire lanes", args, OPTIONS);
  if (values.help) {
    io.write(LANES_HELP);
    return 0;
  }
  const [device, ...rest] = positionals;
  if (rest.length > 0) throw new Fault("usage", "expected at most one device: hirewire lanes DEVICE");
  const direction = values.direction && among(LANE_DIRECTIONS, values.direction, "--direction");
  const state = values.state && among(STATES, values.state, "--state");
  const folder = dataFolder(values, ports);
  const { lanes } = await askDesk(folder, "lanes", {}, { device, direction, state });
  if (values.json) for (const row of lanes) io.write(`${JSON.stringify(row)}\n`);
  else if (lanes.length === 0) io.write("there is no such lane\n");
  else for (const line of table([HEADS, ...lanes.map(cells)], [3, 4, 5, 6, 7])) io.write(`${line}\n`);
  return 0;
}

function cells({ device, direction, state, closesAt, ...amounts }: LaneRow): string[] {
  const { deposit, signed, settled, unsettled, room } = amounts;
  const end = closesAt === null ? "-" : new Date(closesAt).toISOString();
  return [device.name ?? device.address, direction, state, deposit, signed, settled, unsettled, room, end];
}

function among<Word extends string>(words: readonly Word[], typed: string, option: string): Word {
  const found = words.find((word) => word === typed);
  if (found !== undefined) return found;
  throw new Fault("usage", `${option} takes ${words.join(", ")}, not "${typed}"`);
}
