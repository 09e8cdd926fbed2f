/** `hirewire device add`: enrols a device and writes what it needs to connect. */
import { rmSync, writeFileSync } from "node:fs";
import type { ParseArgsConfig } from "node:util";
import { type Hex, toHex } from "../../base/bytes.ts";
import { Fault } from "../../base/fault.ts";
import { addressOfKey, randomKey } from "../../kernels/signature.ts";
import { parseAddress, parseArguments } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import { type MoneyPorts, openChain } from "../money/journey.ts";
import { type RosterEntry, rosterFile, writeRosterEntry } from "../roster-folder.ts";
import { DEFAULT_CONFIG, enrolled, type Keys, type Settings } from "../settings.ts";
import { BROKER_OPTIONS, brokerOf, type Connection, connectionText, isOwnMachine } from "./connection.ts";
import { sendOwnerOrder } from "./owner.ts";
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
  key: { type: "string" },
  address: { type: "string" },
  owner: { type: "string" },
  from: { type: "string" },
  manufacturer: { type: "string", default: "hirewire" },
  serial: { type: "string" },
  ...BROKER_OPTIONS,
  out: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

export const ADD_HELP = `hirewire device add NAME [--key FILE | --address 0x…]
                    [--owner 0x… [--from KEYFILE]]
                    [--manufacturer M] [--serial S]
                    [--broker URL [--ca FILE] [--broker-user NAME
                    --broker-password-file FILE]] [--out FILE]
                    [--config gateway.toml] [--json]

Enrols a device, running gateway or not, and prints its connection file. The
file holds the device's private key: give it to that device alone.

  --key FILE          import the device's key: 64 hexadecimal digits, 0x or not
                      (default: a new random key)
  --address 0x…       the key stays on the device; you add it to the file there
  --owner 0x…         who owns the device's money (default: its own key); the
                      device's key signs that, for hirewire device owner
  --from KEYFILE      whose coin pays the gas to name the owner at once
  --manufacturer M    first part of its topics (hirewire)
  --serial S          second part of its topics (NAME)
  --broker URL        where the device finds the gateway: mqtt://host:port, or
                      mqtts, ws or wss (default: the external broker, or else
                      the first address that the gateway listens on)
  --ca FILE           PEM of the certificates that the broker's one must come
                      from, where it is not a public one
  --broker-user NAME  the device's account on an external broker; it then logs
                      in to the gateway by message
  --broker-password-file FILE
                      the password of that account, one line
  --out FILE          write the connection file there, mode 0600, not to stdout
  --config FILE       the gateway's settings (gateway.toml)
  --json              one line: { entry, connection, out }; with --from another
`;

type Values = ReturnType<typeof parseArguments<typeof OPTIONS>>["values"];

/** The account of a device, and its key unless that stays on the device. */
type Identity = { readonly address: Hex; readonly key: Uint8Array | null };

/**
 * @param args - what stands after `device add`
 * @throws {@link Fault} `usage`, `key_file`, `file_format`, `config_missing`, `config_syntax`, `disk_failed`; then nothing is
 * enrolled;
 * with `--from`, once it is enrolled, as {@link sendOwnerOrder}
 */
