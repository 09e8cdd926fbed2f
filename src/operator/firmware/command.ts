/** The command line of `hirewire firmware`. */
import { Fault } from "../../base/fault.ts";
import { unknownWord } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import { BUILD_HELP, buildFirmware } from "./build.ts";
import { CHECK_HELP, checkFirmware } from "./check.ts";
import type { FirmwarePorts } from "./ports.ts";
import { PUBLISH_HELP, publishFirmware } from "./publish.ts";
import { RUN_HELP, runFirmware } from "./run.ts";
import { listTrusted, TRUST_HELP, trustFirmware, untrustFirmware } from "./trust.ts";

type View = (args: readonly string[], io: CommandIo, ports: FirmwarePorts) => Promise<number>;

const VIEWS: Readonly<Record<string, View>> = {
  check: checkFirmware,
  run: runFirmware,
  build: buildFirmware,
  publish: publishFirmware,
  trust: trustFirmware,
  untrust: untrustFirmware,
  list: listTrusted,
};

const HELP = [BUILD_HELP, CHECK_HELP, RUN_HELP, PUBLISH_HELP, TRUST_HELP].join("\n");

/**
 * Runs `hirewire firmware …` and gives its exit code: 0, or 10..16 for a verdict that is not `ok`.
 *
 * @param args - what stands after `firmware`
 * @throws {@link Fault} as {@link checkFirmware}, {@link runFirmware}, {@link buildFirmware}, {@link publishFirmware},
 * {@link trustFirmware}, {@link untrustFirmware} and {@link listTrusted}
 */
export async function firmwareCommand(args: string[], io: CommandIo, ports: FirmwarePorts): Promise<number> {
  const [name, ...rest] = args;
  const names = Object.keys(VIEWS);
  if (name === undefined) throw new Fault("usage", `expected hirewire firmware ${names.join(", ")}`);
  if (name === "--help" || name === "-h") {
    io.write(HELP);
    return 0;
  }
  const view = Object.hasOwn(VIEWS, name) ? VIEWS[name] : undefined;
  if (!view) throw unknownWord("hirewire firmware", "view", name, names);
  return await view(rest, io, ports);
}
