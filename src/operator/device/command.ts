/** The command line of `hirewire device`. */
import { Fault } from "../../base/fault.ts";
import { unknownWord } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import type { CommandPorts } from "../settings.ts";
import { ADD_HELP, addDevice } from "./add.ts";
import { LIST_HELP, listDevices } from "./list.ts";

/**
 * Runs `hirewire device …` and gives its exit code, 0.
 *
 * @param args - what stands after `device`
 * @throws {@link Fault} as {@link addDevice} and {@link listDevices}
 */
export function deviceCommand(args: string[], io: CommandIo, ports: CommandPorts): Promise<number> {
  return Promise.try(() => {
    const [view, ...rest] = args;
    if (view === "add") addDevice(rest, io, ports);
    else if (view === "list") listDevices(rest, io, ports);
    else if (view === "--help" || view === "-h") io.write(`${ADD_HELP}\n${LIST_HELP}`);
    else if (view === undefined)
      throw new Fault("usage", "expected hirewire device add or hirewire device list");
    else throw unknownWord("hirewire device", "view", view, ["add", "list"]);
    return 0;
  });
}
