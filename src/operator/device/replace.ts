/** `hirewire device replace`: a device has lost its key, and its owner gets the money to a new one. */
import { existsSync, rmSync, writeFileSync } from "node:fs";
import type { ParseArgsConfig } from "node:util";
import { fromHex, toHex } from "../../base/bytes.ts";
import { diskCode } from "../../base/disk-error.ts";
import { Fault } from "../../base/fault.ts";
import { formatAmount } from "../../base/money.ts";
import { addressOfKey, randomKey } from "../../kernels/signature.ts";
import { pairingText } from "../../protocol/pairing.ts";
import type { Chain } from "../../settlement/chain.ts";
import { parseArguments } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import { type GatewaySender, withGateway } from "../money/gateway-key.ts";
import { type MoneyPorts, openChain } from "../money/journey.ts";
import { readBooks } from "../money/offline.ts";
import { newTerms, OWNER_SECONDS, signFile } from "../money/order.ts";
import { priceOf } from "../money/price.ts";
import { coins, keySender, requireGas, type Sender, type SentStep, sendSteps } from "../money/send.ts";
import { type RosterEntry, writeRosterEntry } from "../roster-folder.ts";
import { DEFAULT_CONFIG, findEntry, readGatewayKey, type Settings } from "../settings.ts";
import { dropWallet, type Wallet, walletFile, writeWallet } from "../wallet-folder.ts";
import { BROKER_OPTIONS, brokerOf, connectionText } from "./connection.ts";
import { type Duties, type DutyContext, dutiesOf } from "./duties.ts";
import { dropOwnerOrder, keepOwnerOrder } from "./order-store.ts";
import { newPairing } from "./pairing.ts";
import { dropReplacement, type Replacement, readReplacement, writeReplacement } from "./replacement.ts";

