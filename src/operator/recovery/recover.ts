/** `hirewire recover`: a new data folder for a gateway whose disk is lost, out of the chain and peers' vouchers. */
import { chmodSync, copyFileSync } from "node:fs";
import { join } from "node:path";
import type { ParseArgsConfig } from "node:util";
import type { Hex } from "../../base/bytes.ts";
import { Fault } from "../../base/fault.ts";
import { openJournal } from "../../journal/sqlite-journal.ts";
import { addressOfKey } from "../../kernels/signature.ts";
import type { FactNamed } from "../../protocol/facts.ts";
import type { Market } from "../../protocol/typed-data.ts";
import { voucherPayer } from "../../protocol/voucher.ts";
import type { Chain, LaneKey } from "../../settlement/chain.ts";
import { parseArguments } from "../arguments.ts";
import type { CommandIo } from "../io.ts";
import { openChain } from "../money/journey.ts";
import { enrolments, readRoster, writeRosterEntry } from "../roster-folder.ts";
import { DEFAULT_CONFIG, enrolled, gatewayKeyFile, type Settings } from "../settings.ts";
import { readWallets, writeWallet } from "../wallet-folder.ts";
import type { RecoveryPorts } from "./backup.ts";
import { buildFolder, isTaken } from "./draft-folder.ts";
import { foundLanes, type Rebuilt, rebuild, type SeenLane } from "./rebuild.ts";
import { recoveryAsJson, showRecovery } from "./recover-report.ts";
import { markRestored, restoredReason } from "./restored-mark.ts";
import { type FoundVoucher, readVoucherFile } from "./voucher-file.ts";

/** `recover` writes the fee into the new journal's first record as well. */
export type RecoverPorts = Pick<RecoveryPorts, "keys" | "clock"> & {
  /** @throws {@link Fault} `config_missing`, `config_syntax` */
  readonly readConfig: (
    path: string,
  ) => Settings & { readonly market: { readonly fee_basis_points: number } };
};