export async function addDevice(args: readonly string[], io: CommandIo, ports: MoneyPorts): Promise<void> {
  const { values, positionals } = parseArguments("hirewire device add", args, OPTIONS);
  if (values.help) {
    io.write(ADD_HELP);
    return;
  }
  const name = deviceName(positionals, "hirewire device add NAME");
  const settings = ports.readConfig(values.config);
  const identity = identityOf(values, ports.keys);
  const payer = relayOf(values, identity, ports.keys);
  const entry: RosterEntry = {
    version: 1,
    device: identity.address,
    name,
    owner: values.owner === undefined ? null : parseAddress(values.owner, "--owner"),
    manufacturer: manufacturerName(values.manufacturer),
    serialNumber: level(values.serial ?? name, "--serial"),
    perDay: null,
  };
  if (entry.owner === entry.device)
    throw new Fault("usage", "--owner is the device's own address: leave it away");
  const { entries, faults } = enrolled(settings);
  for (const { message } of faults) io.warn(`passed over: ${message}\n`);
  refuseTaken(entry, entries, rosterFile(settings.data, name));
  const broker = brokerOf(values, settings.broker);
  refuseExisting(values.out);
  const gateway = gatewayAddress(settings, ports.keys, io);
  if (gateway === entry.device)
    throw new Fault("usage", "this is the gateway's own key: a device needs another");
  const { id: chainId, vault, token } = settings.chain;
  const connection: Connection = {
    version: 1,
    ...broker,
    manufacturer: entry.manufacturer,
    serialNumber: entry.serialNumber,
    name,
    ...(identity.key ? { key: toHex(identity.key) } : {}),
    gateway,
    chainId,
    vault,
    token,
  };
  const order = identity.key && (await ownerOrder(entry, identity.key, settings.chain, ports.clock.now()));
  keepOrder(settings.data, name, order);
  save(settings, entry, connection, values.out);
  show(io, entry, connection, values);
  if (!payer) return;
  const options = { json: values.json === true, dryRun: false };
  await sendOwnerOrder(settings, entry, await openChain(settings), payer, options, io, ports);
}

function relayOf(values: Values, { key }: Identity, keys: Keys): Uint8Array | null {
  if (values.from === undefined) return null;
  if (values.owner === undefined) throw new Fault("usage", "--from pays for naming an owner: --owner 0x…");
  if (!key)
    throw new Fault("usage", "with --address the device itself has to name its owner: leave --from away");
  return keys.read(values.from);
}

function identityOf(values: Values, keys: Keys): Identity {
  if (values.key !== undefined && values.address !== undefined) {
    throw new Fault("usage", "--key and --address exclude each other: the address follows from the key");
  }
  if (values.address !== undefined) return { address: parseAddress(values.address, "--address"), key: null };
  const key = values.key === undefined ? randomKey() : keys.read(values.key);
  return { address: addressOfKey(key), key };
}

/** The connection file first: an enrolled device whose key is nowhere would be of no use. */
function save(settings: Settings, entry: RosterEntry, connection: Connection, out: string | undefined): void {
  if (out !== undefined) {
    onDisk(() => writeFileSync(out, connectionText(connection), { mode: 0o600, flag: "wx" }));
  }
  try {
    onDisk(() => writeRosterEntry(settings.data, entry));
  } catch (fault) {
    if (out !== undefined) rmSync(out, { force: true });
    throw fault;
  }
}

function show(io: CommandIo, entry: RosterEntry, connection: Connection, values: Values): void {
  const { out } = values;
  if (values.json) {
    const shown = out === undefined ? connection : null;
    io.write(`${JSON.stringify({ entry, connection: shown, out: out ?? null })}\n`);
  } else if (out === undefined) io.write(connectionText(connection));
  const say = out === undefined || values.json ? io.warn.bind(io) : io.write.bind(io);
  say(`enrolled ${entry.name} as ${entry.device}\n`);
  if (out !== undefined) say(`its connection file is ${out}, readable by you alone\n`);
  if (connection.key === undefined) {
    say(`the file has no key: add "key": "0x…", the private key of ${entry.device}, on the device\n`);
  } else if (out === undefined)
    say("the file holds the device's private key: give it to that device alone\n");
  if (entry.owner !== null && values.from === undefined) {
    io.warn(
      connection.key === undefined
        ? `on the chain the device owns its money until its own key names ${entry.owner} there\n`
        : `on the chain the device owns its money until: hirewire device owner ${entry.name} --relay-key KEYFILE\n`,
    );
  }
  if (isOwnMachine(connection.broker)) {
    io.warn(
      `${connection.broker} is reached from this machine only: elsewhere, set broker.listen and --broker\n`,
    );
  }
}
