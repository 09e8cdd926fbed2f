/** `hirewire price list`: what the providers that are connected now ask, and how fast they say they are. */
import type { ParseArgsConfig } from "node:util";
import { z } from "zod";
import { Fault } from "../../base/fault.ts";
import { amount, formatAmount } from "../../base/money.ts";
import { MEMORY_CLASSES } from "../../protocol/fuel.ts";
import { parseArguments } from "../arguments.ts";
import { askGateway } from "../control/client.ts";
import type { CommandIo } from "../io.ts";
import { type CommandPorts, DEFAULT_CONFIG } from "../settings.ts";

const OPTIONS = {
  config: { type: "string", default: DEFAULT_CONFIG },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

export const LIST_HELP = `hirewire price list [--json] [--config gateway.toml]

What each connected provider asks for each memory class, and the fuel per second
that it says it has measured: both signed by the provider, in its factsheet. One
without an ask bids task by task.

  --config FILE  the gateway's settings (gateway.toml)
  --json         one object: { decimals, asks: [{ device, name, memoryMiB, rate,
                 fuelPerSecond, expires }] }; a rate is in atomic units for
                 10^12 fuel, expires in milliseconds since 1970
`;

const answer = z.object({
  decimals: z.number().int(),
  asks: z.array(
    z.object({
      device: z.string(),
      name: z.string(),
      memoryMiB: z.literal(MEMORY_CLASSES),
      rate: z.string().regex(/^\d+$/),
      fuelPerSecond: z.number().nullable(),
      expires: z.number(),
    }),
  ),
});

/**
 * @param args - what stands after `price list`
 * @throws {@link Fault} `usage`, `config_missing`, `config_syntax`; `link_lost` when no gateway runs, or it does not answer
 */
export async function listPrices(
  args: readonly string[],
  io: CommandIo,
  ports: Pick<CommandPorts, "readConfig">,
): Promise<void> {
  const { values, positionals } = parseArguments("hirewire price list", args, OPTIONS);
  if (values.help) {
    io.write(LIST_HELP);
    return;
  }
  if (positionals.length > 0)
    throw new Fault("usage", "expected nothing after hirewire price list but options");
  const told = await askGateway(ports.readConfig(values.config).data, { do: "asks" });
  if (!told) throw new Fault("link_lost", "asks live as long as their sessions: start the gateway first");
  const { decimals, asks } = answer.parse(told);
  if (values.json) io.write(`${JSON.stringify({ decimals, asks })}\n`);
  else if (asks.length === 0) io.write("no connected provider has an ask\n");
  for (const { name, device, memoryMiB, rate, fuelPerSecond } of values.json ? [] : asks) {
    const price = formatAmount(amount(BigInt(rate)), decimals + 6);
    const speed = fuelPerSecond === null ? "" : `, ${fuelPerSecond.toLocaleString("en-US")} fuel per second`;
    io.write(`${name} (${device})  up to ${memoryMiB} MiB: ${price} USDT per Mfuel${speed}\n`);
  }
}
