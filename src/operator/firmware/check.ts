/** `hirewire firmware check`: what a module is, or why nobody runs it. */
import type { ParseArgsConfig } from "node:util";
import { parseArguments } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import { withExecutor } from "../own-executor.ts";
import { examinationText, examine } from "./examine.ts";
import type { FirmwarePorts } from "./ports.ts";
import { onlyFile, readBytes } from "./source.ts";
import { exitCodeOf } from "./verdicts.ts";

const OPTIONS = {
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

export const CHECK_HELP = `hirewire firmware check FILE.wasm [--json]

Judges a module as every provider does, without running it: profile, memory
class, size, its hashes without and with the meter, the meter's version and cost
table; or the rule that it breaks, and what to do about it. Exit 14 when it is
rejected, 16 when that takes too long.

  --json  one object: { file, verdict, sha256, bytes, profile, memoryMiB, pages,
          functions, hasVerify, metered, meter }, or { file, verdict, sha256,
          bytes, rejection, reason, hint }
`;

/**
 * Gives the exit code of the verdict.
 *
 * @param args - what stands after `firmware check`
 * @throws {@link Fault} `usage`, `disk_failed`, `executor_died`
 */
export async function checkFirmware(
  args: readonly string[],
  io: CommandIo,
  ports: FirmwarePorts,
): Promise<number> {
  const { values, positionals } = parseArguments("hirewire firmware check", args, OPTIONS);
  if (values.help) {
    io.write(CHECK_HELP);
    return 0;
  }
  const file = onlyFile("hirewire firmware check FILE.wasm", positionals);
  const module = await readBytes(file);
  const examination = await withExecutor(ports, (executor) => examine(executor, module));
  io.write(
    values.json ? `${JSON.stringify({ file, ...examination })}\n` : examinationText(file, examination),
  );
  return exitCodeOf(examination.verdict);
}
