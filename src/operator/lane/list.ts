/** `hirewire lane list`: every lane between the gateway and its devices, by the chain and the journal. */
import type { ParseArgsConfig } from "node:util";
import type { Hex } from "../../base/bytes.ts";
import { Fault } from "../../base/fault.ts";
import { formatAmount } from "../../base/money.ts";
import { addressOfKey } from "../../kernels/signature.ts";
import type { LaneKey, LaneOnChain } from "../../settlement/chain.ts";
import { knownLane, type Ledger, laneKeys } from "../../settlement/ledger.ts";
import { parseArguments } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import { type MoneyPorts, openChain } from "../money/journey.ts";
import { readBooks } from "../money/offline.ts";
import { DEFAULT_CONFIG, enrolled, readGatewayKey, WINDOWS } from "../settings.ts";
import { laneState } from "./state.ts";

const OPTIONS = {
  config: { type: "string", default: DEFAULT_CONFIG },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

export const LIST_HELP = `hirewire lane list [DEVICE] [--json] [--config gateway.toml]

Shows the lanes between the gateway and its devices, as the newest block has
them, and what the journal knows to be signed; running gateway or not.

  in         from the device, on which it pays for tasks
  out        to the device, on which it is paid
  unclaimed  signed, and not yet settled on the chain
  state      NONE, OPEN, EXHAUSTED (all signed), CLOSING or CLOSED

  --config FILE  the gateway's settings (gateway.toml)
  --json         JSON Lines, one lane each, amounts as decimal text
`;

/**
 * @param args - what stands after `lane list`
 * @throws {@link Fault} `usage`, `config_missing`, `config_syntax`, `key_file`, `journal_broken`, `chain_mismatch`,
 * `chain_unreachable`
 */
export async function listLanes(args: readonly string[], io: CommandIo, ports: MoneyPorts): Promise<void> {
  const { values, positionals } = parseArguments("hirewire lane list", args, OPTIONS);
  if (values.help) {
    io.write(LIST_HELP);
    return;
  }
  const [wanted, ...rest] = positionals;
  if (rest.length > 0) throw new Fault("usage", "expected at most one device: hirewire lane list DEVICE");
  const settings = ports.readConfig(values.config);
  const gateway = addressOfKey(readGatewayKey(settings, ports.keys));
  const { entries, faults } = enrolled(settings);
  for (const { message } of faults) io.warn(`passed over: ${message}\n`);
  const chain = await openChain(settings);
  const { id: chainId, vault, token } = settings.chain;
  const decimals = await chain.decimals(token);
  const market = { chainId, vault, token, gateway };
  const { payment, transactions } = readBooks(settings, market);
  const devices = () => entries.map(({ device }) => device);
  const ledger: Ledger = { payment, transactions, devices, claimedAt: () => 0 };
  const keys = laneKeys(ledger, market);
  const { lanes } = keys.length === 0 ? { lanes: [] } : await chain.lanes(keys, "head");
  const names = new Map(entries.map(({ device, name }) => [device, name]));
  const rows = keys.flatMap((key, at) => {
    const lane = lanes[at];
    if (!lane) return [];
    const known = knownLane(ledger, market, key);
    return [
      rowOf(key, lane, known.epoch === lane.epoch ? known.signed : lane.settled, {
        gateway,
        names,
        decimals,
      }),
    ];
  });
  const shown = wanted === undefined ? rows : rows.filter((row) => isOf(row, wanted));
  if (wanted !== undefined && shown.length === 0) {
    throw new Fault("usage", `there is no lane of a device ${wanted}: see hirewire device list`);
  }
  if (values.json) for (const row of shown) io.write(`${JSON.stringify(row)}\n`);
  else if (shown.length === 0)
    io.write("no device is enrolled, so there are no lanes: hirewire device add NAME\n");
  else io.write(table(shown));
}

type View = {
  readonly gateway: Hex;
  readonly names: ReadonlyMap<Hex, string>;
  readonly decimals: number;
};

type Row = ReturnType<typeof rowOf>;

function rowOf(key: LaneKey, lane: LaneOnChain, signed: bigint, { gateway, names, decimals }: View) {
  const device = key.payer === gateway ? key.payee : key.payer;
  const money = (count: bigint) => formatAmount(count, decimals);
  // the chain pays nothing beyond the deposit, and may have settled what the journal has not seen
  const top = signed < lane.settled ? lane.settled : signed;
  return {
    device,
    name: names.get(device) ?? null,
    direction: key.payer === gateway ? "out" : "in",
    epoch: lane.epoch,
    state: laneState(lane, top),
    deposit: money(lane.deposit),
    signed: money(top),
    settled: money(lane.settled),
    unclaimed: money(top - lane.settled),
    closesAt: lane.closeAt === 0 ? null : new Date(lane.closeAt * 1_000).toISOString(),
    window: lane.deposit === 0n ? null : (WINDOWS[lane.window] ?? null),
  };
}

function isOf({ device, name }: Row, wanted: string): boolean {
  return device === wanted.toLowerCase() || name?.toLowerCase() === wanted.toLowerCase();
}

const HEADS = [
  "device",
  "lane",
  "epoch",
  "state",
  "deposit",
  "signed",
  "settled",
  "unclaimed",
  "window",
  "closes at",
];

/** Columns of amounts, which are aligned at their right. */
const NUMBERS = { from: 4, to: 7 } as const;

function table(rows: readonly Row[]): string {
  const cells = rows.map((row) => [
    row.name ?? row.device,
    row.direction,
    String(row.epoch),
    row.state,
    ...[row.deposit, row.signed, row.settled, row.unclaimed],
    row.window ?? "-",
    row.closesAt ?? "-",
  ]);
  const all = [HEADS, ...cells];
  const widths = HEADS.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row.map((text, column) => {
      const isNumber = column >= NUMBERS.from && column <= NUMBERS.to;
      return isNumber ? text.padStart(widths[column] ?? 0) : text.padEnd(widths[column] ?? 0);
    });
  return all.map((row) => `${line(row).join("  ").trimEnd()}\n`).join("");
}
