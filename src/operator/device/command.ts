/** The command line of `hirewire device`. */
import { Fault } from "../../base/fault.ts";
import { unknownWord } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import { ADD_HELP, addDevice } from "./add.ts";
import { ALLOWANCE_HELP, setDeviceAllowance } from "./allowance.ts";
import { BUDGET_HELP, setBudget } from "./budget.ts";
import { CAP_HELP, setCap } from "./cap.ts";
import { LIST_HELP, listDevices } from "./list.ts";
import { nameOwner, OWNER_HELP } from "./owner.ts";
import { PAIR_HELP, pairDevice } from "./pair.ts";
import type { DevicePorts } from "./ports.ts";
import { REPLACE_HELP, replaceDevice } from "./replace.ts";
import { SIGN_HELP, signMessage } from "./sign.ts";
import { printToken, TOKEN_HELP } from "./token.ts";

type View = (args: readonly string[], io: CommandIo, ports: DevicePorts) => void | Promise<void>;

const VIEWS: Readonly<Record<string, { readonly run: View; readonly help: string }>> = {
  add: { run: addDevice, help: ADD_HELP },
  list: { run: listDevices, help: LIST_HELP },
  pair: { run: pairDevice, help: PAIR_HELP },
  budget: { run: setBudget, help: BUDGET_HELP },
  cap: { run: setCap, help: CAP_HELP },
  owner: { run: nameOwner, help: OWNER_HELP },
  allowance: { run: setDeviceAllowance, help: ALLOWANCE_HELP },
  replace: { run: replaceDevice, help: REPLACE_HELP },
  token: { run: printToken, help: TOKEN_HELP },
  sign: { run: signMessage, help: SIGN_HELP },
};

/**
 * Runs `hirewire device …` and gives its exit code, 0.
 *
 * @param args - what stands after `device`
 * @throws {@link Fault} as {@link addDevice}, {@link pairDevice}, {@link listDevices}, {@link setBudget}, {@link setCap},
 * {@link nameOwner}, {@link setDeviceAllowance}, {@link replaceDevice}, {@link printToken} and {@link signMessage}
 */
export async function deviceCommand(args: string[], io: CommandIo, ports: DevicePorts): Promise<number> {
  const [name, ...rest] = args;
  const names = Object.keys(VIEWS);
  if (name === undefined) throw new Fault("usage", `expected hirewire device ${names.join(", ")}`);
  if (name === "--help" || name === "-h") {
    io.write(
      Object.values(VIEWS)
        .map(({ help }) => help)
        .join("\n"),
    );
    return 0;
  }
  const view = Object.hasOwn(VIEWS, name) ? VIEWS[name] : undefined;
  if (!view) throw unknownWord("hirewire device", "view", name, names);
  await view.run(rest, io, ports);
  return 0;
}
