/** `hirewire drain`: leaves a key or a vault behind, lane by lane. */
import type { ParseArgsConfig } from "node:util";
import { Fault } from "../../base/fault.ts";
import { parseArguments } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import { type CommandPorts, DEFAULT_CONFIG } from "../settings.ts";
import { askGateway } from "./client.ts";

const OPTIONS = {
  config: { type: "string", default: DEFAULT_CONFIG },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

const HELP = `hirewire drain [--json] [--config gateway.toml]

Makes the running gateway ready to be left behind, for a new key or a newer vault:
takes no new offers, gives devices their credit back on their lanes, claims what
it is owed, and closes all of its own lanes. What devices have is claimed for them.

Run it again until it says that nothing is left; closing takes each lane's window.
Meanwhile a second gateway, with its own folder, port and key or vault, serves the
same devices. Then hirewire withdraw takes what is in the old vault.

  --config FILE  the gateway's settings (gateway.toml)
  --json         one object: { openTasks, unclaimedLanes, credit, held, owed, openLanes, closing }
`;

/**
 * Runs `hirewire drain …` and gives its exit code, 0.
 *
 * @param args - what stands after `drain`
 * @throws {@link Fault} `usage`, `config_missing`, `config_syntax`, `link_lost` when no gateway runs; whatever settling
 * throws
 */
export async function drainCommand(args: string[], io: CommandIo, ports: CommandPorts): Promise<number> {
  const { values, positionals } = parseArguments("hirewire drain", args, OPTIONS);
  if (values.help) {
    io.write(HELP);
    return 0;
  }
  if (positionals.length > 0) throw new Fault("usage", "expected nothing after hirewire drain");
  const { data } = ports.readConfig(values.config);
  const found = await askGateway(data, { do: "drain" });
  if (!found) throw new Fault("link_lost", "no gateway runs on this folder: start it with hirewire run");
  if (values.json) {
    io.write(`${JSON.stringify(found)}\n`);
    return 0;
  }
  const { openTasks, openLanes, closing, unclaimedLanes, credit } = found;
  if (openTasks !== 0) io.write(`${openTasks} tasks are still open: run this again when they are over\n`);
  else io.write(`${closing} lanes are closing now, ${openLanes} are not closed yet\n`);
  io.write(`${unclaimedLanes} lanes have unclaimed vouchers, devices have ${credit} of credit left\n`);
  const isDone = openTasks === 0 && openLanes === 0 && unclaimedLanes === 0 && Number(credit) === 0;
  if (isDone) io.write("nothing is left: hirewire withdraw all --to ADDRESS\n");
  return 0;
}
