/** `hirewire firmware build`: AssemblyScript to a module that the market takes, and a template to begin with. */
import { existsSync } from "node:fs";
import type { ParseArgsConfig } from "node:util";
import { Fault } from "../../base/fault.ts";
import { parseArguments } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import { memoryClass } from "../numbers.ts";
import { withExecutor } from "../own-executor.ts";
import { compile } from "./compile.ts";
import { examinationText, examine } from "./examine.ts";
import type { FirmwarePorts } from "./ports.ts";
import { onlyFile, refuseToOverwrite, writeBytes } from "./source.ts";
import { TEMPLATE } from "./template.ts";
import { exitCodeOf } from "./verdicts.ts";

const OPTIONS = {
  out: { type: "string" },
  memory: { type: "string", default: "1" },
  simd: { type: "boolean" },
  template: { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

export const BUILD_HELP = `hirewire firmware build FILE.ts [--out FILE.wasm] [--memory 1] [--simd] [--json]
hirewire firmware build --template FILE.ts

Compiles AssemblyScript to task firmware of the profile task/1, and checks it as
hirewire firmware check does. The flags are always the same and no asconfig.json
is read, so the same source and compiler give the same hash to everybody.

  --out FILE     the module (FILE.wasm beside the source)
  --memory MIB   memory that it may use, its class: 1, 16 or 64 (1); runs in
                 less memory cost less
  --simd         allow the 128-bit vector instructions
  --template     write a first program of 15 lines to FILE.ts, which builds and
                 runs; a file that is there is not touched
  --json         one object, as hirewire firmware check --json, with the
                 compiler's version

Writes nothing when the program does not compile (exit 1) or is rejected (14).
`;

/**
 * Gives the exit code of the verdict on the module.
 *
 * @param args - what stands after `firmware build`
 * @throws {@link Fault} `usage`, `disk_failed`, `executor_died`; `firmware_rejected` when it does not compile
 */
export async function buildFirmware(
  args: readonly string[],
  io: CommandIo,
  ports: FirmwarePorts,
): Promise<number> {
  const { values, positionals } = parseArguments("hirewire firmware build", args, OPTIONS);
  if (values.help) {
    io.write(BUILD_HELP);
    return 0;
  }
  const source = onlyFile("hirewire firmware build FILE.ts", positionals);
  if (!source.endsWith(".ts"))
    throw new Fault("usage", `${source} is no AssemblyScript: its name ends in .ts`);
  if (values.template) return await writeTemplate(source, io);
  if (!existsSync(source)) {
    throw new Fault("usage", `there is no file ${source}: hirewire firmware build --template ${source}`);
  }
  const out = values.out ?? source.replace(/\.ts$/, ".wasm");
  await refuseToOverwrite("--out", out, [source]);
  const compiled = await compile(source, memoryClass(values.memory, "--memory"), values.simd === true);
  if ("diagnostics" in compiled) {
    io.warn(`${compiled.diagnostics}\n`);
    const hint = compiled.needs === undefined ? "" : `: its data needs --memory ${compiled.needs}`;
    throw new Fault("firmware_rejected", `${source} does not compile${hint}`);
  }
  const { module, version } = compiled;
  const examination = await withExecutor(ports, (executor) => examine(executor, module));
  if (examination.verdict === "ok") await writeBytes(out, module);
  if (values.json) io.write(`${JSON.stringify({ file: out, compiler: version, ...examination })}\n`);
  else io.write(examinationText(out, examination));
  return exitCodeOf(examination.verdict);
}

async function writeTemplate(path: string, io: CommandIo): Promise<number> {
  if (existsSync(path)) throw new Fault("usage", `${path} is there already: name another file`);
  await writeBytes(path, TEMPLATE);
  const module = path.replace(/\.ts$/, ".wasm");
  io.write(`wrote ${path}; then:\n`);
  io.write(`  hirewire firmware build ${path}\n`);
  io.write(`  hirewire firmware run ${module} --text "hello"\n`);
  return 0;
}
