/** The doctor's checks of the data folder: space, key, roster and journal. Makes nothing that is not there. */
import { existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { Hex } from "../../base/bytes.ts";
import { isFault } from "../../base/fault.ts";
import { journalFile, openJournal } from "../../journal/sqlite-journal.ts";
import { addressOfKey } from "../../kernels/signature.ts";
import { bytesText } from "../disk/free-bytes.ts";
import type { RosterEntry } from "../roster-folder.ts";
import {
  besideCredential,
  enrolled,
  gatewayKeyFile,
  type Keys,
  readGatewayKey,
  type Settings,
} from "../settings.ts";
import { readWallets, walletFile } from "../wallet-folder.ts";
import { type Check, good, note, words, wrong } from "./check.ts";
import type { Machine } from "./machine.ts";

/** Blobs may take a gibibyte; as much again is room for journal and backups. */
const SPACE_WANTED = 2e9;
/** Entries whose hashes and texts are checked; `hirewire log verify` does all. */
const NEWEST = 64;

/**
 * Whether the folder, or the nearest one above it that exists, can be written, and its disk's free bytes:
 * below the reserve is wrong, below 2 GB a note. An SD card is a note.
 */
export function folderChecks({ data, disk }: Settings, machine: Machine): Check[] {
  const there = existing(data);
  const why = machine.forbidden(there);
  const missing = there === data ? "" : ", not there yet";
  const folder =
    why === null
      ? good("data folder", `${data}${missing}`)
      : wrong("data folder", `cannot write ${there}: ${why}`, `sudo chown -R $USER ${there}, or set data`);
  return [folder, spaceCheck(machine.freeBytes(there), disk.reserve), cardCheck(machine.card(there))];
}

function spaceCheck(free: number, reserve: number): Check {
  const name = "free space";
  const text = bytesText(free);
  const fix = "make room, or set data to a larger disk";
  if (free < reserve) {
    return wrong(name, `${text}, less than the reserve of ${bytesText(reserve)}: no offers are taken`, fix);
  }
  return free < SPACE_WANTED ? note(name, `${text}; the gateway may fill 2 GB`, fix) : good(name, text);
}

function cardCheck(card: string | null): Check {
  if (card === null) return good("disk", "not an SD card, as far as can be told");
  const fix = "a card of high endurance, or data and disk.backup_folder on an SSD";
  return note("disk", `the SD card ${card}, which wears out with what is written`, fix);
}

/** The folder, or the nearest one above it that is there. */
export function existing(folder: string): string {
  return existsSync(folder) || dirname(folder) === folder ? folder : existing(dirname(folder));
}

/** The check of the key, wherever it comes from, and the gateway's address where there is one. */
export function keyCheck(settings: Settings, keys: Keys): { check: Check; gateway: Hex | null } {
  const name = "gateway key";
  const file = gatewayKeyFile(settings);
  if (!existsSync(file)) return { check: noKey(settings, file), gateway: null };
  try {
    const gateway = addressOfKey(readGatewayKey(settings, keys));
    if (settings.credential) return { check: good(name, `${gateway}, the credential ${file}`), gateway };
    const mode = statSync(file).mode & 0o777;
    const found = `${gateway}, ${file}, mode ${mode.toString(8)}`;
    if ((mode & 0o077) === 0) return { check: good(name, found), gateway };
    const open = `${found}: other users of this machine can take the money`;
    return { check: wrong(name, open, `chmod 600 ${file}`), gateway };
  } catch (error) {
    const isDouble = besideCredential(settings) !== null;
    const fix = isDouble ? "keep the one whose address the journal has" : "restore the key from your backup";
    return { check: wrong(name, words(error), fix), gateway: null };
  }
}

function noKey({ data }: Settings, file: string): Check {
  const found = `none at ${file}`;
  if (!existsSync(journalFile(data))) return wrong("gateway key", found, "hirewire device add NAME makes it");
  const elsewhere =
    "CREDENTIALS_DIRECTORY=/etc/hirewire hirewire doctor where it is a credential; else restore it";
  return wrong("gateway key", `${found}, and the journal belongs to one`, elsewhere);
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
