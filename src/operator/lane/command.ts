/** The command line of `hirewire lane`. */
import type { ParseArgsConfig } from "node:util";
import { Fault } from "../../base/fault.ts";
import { parseAmount } from "../../base/money.ts";
import { addressOfKey } from "../../kernels/signature.ts";
import { parseArguments, unknownWord } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import { type MoneyPorts, openChain } from "../money/journey.ts";
import { laneAtHead } from "../money/target.ts";
import { DEFAULT_CONFIG } from "../settings.ts";
import { CLOSE_HELP, closeLane } from "./close.ts";
import { consentText, signConsent } from "./consent.ts";
import { endsOf } from "./ends.ts";
import { LIST_HELP, listLanes } from "./list.ts";
import { fundLaneCommand, OPEN_HELP } from "./open.ts";

const VIEWS = ["list", "open", "top-up", "close", "consent"] as const;

const CONSENT_OPTIONS = {
  from: { type: "string" },
  config: { type: "string", default: DEFAULT_CONFIG },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

const CONSENT_HELP = `hirewire lane consent DEVICE TOTAL --from KEYFILE [--config gateway.toml]

Prints the DEVICE's consent, good for a day, to close the gateway's lane to it
at once, with TOTAL in all for the device, what is settled included. Sign it
where the device's key is, and let the device take no voucher above TOTAL.

  --from KEYFILE  the device's own key
  --config FILE   the gateway's settings (gateway.toml)
  --json          the same: the consent is JSON
`;

/** How long a consent is good for, seconds. */
const CONSENT_SECONDS = 86_400;

/**
 * Runs `hirewire lane …` and gives its exit code, 0.
 *
 * @param args - what stands after `lane`
 * @throws {@link Fault} as {@link listLanes}, {@link fundLaneCommand} and {@link closeLane}
 */
export async function laneCommand(args: string[], io: CommandIo, ports: MoneyPorts): Promise<number> {
  const [view, ...rest] = args;
  if (view === "list") await listLanes(rest, io, ports);
  else if (view === "open" || view === "top-up") await fundLaneCommand(view, rest, io, ports);
  else if (view === "close") await closeLane(rest, io, ports);
  else if (view === "consent") await printConsent(rest, io, ports);
  else if (view === "--help" || view === "-h") {
    io.write([LIST_HELP, OPEN_HELP, CLOSE_HELP, CONSENT_HELP].join("\n"));
  } else if (view === undefined) throw new Fault("usage", `expected hirewire lane ${VIEWS.join(", ")}`);
  else throw unknownWord("hirewire lane", "view", view, VIEWS);
  return 0;
}

async function printConsent(args: readonly string[], io: CommandIo, ports: MoneyPorts): Promise<void> {
  const { values, positionals } = parseArguments("hirewire lane consent", args, CONSENT_OPTIONS);
  if (values.help) {
    io.write(CONSENT_HELP);
    return;
  }
  const [name, typed, ...rest] = positionals;
  if (name === undefined || typed === undefined || values.from === undefined || rest.length > 0) {
    throw new Fault("usage", "expected hirewire lane consent DEVICE TOTAL --from KEYFILE");
  }
  const settings = ports.readConfig(values.config);
  const { key: lane, device } = endsOf(settings, ports, name, false);
  const key = ports.keys.read(values.from);
  if (addressOfKey(key) !== device.address)
    throw new Fault("usage", `${values.from} is not the key of ${device.name}`);
  const chain = await openChain(settings);
  const finalAmount = parseAmount(typed, await chain.decimals(lane.token));
  const { epoch, deposit, settled } = await laneAtHead(chain, lane);
  if (finalAmount < settled || finalAmount > deposit) {
    throw new Fault(
      "usage",
      "TOTAL must be at least what is settled and at most what the lane holds: hirewire lane list",
    );
  }
  const deadline = Math.floor(ports.clock.now() / 1_000) + CONSENT_SECONDS;
  io.write(consentText(await signConsent(key, chain, lane, { epoch, finalAmount, deadline })));
}