const OPTIONS = {
  "owner-key": { type: "string" },
  out: { type: "string" },
  ...BROKER_OPTIONS,
  since: { type: "string" },
  config: { type: "string", default: DEFAULT_CONFIG },
  "dry-run": { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

export const REPLACE_HELP = `hirewire device replace NAME --owner-key KEYFILE --out FILE
                        [--broker URL] [--since BLOCK] [--dry-run] [--json]
hirewire device replace NAME --owner-key KEYFILE

Gives the device NAME a new key and connection file, for one that is lost, and
takes the lost key off the roster at once. Then its owner closes the lost
account's lanes, and once their windows are over, moves everything into the new
account's vault. Run it again until it says that it is done: it goes on where
it is, whatever happened in between.

  --owner-key KEYFILE  the key of the owner that the account has on the chain,
                       and whose coin pays the gas
  --out FILE           write the new connection file there, mode 0600; for a
                       board whose wallet the gateway keeps, its pairing file:
                       the new wallet has the old one's cap, of which nothing is
                       used yet
  --broker URL         as for hirewire device add; so are --ca, --broker-user
                       and --broker-password-file
  --since BLOCK        close lanes to others than the gateway too, of which
                       anything happened from that block on
  --dry-run            say what can be done now; change and send nothing
  --config FILE        the gateway's settings (gateway.toml)
  --json               one object
`;

type Values = ReturnType<typeof parseArguments<typeof OPTIONS>>["values"];

/**
 * @param args - what stands after `device replace`
 * @throws {@link Fault} before anything is changed `usage`, `config_missing`, `config_syntax`, `key_file`, `file_format`,
 * `disk_failed`,
 * `chain_mismatch`, `chain_unreachable`; later those of `withGateway` and of transactions: what is done then is done, and
 * the next call goes on
 */
export async function replaceDevice(
  args: readonly string[],
  io: CommandIo,
  ports: MoneyPorts,
): Promise<void> {
  const { values, positionals } = parseArguments("hirewire device replace", args, OPTIONS);
  if (values.help) {
    io.write(REPLACE_HELP);
    return;
  }
  const [typed, ...rest] = positionals;
  const { "owner-key": ownerKey } = values;
  if (typed === undefined || ownerKey === undefined || rest.length > 0) {
    throw new Fault("usage", "expected hirewire device replace NAME --owner-key KEYFILE --out FILE");
  }
  const settings = ports.readConfig(values.config);
  const entry = findEntry(settings, typed, "hirewire device list");
  const owner = ports.keys.read(ownerKey);
  const chain = await openChain(settings);
  const isDry = values["dry-run"] === true;
  const under = readReplacement(settings.data, entry.name);
  if (under && under.owner !== addressOfKey(owner)) {
    throw new Fault(
      "usage",
      `the owner is ${under.owner}, and ${ownerKey} is the key of ${addressOfKey(owner)}`,
    );
  }
  const replacement = under ?? (await begin({ settings, entry, owner, chain, ports, values }, isDry));
  if (!isDry) enrol(settings, entry, replacement);
  const { token, vault, id: chainId } = settings.chain;
  const gateway = addressOfKey(readGatewayKey(settings, ports.keys));
  const context: DutyContext = {
    ...{ chain, token, replacement, gateway, data: settings.data },
    decimals: await chain.decimals(token),
    books: () => readBooks(settings, { chainId, vault, token, gateway }),
  };
  const say = values.json ? io.warn.bind(io) : io.write.bind(io);
  say(
    `${replacement.name}: ${replacement.lost} is lost, ${isDry && !under ? "a new account" : replacement.fresh} takes its place\n`,
  );
  const run = { context, settings, ports, io, say, owner: keySender(chain, owner, ports.clock) };
  const sent = isDry ? [] : await carryOut(run);
  const left = await dutiesOf(context);
  const isDone = left.due.length === 0 && left.waitsUntil === null;
  if (isDone && !isDry) {
    dropReplacement(settings.data, replacement.name);
    dropOwnerOrder(settings.data, replacement.name);
  }
  tell(left, isDone, sent, replacement, values, io);
}

type Beginning = {
  readonly settings: Settings;
  readonly entry: RosterEntry;
  readonly owner: Uint8Array;
  readonly chain: Chain;
  readonly ports: MoneyPorts;
  readonly values: Values;
};

/** A new key, in the file of its device, or in a wallet here; and what has to be remembered until all is done. */
async function begin(beginning: Beginning, isDry: boolean): Promise<Replacement> {
  const { settings, entry, owner, chain, ports, values } = beginning;
  const address = addressOfKey(owner);
  const named = await chain.ownerOf(entry.device);
  if (named !== address) {
    const whose =
      named === null
        ? "has no owner on the chain, and nobody else can move its money"
        : `is owned by ${named}`;
    throw new Fault("usage", `${entry.name} (${entry.device}) ${whose}; this is the key of ${address}`);
  }
  const { out } = values;
  if (out === undefined) throw new Fault("usage", "name the new connection file: --out FILE");
  if (existsSync(out))
    throw new Fault("usage", `${out} is there already and may hold a key: name another file`);
  const since = values.since === undefined ? null : Number(values.since);
  if (since !== null && !(Number.isSafeInteger(since) && since >= 0)) {
    throw new Fault("usage", `--since takes the number of a block, not "${values.since}"`);
  }
  const { key, text, wallet } = newAccount(beginning);
  const fresh = addressOfKey(key);
  const { name } = entry;
  const replacement: Replacement = { version: 1, name, lost: entry.device, fresh, owner: address, since };
  if (isDry) return replacement;
  const message = { account: fresh, owner: address, token: settings.chain.token };
  const order = await signFile(key, chain, "SetOwner", message, newTerms(ports.clock.now(), OWNER_SECONDS));
  try {
    writeFileSync(out, text, { mode: 0o600, flag: "wx", flush: true });
  } catch (cause) {
    throw new Fault(diskCode(cause), `cannot write ${out}: nothing was changed`, { cause });
  }
  try {
    if (wallet) writeWallet(settings.data, wallet);
    keepOwnerOrder(settings.data, name, order);
    writeReplacement(settings.data, replacement);
  } catch (fault) {
    rmSync(out, { force: true });
    dropWallet(settings.data, fresh);
    throw fault;
  }
  return replacement;
}

/** A new key and the file that its device gets; one whose wallet is kept here gets another that is. */
function newAccount({ settings, entry, ports, values }: Beginning): {
  readonly key: Uint8Array;
  readonly text: string;
  readonly wallet: Wallet | null;
} {
  const { name, manufacturer, serialNumber, owner } = entry;
  const { id: chainId, vault, token } = settings.chain;
  const market = { gateway: addressOfKey(readGatewayKey(settings, ports.keys)), chainId, vault, token };
  const kept = walletFile(settings.data, entry.device);
  if (existsSync(kept)) {
    const { cap } = ports.keys.wallet(kept);
    const { wallet, file } = newPairing(market, { name, manufacturer, serialNumber, owner, cap });
    return { key: fromHex(wallet.key), text: pairingText(file), wallet };
  }
  const key = randomKey();
  const place = { ...brokerOf(values, settings.broker), manufacturer, serialNumber, name, key: toHex(key) };
  return { key, text: connectionText({ version: 1, ...place, ...market }), wallet: null };
}

/** The roster's file is what lets a device in: with the new address in it, the lost key is out. */
function enrol(settings: Settings, entry: RosterEntry, { fresh, owner }: Replacement): void {
  if (entry.device !== fresh) writeRosterEntry(settings.data, { ...entry, device: fresh, owner });
}

type Run = {
  readonly context: DutyContext;
  readonly settings: Settings;
  readonly ports: MoneyPorts;
  readonly io: CommandIo;
  readonly say: (text: string) => void;
  readonly owner: Sender;
};

/** Whatever can be done now; what that makes possible as well. */
async function carryOut(run: Run): Promise<SentStep[]> {
  const { context, settings, ports, io, say } = run;
  const sent: SentStep[] = [];
  for (let hasClaimed = false; ; ) {
    const { due, unclaimed } = await dutiesOf(context);
    const [next] = due;
    if (unclaimed > 0n && !hasClaimed && next?.step !== "setAllowance") {
      say(
        `the gateway claims ${formatAmount(unclaimed, context.decimals)} that the lost key has signed to it\n`,
      );
      const how = { settings, ports, io, chain: context.chain, dryRun: false };
      await withGateway(how, (gateway) => gateway.ask({ do: "settle", dryRun: false, force: true }));
      hasClaimed = true;
      continue;
    }
    if (!next) return sent;
    const send = async (sender: Sender | GatewaySender) => {
      const cost = await priceOf(context.chain, sender.address, next.call);
      await requireGas(context.chain, sender.address, cost);
      say(`${next.what}; gas costs at most ${coins(cost)}\n`);
      sent.push(...(await sendSteps(context.chain, sender, [next], ports.clock, say)));
    };
    const how = { settings, ports, io, chain: context.chain, dryRun: false };
    await (next.by === "gateway" ? withGateway(how, send) : send(run.owner));
  }
}

function tell(
  left: Duties,
  isDone: boolean,
  sent: readonly SentStep[],
  { name, lost, fresh }: Replacement,
  values: Values,
  io: CommandIo,
): void {
  const waitsUntil = left.waitsUntil === null ? null : new Date(left.waitsUntil * 1_000).toISOString();
  const dryRun = values["dry-run"] === true;
  if (values.json) {
    const transactions = sent.map(({ step, hash, block }) => ({ step, hash, block: Number(block) }));
    const due = left.due.map(({ step, what }) => ({ step, what }));
    const told = { dryRun, name, lost, fresh: dryRun ? null : fresh, out: values.out ?? null };
    io.write(`${JSON.stringify({ ...told, done: isDone, due, waitsUntil, transactions })}\n`);
    return;
  }
  if (dryRun) {
    for (const { what } of left.due) io.write(`would do now: ${what}\n`);
    if (left.unclaimed > 0n) io.write("would do now: claims what the lost key has signed to the gateway\n");
    io.write("nothing was changed or sent (--dry-run)\n");
  } else if (isDone) {
    io.write(
      `done: what the lost key had is in the vault of ${fresh}; next: hirewire lane open ${name} AMOUNT --from KEYFILE\n`,
    );
  }
  if (waitsUntil !== null) io.write(`a lane can be claimed until ${waitsUntil}: run this again after that\n`);
}
