/**
 * The roster as files: one `<name>.json` per enrolled device in the data folder's `devices/`.
 *
 * `hirewire device add` writes a file whether or not the gateway runs; the gateway reads the folder at its start and
 * whenever it changes, and journals who is new. Keys are never in here.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { Hex } from "../base/bytes.ts";
import { Fault } from "../base/fault.ts";
import type { Roster } from "../market/roster.ts";
import type { FactNamed } from "../protocol/facts.ts";
import { address, topicLevel } from "../protocol/scalar.ts";

const schema = z.strictObject({
  version: z.literal(1),
  device: address,
  name: topicLevel,
  owner: address.nullable(),
  manufacturer: topicLevel,
  serialNumber: topicLevel,
});

export type RosterEntry = z.output<typeof schema>;

function folderOf(dataFolder: string): string {
  return join(dataFolder, "devices");
}

/** Writes or replaces one entry; never half of it. */
export function writeRosterEntry(dataFolder: string, entry: RosterEntry): void {
  mkdirSync(folderOf(dataFolder), { recursive: true });
  const file = join(folderOf(dataFolder), `${entry.name}.json`);
  writeFileSync(`${file}.new`, `${JSON.stringify(z.encode(schema, entry), null, 2)}\n`);
  renameSync(`${file}.new`, file);
}

/** @throws {@link Fault} `file_format` naming the file that is not an entry */
export function readRoster(dataFolder: string): RosterEntry[] {
  mkdirSync(folderOf(dataFolder), { recursive: true });
  const files = readdirSync(folderOf(dataFolder)).filter((file) => file.endsWith(".json"));
  return files.toSorted().map((file) => readEntry(join(folderOf(dataFolder), file)));
}

function readEntry(file: string): RosterEntry {
  try {
    return schema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (cause) {
    throw new Fault("file_format", `${file} is not a roster entry`, { cause });
  }
}

/** The entries that the journal does not know, or knows otherwise. */
export function enrolments(entries: readonly RosterEntry[], known: Roster): FactNamed<"deviceEnrolled">[] {
  return entries
    .filter((entry) => JSON.stringify(entryOf(known, entry.device)) !== JSON.stringify(entry))
    .map(({ version: _, ...entry }) => ({ kind: "deviceEnrolled", ...entry }));
}

function entryOf(known: Roster, device: Hex): RosterEntry | null {
  const found = known.get(device);
  if (!found) return null;
  const { name, owner, manufacturer, serialNumber } = found;
  return { version: 1, device, name, owner, manufacturer, serialNumber };
}

/** Calls `changed` when something in the folder changes; returns how to stop. */
export function watchRoster(dataFolder: string, changed: () => void): () => void {
  mkdirSync(folderOf(dataFolder), { recursive: true });
  const watcher = watch(folderOf(dataFolder), changed);
  watcher.on("error", () => watcher.close());
  return () => watcher.close();
}
