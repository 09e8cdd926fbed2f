/** The gateway's key, made where it has none yet. */
import { existsSync } from "node:fs";
import { Fault } from "../base/fault.ts";
import { journalFile } from "../journal/sqlite-journal.ts";
import { gatewayKeyFile, type Keys, readGatewayKey, type Settings } from "./settings.ts";

/**
 * The gateway's private key. A new folder without one gets one; a folder with a journal never does, since what is in that
 * belongs to a key that is elsewhere.
 *
 * @throws {@link Fault} `key_file` also when another key lies beside a credential
 */
export function openGatewayKey(
  settings: Settings,
  keys: Keys,
): { readonly key: Uint8Array; readonly file: string; readonly isNew: boolean } {
  const file = gatewayKeyFile(settings);
  if (existsSync(file)) return { key: readGatewayKey(settings, keys), file, isNew: false };
  if (existsSync(journalFile(settings.data))) {
    const where =
      "restore it from your backup, or name the folder of its credential in CREDENTIALS_DIRECTORY";
    throw new Fault("key_file", `${settings.data} has a journal, and its key is not at ${file}: ${where}`);
  }
  return { key: keys.create(file), file, isNew: true };
}
