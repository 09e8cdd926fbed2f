/** The doctor's checks of the data folder: space, key, roster and journal. Makes nothing that is not there. */
import { existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { Hex } from "../../base/bytes.ts";
import { isFault } from "../../base/fault.ts";
import { openJournal } from "../../journal/sqlite-journal.ts";
import { addressOfKey } from "../../kernels/signature.ts";
import type { RosterEntry } from "../roster-folder.ts";
import { enrolled, gatewayKeyFile, type Keys, type Settings } from "../settings.ts";
import { readWallets, walletFile } from "../wallet-folder.ts";
import { type Check, good, note, words, wrong } from "./check.ts";
import type { Machine } from "./machine.ts";

/** Below this the journal may soon not grow. */
const SPACE_NEEDED = 100e6;
/** Blobs may take a gibibyte; as much again is room for journal and backups. */
const SPACE_WANTED = 2e9;
/** Entries whose hashes and texts are checked; `hirewire log verify` does all. */
const NEWEST = 64;

/**
 * Whether the folder, or the nearest one above it that exists, can be written, and its disk's free bytes:
 * below 100 MB is wrong, below 2 GB a note.
 */
export function folderChecks({ data }: Settings, machine: Machine): Check[] {
  const there = existing(data);
  const why = machine.forbidden(there);
  const missing = there === data ? "" : ", not there yet";
  const folder =
    why === null
      ? good("data folder", `${data}${missing}`)
      : wrong("data folder", `cannot write ${there}: ${why}`, `sudo chown -R $USER ${there}, or set data`);
  const free = machine.freeBytes(there);
  const text = `${(free / 1e9).toFixed(1)} GB`;
  const fix = "make room, or set data to a larger disk";
  if (free < SPACE_NEEDED) return [folder, wrong("free space", `${text}, too little for the journal`, fix)];
  if (free < SPACE_WANTED) return [folder, note("free space", `${text}; the gateway may fill 2 GB`, fix)];
  return [folder, good("free space", text)];
}

function existing(folder: string): string {
  return existsSync(folder) || dirname(folder) === folder ? folder : existing(dirname(folder));
}

/** The check of the key file, and the gateway's address where there is one. */
export function keyCheck(settings: Settings, keys: Keys): { check: Check; gateway: Hex | null } {
  const name = "gateway key";
  const file = gatewayKeyFile(settings);
  if (!existsSync(file)) {
    return { check: wrong(name, `none at ${file}`, "hirewire device add NAME makes it"), gateway: null };
  }
  try {
    const gateway = addressOfKey(keys.read(file));
    const mode = statSync(file).mode & 0o777;
    if ((mode & 0o077) === 0) return { check: good(name, `${gateway}, mode ${mode.toString(8)}`), gateway };
    const found = `mode ${mode.toString(8)}: other users of this machine can take the money`;
    return { check: wrong(name, found, `chmod 600 ${file}`), gateway };
  } catch (error) {
    return { check: wrong(name, words(error), "restore the key from your backup"), gateway: null };
  }
}

/** The check of the roster, and who is on it: files that the gateway passes over are wrong. */
export function rosterCheck(settings: Settings): { check: Check; devices: readonly RosterEntry[] } {
  try {
    const { entries: devices, faults } = enrolled(settings);
    if (faults.length > 0) {
      const found = faults.map(({ message }) => message).join("; ");
      const fix = "correct or remove that file, then hirewire device add";
      return { check: wrong("roster", `${count(devices.length, "device")}, and ${found}`, fix), devices };
    }
    if (devices.length > 0) return { check: good("roster", count(devices.length, "device")), devices };
    return { check: note("roster", "no device is enrolled", "hirewire device add NAME"), devices };
  } catch (error) {
    const fix = `see that $USER can read ${settings.data}`;
    return { check: wrong("roster", words(error), fix), devices: [] };
  }
}

/** The check of the wallets that are kept for boards; none where there are none. */
export function walletChecks({ data }: Settings, keys: Keys): Check[] {
  const name = "wallets";
  const { wallets, faults } = readWallets(data, keys.wallet);
  if (wallets.length + faults.length === 0) return [];
  const kept = count(wallets.length, "wallet");
  if (faults.length > 0) {
    const found = faults.map(({ message }) => message).join("; ");
    return [wrong(name, `${kept}, and ${found}`, "restore that file from your backup, or remove it")];
  }
  const open = wallets
    .map(({ device }) => walletFile(data, device))
    .filter((file) => (statSync(file).mode & 0o077) !== 0);
  if (open.length === 0) return [good(name, `${kept} kept for boards`)];
  const found = "other users of this machine can spend what is on them";
  return [wrong(name, `${kept}: ${found}`, `chmod 600 ${open.join(" ")}`)];
}

/** Opens the journal for reading, beside a gateway that may run, and checks the newest 64 entries. */
export function journalCheck({ data }: Settings): Check {
  try {
    const journal = openJournal(data, { readOnly: true });
    try {
      const { index } = journal.head();
      let held = 0;
      for (const _ of journal.entries(Math.max(0, index - NEWEST))) held++;
      return good("journal", `${count(index, "entry", "entries")}, the newest ${held} hold`);
    } finally {
      journal.close();
    }
  } catch (error) {
    if (isFault(error, "config_missing"))
      return note("journal", "none yet: the gateway makes it at its start");
    if (!isFault(error, "journal_broken"))
      return wrong("journal", words(error), `see that $USER can read ${data}`);
    return wrong("journal", words(error), "stop the gateway, then hirewire log verify; restore a backup");
  }
}

function count(many: number, one: string, more = `${one}s`): string {
  return `${many.toLocaleString("en-US")} ${many === 1 ? one : more}`;
}
