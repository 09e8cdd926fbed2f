/** The command line of `hirewire price`. */
import { Fault } from "../../base/fault.ts";
import { unknownWord } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import type { CommandPorts } from "../settings.ts";
import { LIST_HELP, listPrices } from "./list.ts";
import { type PricePorts, SUGGEST_HELP, suggestPrice } from "./suggest.ts";

/**
 * Runs `hirewire price …` and gives its exit code, 0.
 *
 * @param args - what stands after `price`
 * @throws {@link Fault} as {@link suggestPrice} and {@link listPrices}
 */
export async function priceCommand(
  args: string[],
  io: CommandIo,
  ports: PricePorts & Pick<CommandPorts, "readConfig">,
): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined) throw new Fault("usage", "expected hirewire price suggest or list");
  if (name === "--help" || name === "-h") io.write(`${SUGGEST_HELP}\n${LIST_HELP}`);
  else if (name === "suggest") await suggestPrice(rest, io, ports);
  else if (name === "list") await listPrices(rest, io, ports);
  else throw unknownWord("hirewire price", "view", name, ["suggest", "list"]);
  return 0;
}
