/**
 * The roster as files: one `<name>.json` per enrolled device in the data folder's `devices/`.
 *
 * `hirewire device add` writes a file whether or not the gateway runs; the gateway reads the folder at its start and
 * whenever it changes, and journals who is new. Keys are never in here.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, watch, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { z } from "zod";
import type { Hex } from "../base/bytes.ts";
import { Fault } from "../base/fault.ts";
import { type Device, GUEST, type Roster } from "../market/roster.ts";
import type { FactNamed } from "../protocol/facts.ts";
import { address, topicLevel } from "../protocol/scalar.ts";

const schema = z.strictObject({
  version: z.literal(1),
  device: address,
  name: topicLevel,
  owner: address.nullable(),
  manufacturer: topicLevel.refine((name) => name !== GUEST, "is for guests"),
  serialNumber: topicLevel,
  /** What its tasks may cost in a day, in the token's own decimals such as `"2.50"`; null: no limit of its own. */
  perDay: z
    .string()
    .regex(/^\d{1,20}(\.\d{1,36})?$/)
    .nullable()
    .default(null),
  /** Kept out by its operator; not there for one that is let in. */
  disabled: z.literal(true).optional(),
  /** With `disabled`: its owner's operator keeps it out, and may let it in again; else the gateway's own does. */
  disabledBy: z.literal("owner").optional(),
});

export type RosterEntry = z.output<typeof schema>;

/** What is written: a budget that is not there is no limit. */
type Entered = Omit<RosterEntry, "perDay"> & { readonly perDay?: RosterEntry["perDay"] };

function folderOf(dataFolder: string): string {
  return join(dataFolder, "devices");
}

/** Writes or replaces one entry; never half of it. */
export function writeRosterEntry(dataFolder: string, entry: Entered): void {
  mkdirSync(folderOf(dataFolder), { recursive: true });
  const file = rosterFile(dataFolder, entry.name);
  const text = JSON.stringify(z.encode(schema, { ...entry, perDay: entry.perDay ?? null }), null, 2);
  writeFileSync(`${file}.new`, `${text}\n`, { flush: true });
  renameSync(`${file}.new`, file);
}

export type RosterReading = {
  readonly entries: readonly RosterEntry[];
  /** `file_format` for each file that is passed over, its path in the fact `file`. */
  readonly faults: readonly Fault[];
};

/**
 * Reads every entry that can be used: one bad file must not keep the other devices out.
 *
 * Passed over are files that are no entry, and those that claim the name, the address or the topics of another. An
 * entry in the file of its own name comes before one in a copy of it; else the file's name decides.
 */
export function readRoster(dataFolder: string): RosterReading {
  mkdirSync(folderOf(dataFolder), { recursive: true });
  const names = readdirSync(folderOf(dataFolder)).filter((name) => name.endsWith(".json"));
  const faults: Fault[] = [];
  const found: Found[] = [];
  for (const name of names.toSorted()) {
    const one = readEntry(join(folderOf(dataFolder), name));
    if (one instanceof Fault) faults.push(one);
    else found.push(one);
  }
  const entries: RosterEntry[] = [];
  for (const { file, entry } of found.toSorted((a, b) => Number(isCopy(a)) - Number(isCopy(b)))) {
    const claim = claimOf(entry, entries);
    if (claim)
      faults.push(fileFault(file, `claims the ${claim.what} of ${claim.by.name} (${claim.by.device})`));
    else entries.push(entry);
  }
  return { entries: entries.toSorted((a, b) => (a.name < b.name ? -1 : 1)), faults };
}

type Found = { readonly file: string; readonly entry: RosterEntry };

function readEntry(file: string): Found | Fault {
  try {
    return { file, entry: schema.parse(JSON.parse(readFileSync(file, "utf8"))) };
  } catch (cause) {
    return fileFault(file, "is not a roster entry", cause);
  }
}

function isCopy({ file, entry }: Found): boolean {
  return basename(file) !== `${entry.name}.json`;
}

function fileFault(file: string, why: string, cause?: unknown): Fault {
  return new Fault("file_format", `${file} ${why}`, { cause, facts: { file } });
}

/** What an entry would take away from another, and from whom; null when all of it is free. */
export function claimOf(
  entry: RosterEntry,
  others: readonly RosterEntry[],
): { what: "name" | "address" | "topics"; by: RosterEntry } | null {
  for (const by of others) {
    // some file systems keep Robot.json and robot.json in one place
    if (by.name.toLowerCase() === entry.name.toLowerCase()) return { what: "name", by };
    if (by.device === entry.device) return { what: "address", by };
    const isSameMaker = by.manufacturer === entry.manufacturer;
    if (isSameMaker && by.serialNumber === entry.serialNumber) return { what: "topics", by };
  }
  return null;
}

/** The file that an entry of this name is kept in. */
export function rosterFile(dataFolder: string, name: string): string {
  return join(folderOf(dataFolder), `${name}.json`);
}

/** The entries that the journal does not know, or knows otherwise. Budgets are no part of it: they are read anew. */
export function enrolments(entries: readonly RosterEntry[], known: Roster): FactNamed<"deviceEnrolled">[] {
  return entries.filter((entry) => !isKnown(entry, known.get(entry.device))).map(factOf);
}

/**
 * What the entries say of who is kept out, where the journal says otherwise. Of devices that have no entry nothing is
 * said: they may not come in either way.
 */
export function exclusions(
  entries: readonly RosterEntry[],
  known: ReadonlySet<Hex>,
): FactNamed<"deviceDisabled" | "deviceEnabled">[] {
  return entries
    .filter(({ device, disabled = false }) => known.has(device) !== disabled)
    .map(({ device, disabled }) => ({ kind: disabled ? "deviceDisabled" : "deviceEnabled", device }));
}

function factOf({
  device,
  name,
  owner,
  manufacturer,
  serialNumber,
}: RosterEntry): FactNamed<"deviceEnrolled"> {
  return { kind: "deviceEnrolled", device, name, owner, manufacturer, serialNumber };
}

function isKnown(entry: RosterEntry, known: Device | undefined): boolean {
  return (
    known !== undefined &&
    known.name === entry.name &&
    known.owner === entry.owner &&
    known.manufacturer === entry.manufacturer &&
    known.serialNumber === entry.serialNumber
  );
}

/** Calls `changed` when something in the folder changes; returns how to stop. */
export function watchRoster(dataFolder: string, changed: () => void): () => void {
  mkdirSync(folderOf(dataFolder), { recursive: true });
  const watcher = watch(folderOf(dataFolder), changed);
  watcher.on("error", () => watcher.close());
  return () => watcher.close();
}
