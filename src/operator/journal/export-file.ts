/** Verifies a JSON Lines export of the settlement log: the journal's records that stand in it, as far as they go. */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { z } from "zod";
import type { Hex } from "../../base/bytes.ts";
import { Fault } from "../../base/fault.ts";
import type { Claim } from "../../journal/evidence.ts";
import { Excerpt, type RecordText } from "../../journal/excerpt.ts";
import { checkSigners } from "../../kernels/signature.ts";
import type { Market } from "../../protocol/typed-data.ts";

/** What was found in a file. */
export type FileFound = {
  readonly rows: number;
  readonly records: number;
  /** Records whose text is here and has its hash. */
  readonly hashes: number;
  /** Records that stand next to the one before them in the journal, and follow it. */
  readonly links: number;
  readonly signatures: number;
  /** How many of what could not be checked, by why. */
  readonly unchecked: Readonly<Record<string, number>>;
  /** Whose journal it is; null when no record names it. */
  readonly market: Market | null;
  /** The first record, or line, that does not hold. */
  readonly broken: { readonly index: number; readonly why: string } | null;
};

/** Signatures that are checked together. */
const GROUP = 1_024;

/** Of a row, only what leads to its record and what it says of money. */
const line = z.looseObject({
  entry: z.number().int().min(1),
  kind: z.string().optional(),
  amount: z.string().optional(),
  record: z
    .strictObject({
      index: z.number().int().min(1),
      hash: z.string(),
      previous: z.string(),
      text: z.string().nullish(),
    })
    .optional(),
});

/**
 * Reads a file once, with constant memory but for the tasks that its records leave open.
 *
 * @param onProgress - called now and then with how many records were read
 * @throws {@link Fault} `config_missing` when there is no such file, `disk_failed`, `file_format` when no record is in it
 */
export async function verifyExport(path: string, onProgress: (records: number) => void): Promise<FileFound> {
  const walk = new FileWalk();
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY });
  try {
    for await (const text of lines) {
      if (text.trim() === "") continue;
      if (!walk.take(text)) break;
      if (walk.isFull) {
        if (!walk.check()) break;
        onProgress(walk.records);
      }
    }
  } catch (cause) {
    throw unread(path, cause);
  }
  walk.check();
  const found = walk.found();
  if (found.records === 0 && !found.broken) {
    throw new Fault("file_format", `${path} has no record of a journal: export the log as JSON Lines`);
  }
  return found;
}

function unread(path: string, cause: unknown): unknown {
  if (!(cause instanceof Error && "code" in cause)) return cause;
  if (cause.code === "ENOENT") return new Fault("config_missing", `there is no file ${path}`, { cause });
  return new Fault("disk_failed", `${path} cannot be read: ${cause.message}`, { cause });
}

class FileWalk {
  readonly #excerpt = new Excerpt(null);
  readonly #unchecked: Record<string, number> = {};
  #claims: { readonly index: number; readonly claim: Claim }[] = [];
  #rows = 0;
  #hashes = 0;
  #links = 0;
  #signatures = 0;
  /** Index of the newest record; 0 before the first. */
  #newest = 0;
  /** Every sum in the newest record; null where its text is not here. */
  #sums: ReadonlySet<bigint> | null = null;
  #broken: FileFound["broken"] = null;
  records = 0;

  get isFull(): boolean {
    return this.#claims.length >= GROUP;
  }

  /** Takes a line. False when it does not hold: what comes after it is not read. */
  take(text: string): boolean {
    this.#rows += 1;
    const row = rowOf(text);
    if (!row) return this.#fail(this.#newest, `line ${this.#rows} is no row of an export`);
    const { record, entry } = row;
    if (record && !this.#takeRecord({ ...record, text: record.text ?? null }, entry)) return false;
    if (entry !== this.#newest) {
      return this.#fail(entry, `line ${this.#rows} is of a record that does not stand before it`);
    }
    const { kind = "", amount = "" } = row;
    if (this.#sums === null || !TOLD.has(kind) || this.#sums.has(unitsOf(amount))) return true;
    return this.#fail(entry, `line ${this.#rows} says ${amount}, which is in none of its facts`);
  }

  /** Checks the signatures that were gathered. False when one is wrong. */
  check(): boolean {
    const claims = this.#claims;
    this.#claims = [];
    const verdicts = checkSigners(claims.map(({ claim }) => claim));
    const wrong = claims.find((_, at) => verdicts[at] !== true);
    if (wrong) {
      // It stands before whatever else was found.
      this.#broken = { index: wrong.index, why: wrong.claim.wrong };
      return false;
    }
    this.#signatures += claims.length;
    return true;
  }

  found(): FileFound {
    return {
      ...{ rows: this.#rows, records: this.records, hashes: this.#hashes, links: this.#links },
      ...{ signatures: this.#signatures, unchecked: this.#unchecked },
      ...{ market: this.#excerpt.market, broken: this.#broken },
    };
  }

  #takeRecord(record: RecordText, entry: number): boolean {
    const { index } = record;
    this.records += 1;
    this.#newest = index;
    const { computed, follows, wrong, facts, claims, gaps } = this.#excerpt.take(record);
    this.#sums = computed === null ? null : sumsIn(facts);
    for (const claim of claims) this.#claims.push({ index, claim });
    if (entry !== index) return this.#fail(index, `line ${this.#rows} is of entry ${entry}`);
    if (wrong[0] !== undefined) return this.#fail(index, wrong[0]);
    if (computed !== null) this.#hashes += 1;
    if (follows === "yes") this.#links += 1;
    for (const { what, why } of gaps) {
      const name = `${what}: ${why}`;
      this.#unchecked[name] = (this.#unchecked[name] ?? 0) + 1;
    }
    return true;
  }

  #fail(index: number, why: string): false {
    this.#broken = { index, why };
    return false;
  }
}

/** Rows whose amount stands in their record; that of a claimed lane is the difference to an earlier one. */
const TOLD: ReadonlySet<string> = new Set(["earned", "spent", "fee", "returned", "gas"]);

/** Decimal text in the smallest units of what it counts; -1 for other text. */
function unitsOf(text: string): bigint {
  return /^\d+(\.\d+)?$/.test(text) ? BigInt(text.replace(".", "")) : -1n;
}

function sumsIn(value: unknown, into = new Set<bigint>()): Set<bigint> {
  if (typeof value === "bigint") into.add(value < 0n ? -value : value);
  else if (typeof value === "object" && value !== null) {
    for (const one of Object.values(value)) sumsIn(one, into);
  }
  return into;
}

function rowOf(text: string): z.output<typeof line> | null {
  try {
    const row = line.safeParse(JSON.parse(text));
    return row.success ? row.data : null;
  } catch {
    return null;
  }
}

/** Whose journal the records say it is, for a person to compare. */
export function marketText({ gateway, chainId, vault }: Market): string {
  return `gateway ${gateway} on chain ${chainId}, vault ${vault satisfies Hex}`;
}
