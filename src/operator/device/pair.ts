/** `hirewire device pair`: gives a board on a serial line a wallet that the gateway keeps. */
import { rmSync, writeFileSync } from "node:fs";
import type { ParseArgsConfig } from "node:util";
import { z } from "zod";
import { fromHex, type Hex } from "../../base/bytes.ts";
import { Fault } from "../../base/fault.ts";
import { parseAmount } from "../../base/money.ts";
import { isTcpPath } from "../../link/serial/tcp-port.ts";
import { pairingText } from "../../protocol/pairing.ts";
import { parseAddress, parseArguments } from "../arguments.ts";
import { askGateway } from "../control/client.ts";
import type { CommandIo } from "../io.ts";
import type { MoneyPorts } from "../money/journey.ts";
import { rosterFile } from "../roster-folder.ts";
import { DEFAULT_CONFIG, enrolled, type Settings } from "../settings.ts";
import { walletFile } from "../wallet-folder.ts";
import { MAX_DECIMALS } from "./budget.ts";
import { newPairing, savePairing } from "./pairing.ts";
import {
  deviceName,
  gatewayAddress,
  keepOrder,
  level,
  manufacturerName,
  onDisk,
  ownerOrder,
  refuseExisting,
  refuseTaken,
} from "./place.ts";

