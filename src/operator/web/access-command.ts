/** `hirewire access`: tokens with which scripts, and Prometheus, ask the gateway's API. */
import { existsSync } from "node:fs";
import type { ParseArgsConfig } from "node:util";
import type { Clock } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import { parseArguments, unknownWord } from "../arguments.ts";
import { dataFolder, WHERE_HELP, WHERE_OPTIONS, type WherePorts } from "../control/ask.ts";
import type { CommandIo } from "../io.ts";
import { addAccess, readAccess, removeAccess } from "./access-file.ts";
import { GRANT_OPTIONS, grantOf, scopeOf } from "./grant.ts";

const OPTIONS = {
  ...GRANT_OPTIONS,
  ...WHERE_OPTIONS,
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

const HELP = `hirewire access add NAME [--role viewer|operator] [--owner ADDR]
hirewire access list
hirewire access remove NAME

Access tokens for scripts and for Prometheus: Authorization: Bearer TOKEN. A new
one is shown once; access.json in the data folder keeps its hash. A running
gateway notices at once what was added or removed.

  --role ROLE    viewer (the default) only reads, operator may act
  --owner ADDR   sees and touches only the devices of this owner
${WHERE_HELP}  --json         add: { name, role, owner, token }; list: { tokens }; remove:
                 { removed }
`;

/** What stands after `hirewire access`. */
const VERBS = ["add", "list", "remove"] as const;

/**
 * Runs `hirewire access …` and gives its exit code, 0.
 *
 * @param args - what stands after `access`
 * @throws {@link Fault} `usage`, `config_missing`, `config_syntax`, `file_format`, `disk_failed`
 */
export function accessCommand(
  args: string[],
  io: CommandIo,
  ports: WherePorts & { readonly clock: Pick<Clock, "now"> },
): number {
  const { values, positionals } = parseArguments("hirewire access", args, OPTIONS);
  if (values.help) {
    io.write(HELP);
    return 0;
  }
  const [typed = "", name, ...rest] = positionals;
  const verb = VERBS.find((one) => one === typed);
  if (!verb) throw unknownWord("hirewire access", "verb", typed, VERBS);
  if ((verb === "list") !== (name === undefined) || rest.length > 0) {
    throw new Fault("usage", "expected hirewire access add NAME, list, or remove NAME");
  }
  const data = dataFolder(values, ports);
  if (!existsSync(data)) {
    throw new Fault("config_missing", `there is no data folder ${data}: hirewire run makes it`);
  }
  if (name === undefined) return list(data, io, values.json === true);
  if (verb === "remove") {
    removeAccess(data, name);
    io.write(values.json ? `${JSON.stringify({ removed: name })}\n` : `${name} opens nothing any more\n`);
    return 0;
  }
  const grant = grantOf(values, "viewer");
  const token = addAccess(data, { name, ...grant }, ports.clock.now());
  io.write(values.json ? `${JSON.stringify({ name, ...grant, token })}\n` : `${token}\n`);
  if (!values.json)
    io.warn(`${name}: ${grant.role} of ${scopeOf(grant)}; this is shown once, keep it safe\n`);
  return 0;
}

function list(data: string, io: CommandIo, isJson: boolean): number {
  const tokens = readAccess(data).map(({ hash: _, ...rest }) => rest);
  if (isJson) io.write(`${JSON.stringify({ tokens })}\n`);
  else if (tokens.length === 0) io.write("no access tokens: hirewire access add NAME makes one\n");
  const width = Math.max(4, ...tokens.map(({ name }) => name.length));
  for (const { name, role, owner, at } of isJson ? [] : tokens) {
    const scope = scopeOf({ role, owner: owner as `0x${string}` | null });
    io.write(
      `${name.padEnd(width)}  ${role.padEnd(8)}  ${new Date(at).toISOString().slice(0, 10)}  ${scope}\n`,
    );
  }
  return 0;
}
