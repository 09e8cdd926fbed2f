/** `hirewire login`: a link that logs a browser in, once. */
import type { ParseArgsConfig } from "node:util";
import type { Clock } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import { parseArguments } from "../arguments.ts";
import { dataFolder, WHERE_HELP, WHERE_OPTIONS, type WherePorts } from "../control/ask.ts";
import { askGateway } from "../control/client.ts";
import type { CommandIo } from "../io.ts";
import { GRANT_OPTIONS, grantOf, scopeOf } from "./grant.ts";
import { invitation } from "./login-verb.ts";

const OPTIONS = {
  ...GRANT_OPTIONS,
  ...WHERE_OPTIONS,
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

const HELP = `hirewire login [--role viewer|operator] [--owner ADDR] [--json]

Prints a link to the running gateway's page that logs a browser in. It works
once, for ten minutes; the session ends after 12 hours without use, or 7 days.

  --role ROLE    operator (the default) may act, viewer only looks
  --owner ADDR   sees and touches only the devices of this owner
${WHERE_HELP}  --json         one object: { link, role, owner, expires }

The page is at [operator] listen of gateway.toml, on this machine alone unless
told. From another one: ssh -L 8402:127.0.0.1:8402 THIS-MACHINE, and open the
link there.
`;

/**
 * Runs `hirewire login …` and gives its exit code, 0.
 *
 * @param args - what stands after `login`
 * @throws {@link Fault} `usage`, also when the gateway serves no page; `config_missing`, `config_syntax`, `link_lost` when
 * no gateway runs
 */
export async function loginCommand(
  args: string[],
  io: CommandIo,
  ports: WherePorts & { readonly clock: Pick<Clock, "now"> },
): Promise<number> {
  const { values, positionals } = parseArguments("hirewire login", args, OPTIONS);
  if (values.help) {
    io.write(HELP);
    return 0;
  }
  if (positionals.length > 0) throw new Fault("usage", "expected nothing but options after hirewire login");
  const grant = grantOf(values, "operator");
  const folder = dataFolder(values, ports);
  const answer = await askGateway(folder, { do: "login", ...grant });
  if (!answer) throw new Fault("link_lost", `no gateway answers in ${folder}: start it with hirewire run`);
  const { link, expires, role } = invitation.parse(answer);
  if (values.json) {
    io.write(`${JSON.stringify({ link, role, owner: grant.owner, expires })}\n`);
    return 0;
  }
  const minutes = Math.round((expires - ports.clock.now()) / 60_000);
  io.write(`${link}\n`);
  io.warn(`logs in one browser as ${role} of ${scopeOf(grant)}; good for ${minutes} minutes\n`);
  return 0;
}