const OPTIONS = {
  config: { type: "string", default: DEFAULT_CONFIG },
  cap: { type: "string" },
  owner: { type: "string" },
  manufacturer: { type: "string" },
  serial: { type: "string" },
  again: { type: "boolean" },
  "over-network": { type: "boolean" },
  out: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

export const PAIR_HELP = `hirewire device pair [--json] [--config gateway.toml]
hirewire device pair NAME [--serial S] [--manufacturer M] [--cap AMOUNT]
                     [--owner 0x…] [--over-network] [--json]
hirewire device pair NAME --again [--serial S] [--cap AMOUNT]
hirewire device pair NAME --out FILE [--serial S] [--manufacturer M]
                     [--cap AMOUNT] [--owner 0x…] [--json]

The first lists the boards that wait on the serial lines of the running gateway.
The second pairs one: the gateway makes a wallet and keeps its key, and the
board gets a secret, with which it proves that an order is its own. What the
gateway signs for it stays below the cap. It is enrolled once it has saved that.

The third gives the wallet of NAME to its board again, which was erased; with
--serial to another that takes its place. The old secret is good for nothing
from then on.
The fourth needs no board and no running gateway: FILE goes into the board's
store, at the factory for instance.

The wallet is a file of its own beside the gateway's key, and part of every
backup with that. As a key file it moves what the device has in the vault:
hirewire withdraw all --to 0x… --device NAME --key DATA/wallets/ADDRESS.json.

  --serial S          which board; for --out second part of its topics (NAME)
  --manufacturer M    which board; for --out first part of its topics (hirewire)
  --cap AMOUNT        the most that is ever signed for it, of the token (the
                      lane_deposit of [settlement]); hirewire device cap changes
                      it
  --owner 0x…         who owns the board's money: the wallet's key signs that,
                      for hirewire device owner
  --again             NAME is paired already: a new secret for the old wallet
  --over-network      the board is on a tcp:// line: its secret crosses that
                      network for all to read
  --out FILE          write the pairing file there, mode 0600
  --config FILE       the gateway's settings (gateway.toml)
  --json              one object for each board that waits: { manufacturer,
                      serialNumber, model, line }; for the one that was paired
                      { device, name, …, cap, owner, wallet, out }
`;

type Values = ReturnType<typeof parseArguments<typeof OPTIONS>>["values"];

const boardSchema = z.object({
  manufacturer: z.string(),
  serialNumber: z.string(),
  model: z.string(),
  line: z.string(),
});

const pairedSchema = boardSchema.extend({
  device: z.templateLiteral(["0x", z.string()]),
  name: z.string(),
  cap: z.string(),
  owner: z.string().nullable(),
});

type Board = z.output<typeof boardSchema>;

/**
 * @param args - what stands after `device pair`
 * @throws {@link Fault} `usage`, `amount_syntax`, `amount_range`, `config_missing`, `config_syntax`; `link_lost` when no
 * gateway runs or the board goes away, `timed_out`, `refused`, `disk_failed`, `key_file`: then nobody is enrolled
 */
export async function pairDevice(args: readonly string[], io: CommandIo, ports: MoneyPorts): Promise<void> {
  const { values, positionals } = parseArguments("hirewire device pair", args, OPTIONS);
  if (values.help) {
    io.write(PAIR_HELP);
    return;
  }
  const settings = ports.readConfig(values.config);
  if (positionals.length === 0) return await listWaiting(values, settings, io);
  const name = deviceName(positionals, "hirewire device pair NAME");
  const cap = values.cap ?? (values.again ? null : settings.settlement.lane_deposit);
  if (cap !== null) parseAmount(cap, MAX_DECIMALS);
  const owner = values.owner === undefined ? null : parseAddress(values.owner, "--owner");
  if (values.again && (owner !== null || values.out !== undefined)) {
    throw new Fault("usage", "--again changes the secret alone: leave --owner and --out away");
  }
  const call = { name, owner, values, settings, io };
  if (values.out === undefined) await overTheLine(call, cap);
  else await intoFile(call, values.out, cap ?? settings.settlement.lane_deposit, ports);
}

/**
 * The boards that wait on the lines of the gateway that runs on this folder; null when none runs.
 *
 * @throws {@link Fault} as {@link askGateway}
 */
export async function waitingBoards(data: string): Promise<readonly Board[] | null> {
  const found = await askGateway(data, { do: "waiting" });
  return found && z.array(boardSchema).parse(found["boards"]);
}

async function listWaiting(values: Values, { data }: Settings, io: CommandIo): Promise<void> {
  const { config: _, json, ...others } = values;
  const [option] = Object.keys(others);
  if (option !== undefined) throw new Fault("usage", `--${option} is for pairing: name the device`);
  const boards = await waitingBoards(data);
  if (boards === null) throw noGateway();
  if (json) for (const board of boards) io.write(`${JSON.stringify(board)}\n`);
  else if (boards.length === 0) io.write("no board waits to be paired\n");
  else io.write(boards.map((board) => `${waitingLine(board)}\n`).join(""));
}

/** One board that waits, in words. */
export function waitingLine({ manufacturer, serialNumber, model, line }: Board): string {
  return `${manufacturer}/${serialNumber}, ${model}, waits on ${line}: hirewire device pair NAME --serial ${serialNumber}`;
}

type Call = {
  readonly name: string;
  readonly owner: Hex | null;
  readonly values: Values;
  readonly settings: Settings;
  readonly io: CommandIo;
};

/** @param cap - null for the one that the wallet has */
async function overTheLine({ name, owner, values, settings, io }: Call, cap: string | null): Promise<void> {
  const { data } = settings;
  const { manufacturer = null, serial: serialNumber = null, again = false } = values;
  const overNetwork = values["over-network"] === true;
  const request = { name, manufacturer, serialNumber, cap, owner, overNetwork, again };
  const answer = await askGateway(data, { do: "pair", ...request });
  if (answer === null) throw noGateway();
  const paired = pairedSchema.parse(answer);
  const wallet = walletFile(data, paired.device);
  if (isTcpPath(paired.line)) {
    io.warn(
      `its secret has crossed the network to ${paired.line}: who read it there can order in its name\n`,
    );
  }
  if (values.json) {
    io.write(`${JSON.stringify({ ...paired, wallet, out: null })}\n`);
    return;
  }
  const { serialNumber: serial, model, line, device } = paired;
  io.write(`paired ${paired.name} (${paired.manufacturer}/${serial}, ${model}) on ${line}, as ${device}\n`);
  tellWallet(paired, wallet, io);
}

function tellWallet(
  { name, cap, owner }: { readonly name: string; readonly cap: string; readonly owner: string | null },
  wallet: string,
  io: CommandIo,
): void {
  io.write(`its wallet is kept in ${wallet}: whoever has that file can spend what is on it\n`);
  io.write(`at most ${cap} is signed for it in all: hirewire device cap ${name} AMOUNT\n`);
  if (owner !== null) {
    io.warn(
      `on the chain the device owns its money until: hirewire device owner ${name} --relay-key KEYFILE\n`,
    );
  }
  io.write(`next: hirewire fund ${name} AMOUNT --from KEYFILE\n`);
}

/** The board's file first: one that is enrolled and has none could not come in. */
async function intoFile(call: Call, out: string, cap: string, ports: MoneyPorts): Promise<void> {
  const { name, owner, values, settings, io } = call;
  const manufacturer = manufacturerName(values.manufacturer ?? "hirewire");
  const serialNumber = level(values.serial ?? name, "--serial");
  const { entries, faults } = enrolled(settings);
  for (const { message } of faults) io.warn(`passed over: ${message}\n`);
  refuseExisting(out);
  const { id: chainId, vault, token } = settings.chain;
  const place = { name, manufacturer, serialNumber, owner, cap };
  // the gateway's key is made last, and only where nothing is in the way
  const draft = newPairing({ gateway: vault, chainId, vault, token }, place);
  refuseTaken(draft.entry, entries, rosterFile(settings.data, name));
  const gateway = gatewayAddress(settings, ports.keys, io);
  const pairing = { ...draft, file: { ...draft.file, gateway } };
  const order = await ownerOrder(
    pairing.entry,
    fromHex(pairing.wallet.key),
    settings.chain,
    ports.clock.now(),
  );
  onDisk(() => writeFileSync(out, pairingText(pairing.file), { mode: 0o600, flag: "wx", flush: true }));
  try {
    onDisk(() => savePairing(settings.data, pairing, () => keepOrder(settings.data, name, order)));
  } catch (fault) {
    rmSync(out, { force: true });
    throw fault;
  }
  const { device } = pairing.entry;
  const wallet = walletFile(settings.data, device);
  if (values.json) {
    const shown = { device, name, manufacturer, serialNumber, model: null, line: null, cap, owner };
    io.write(`${JSON.stringify({ ...shown, wallet, out })}\n`);
    return;
  }
  io.write(`enrolled ${name} as ${device}; its pairing file is ${out}, readable by you alone\n`);
  io.write("the file holds the board's secret: put it into the store of that board alone, and remove it\n");
  tellWallet({ name, cap, owner }, wallet, io);
}

function noGateway(): Fault {
  return new Fault(
    "link_lost",
    "no gateway runs on this folder: start it with hirewire run, or make a pairing file with --out FILE",
  );
}