const OPTIONS = {
  data: { type: "string" },
  vouchers: { type: "string", multiple: true, default: [] as string[] },
  key: { type: "string" },
  roster: { type: "string" },
  "from-block": { type: "string", default: "0" },
  "no-credit": { type: "boolean" },
  config: { type: "string", default: DEFAULT_CONFIG },
  "dry-run": { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

const HELP = `hirewire recover --data NEWDIR [--vouchers FILE]... [--key KEYFILE]
                 [--roster DIR] [--from-block N] [--no-credit]
                 [--dry-run] [--json] [--config gateway.toml]

For a gateway that has lost its data folder and has no backup: makes a new one
out of what others know. The chain has every lane; the vouchers that count come
from whoever holds them. Each lane ends at the higher of what is settled and what
the highest valid voucher says. A voucher that is for another chain, vault, token
or epoch, or that its lane's payer has not signed, is left out and named.

  --data NEWDIR    the new data folder, empty or not there yet
  --vouchers FILE  a robot's wallet file, a requester's exported vouchers, a
                   watchtower's file, an old or broken journal.sqlite with the
                   archive beside it, one file of such an archive, or JSON lines
                   of vouchers; may be given many times
  --key KEYFILE    the gateway's key (default: gateway.key of the settings' data)
  --roster DIR     a data folder with devices/*.json, and wallets/*.json that the
                   gateway keeps for boards (default: the settings')
  --from-block N   look no further back on the chain; the vault's first block (0)
  --no-credit      what payers have signed is the gateway's: otherwise what of it
                   is not claimed counts as their credit, spent or not
  --dry-run        find everything and say it; write nothing
  --config FILE    the gateway's settings (gateway.toml)
  --json           one object, amounts as decimal text

The new gateway starts halted. Devices that come back show it more vouchers; then
hirewire settle --now claims what is found, and hirewire resume goes on.
`;

type Values = ReturnType<typeof parseArguments<typeof OPTIONS>>["values"];

/**
 * Runs `hirewire recover …` and gives its exit code, 0.
 *
 * @param args - what stands after `recover`
 * @throws {@link Fault} `usage`, `config_missing`, `config_syntax`, `key_file`, `file_format` and `disk_failed` for a
 * file of vouchers, `chain_unreachable`, `chain_mismatch`, `rpc_disagrees`, `disk_failed`; then NEWDIR is as it was
 */
export async function recoverCommand(args: string[], io: CommandIo, ports: RecoverPorts): Promise<number> {
  const { values, positionals } = parseArguments("hirewire recover", args, OPTIONS);
  if (values.help) {
    io.write(HELP);
    return 0;
  }
  const data = checked(values, positionals);
  const settings = ports.readConfig(values.config);
  const keyFile = values.key ?? gatewayKeyFile(settings);
  const { id: chainId, vault, token } = settings.chain;
  const market: Market = { gateway: addressOfKey(ports.keys.read(keyFile)), chainId, vault, token };
  const vouchers = values.vouchers.flatMap((file) => heard(io, file, readVoucherFile(file, market)));
  const chain = await openChain(settings);
  const { entries, faults } = values.roster === undefined ? enrolled(settings) : readRoster(values.roster);
  const { wallets, faults: worse } = readWallets(values.roster ?? settings.data, ports.keys.wallet);
  for (const { message } of [...faults, ...worse]) io.warn(`passed over: ${message}\n`);
  const devices = enrolments(entries, new Map());
  const lanes = await seenLanes(chain, market, devices, vouchers, BigInt(values["from-block"]));
  const decimals = await chain.decimals(token);
  const at = ports.clock.now();
  const mark = { from: "recover", backedUpAt: null, at };
  const rebuilt = rebuild({
    ...{ market, at, lanes, vouchers, devices, keepsCredit: values["no-credit"] !== true },
    started: { decimals, feeBasisPoints: settings.market.fee_basis_points },
    reason: restoredReason({ version: 1, index: 0, ...mark }),
  });
  const isDry = values["dry-run"] === true;
  if (!isDry) {
    buildFolder(data, (draft) => {
      if (keyFile !== settings.credential) {
        copyFileSync(keyFile, join(draft, "gateway.key"));
        chmodSync(join(draft, "gateway.key"), 0o600);
      }
      for (const wallet of wallets) writeWallet(draft, wallet);
      for (const entry of entries) writeRosterEntry(draft, entry);
      markRestored(draft, { ...mark, index: rebuilt.drafts.length });
      writeJournal(draft, rebuilt);
    });
  }
  const report = { data, market, decimals, isDry, rebuilt, lanes: foundLanes(rebuilt.state, market) };
  if (values.json) io.write(`${JSON.stringify(recoveryAsJson(report))}\n`);
  else showRecovery(io, report);
  return 0;
}

function checked(values: Values, positionals: readonly string[]): string {
  const { data } = values;
  if (data === undefined || positionals.length > 0) {
    throw new Fault("usage", "expected hirewire recover --data NEWDIR [--vouchers FILE]...");
  }
  if (isTaken(data)) throw new Fault("usage", `${data} is not empty: recover into a new folder`);
  if (!/^\d{1,15}$/.test(values["from-block"])) {
    throw new Fault("usage", `--from-block takes a block's number, not "${values["from-block"]}"`);
  }
  return data;
}

function heard(io: CommandIo, file: string, found: FoundVoucher[]): FoundVoucher[] {
  if (found.length === 0) io.warn(`${file} holds no voucher\n`);
  return found;
}

/** Lanes that one question to the vault covers. */
const LANES_AT_ONCE = 5_000;

/**
 * Every lane of the gateway's in its token that holds or has ever held anything. Events name them, and so do roster and
 * vouchers, where a node has forgotten old events.
 */
async function seenLanes(
  chain: Chain,
  market: Market,
  devices: readonly FactNamed<"deviceEnrolled">[],
  vouchers: readonly FoundVoucher[],
  fromBlock: bigint,
): Promise<SeenLane[]> {
  const { gateway, token } = market;
  const told = await chain.lanesOf(gateway, fromBlock);
  const parties = new Set<Hex>(devices.map(({ device }) => device));
  for (const { voucher } of vouchers) {
    const payer = voucherPayer(voucher);
    if (payer !== null && (payer === gateway || voucher.payee === gateway)) {
      parties.add(payer === gateway ? voucher.payee : payer);
    }
  }
  const named = [...parties].flatMap((device) => [
    { payer: device, payee: gateway, token },
    { payer: gateway, payee: device, token },
  ]);
  const keys = new Map<string, LaneKey>();
  for (const key of [...told, ...named]) {
    if (key.token === token) keys.set(`${key.payer} ${key.payee}`, key);
  }
  return await readLanes(chain, [...keys.values()]);
}

async function readLanes(chain: Chain, keys: readonly LaneKey[]): Promise<SeenLane[]> {
  const seen: SeenLane[] = [];
  for (let from = 0; from < keys.length; from += LANES_AT_ONCE) {
    const some = keys.slice(from, from + LANES_AT_ONCE);
    const { block, lanes } = await chain.lanes(some, "confirmed");
    for (const [at, { payer, payee, token }] of some.entries()) {
      const lane = lanes[at];
      if (!lane) throw new Fault("impossible", "asked for a lane and got none");
      const { epoch, deposit, settled, closeAt, window } = lane;
      if (deposit === 0n && epoch === 0) continue;
      const state = { epoch, deposit, settled, closeAt, window };
      seen.push({ payer, payee, token, ...state, block: Number(block) });
    }
  }
  return seen;
}

function writeJournal(folder: string, { drafts }: Rebuilt): void {
  const journal = openJournal(folder);
  try {
    journal.append(drafts);
  } finally {
    journal.close();
  }
}
