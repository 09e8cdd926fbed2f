/** `hirewire settle`: claims vouchers now, or shows what claiming them would bring and cost. */
import { join } from "node:path";
import type { ParseArgsConfig } from "node:util";
import { z } from "zod";
import type { Hex } from "../../base/bytes.ts";
import { Fault } from "../../base/fault.ts";
import { checkToken } from "../../settlement/token-probe.ts";
import { parseArguments } from "../arguments.ts";
import { askGateway } from "../control/client.ts";
import type { CommandIo } from "../io.ts";
import { DEFAULT_CONFIG, enrolled, type Settings } from "../settings.ts";
import { warner, withGateway } from "./gateway-key.ts";
import { type MoneyPorts, openChain } from "./journey.ts";
import { planOffline } from "./offline.ts";
import { planAsJson } from "./verbs.ts";

const OPTIONS = {
  now: { type: "boolean" },
  config: { type: "string", default: DEFAULT_CONFIG },
  data: { type: "string" },
  "dry-run": { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

const HELP = `hirewire settle --now [--dry-run] [--json] [--config gateway.toml]
hirewire settle --dry-run [--json] [--config gateway.toml]

Claims every voucher that is worth more than the chain has paid, both ways, in
as few transactions as they fit in, waits until that counts, and tops up the
gateway's lanes. A running gateway does it itself; otherwise it is done here,
with the gateway's key.

Shows each lane first, with why it is claimed: closing, asked, value (worth its
gas many times over), age, room (most of the deposit is signed), or company
(others pay for the transaction anyway).

  --now          claim everything
  --dry-run      only show it; without --now, what the gateway would claim by
                 itself at this moment
  --config FILE  the gateway's settings (gateway.toml)
  --data DIR     a data folder with a gateway.toml in it, in place of --config
  --json         one object, amounts as decimal text, wei too
`;

const answer = z.object({
  plan: z.object({
    rows: z.array(
      z.object({
        device: z.string(),
        direction: z.string(),
        epoch: z.number(),
        value: z.string().nullable(),
        gas: z.number(),
        cost: z.string().nullable(),
        reason: z.string().nullable(),
      }),
    ),
    value: z.string().nullable(),
    gas: z.number(),
    cost: z.string().nullable(),
    gasPrice: z.string(),
  }),
  settled: z.array(z.object({ transaction: z.string(), rows: z.number(), gasUsed: z.number() })),
});

type Answer = z.output<typeof answer>;

/**
 * Runs `hirewire settle …` and gives its exit code, 0.
 *
 * @param args - what stands after `settle`
 * @throws {@link Fault} `usage`, `config_missing`, `config_syntax`, `key_file`, `chain_mismatch`, `chain_unreachable`,
 * `token_mismatch`, `transaction_failed`, `transaction_stuck`; as `withGateway`
 */
export async function settleCommand(args: string[], io: CommandIo, ports: MoneyPorts): Promise<number> {
  const { values, positionals } = parseArguments("hirewire settle", args, OPTIONS);
  if (values.help) {
    io.write(HELP);
    return 0;
  }
  const [dryRun, force] = [values["dry-run"] === true, values.now === true];
  if (positionals.length > 0 || (!dryRun && !force)) {
    throw new Fault("usage", "expected hirewire settle --now, or --dry-run");
  }
  const file = values.data === undefined ? values.config : join(values.data, DEFAULT_CONFIG);
  const settings = ports.readConfig(file);
  const found = dryRun ? await planned(settings, force, io, ports) : await settled(settings, io, ports);
  if (values.json) io.write(`${JSON.stringify({ dryRun, ...found })}\n`);
  else show(found, dryRun, new Map(enrolled(settings).entries.map(({ device, name }) => [device, name])), io);
  return 0;
}

async function planned(
  settings: Settings,
  force: boolean,
  io: CommandIo,
  ports: MoneyPorts,
): Promise<Answer> {
  const asked = await askGateway(settings.data, { do: "settle", dryRun: true, force });
  if (asked) return understood(asked);
  const chain = await openChain(settings);
  const profile = await checkToken(chain, settings.chain.token);
  const onFault = warner(io);
  const { plan, market } = await planOffline({ settings, ports, chain, profile, onFault, force });
  return { plan: planAsJson(plan, market, profile.decimals), settled: [] };
}

async function settled(settings: Settings, io: CommandIo, ports: MoneyPorts): Promise<Answer> {
  const chain = await openChain(settings);
  const how = { settings, ports, chain, io, dryRun: false };
  return await withGateway(how, async (gateway) => {
    io.warn(gateway.isRunning ? "the running gateway settles\n" : "no gateway runs: settling with its key\n");
    return understood(await gateway.ask({ do: "settle", dryRun: false, force: true }));
  });
}

function understood(found: unknown): Answer {
  const read = answer.safeParse(found);
  if (read.success) return read.data;
  throw new Fault("link_lost", "the gateway's answer is not understood; look before you ask again", {
    cause: read.error,
  });
}

const HEADS = ["device", "lane", "reason", "value", "gas", "cost"];

function show(
  { plan, settled }: Answer,
  dryRun: boolean,
  names: ReadonlyMap<Hex, string>,
  io: CommandIo,
): void {
  if (plan.rows.length === 0) {
    io.write("nothing is unclaimed\n");
    return;
  }
  const rows = plan.rows.map((row) => [
    names.get(row.device as Hex) ?? row.device,
    row.direction,
    row.reason ?? "waits",
    row.value ?? "",
    String(row.gas),
    row.cost ?? "?",
  ]);
  const sums = ["in all", "", "", plan.value ?? "", String(plan.gas), plan.cost ?? "?"];
  const all = [HEADS, ...rows, sums];
  const widths = HEADS.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const cell = (text: string, column: number) =>
    column < 3 ? text.padEnd(widths[column] ?? 0) : text.padStart(widths[column] ?? 0);
  for (const row of all) io.write(`${row.map(cell).join("  ").trimEnd()}\n`);
  if (plan.cost === null) io.write("what gas costs in the token is not known: set settlement.coin_price\n");
  for (const { transaction, rows: count, gasUsed } of settled) {
    io.write(`settled ${count} ${count === 1 ? "lane" : "lanes"} by ${transaction}, gas ${gasUsed}\n`);
  }
  if (dryRun) io.write("nothing was sent (--dry-run)\n");
  else if (settled.length === 0) io.write("nothing had to be claimed any more\n");
}
