/** The filtered log as a file, oldest row first, a portion at a time: memory does not grow with the log. */
import type { ExportQuery } from "../api/settlement.ts";
import type { Asks } from "../views/ask.ts";
import { BLOCK_ROWS, type Block } from "../views/block.ts";
import type { Owner } from "../views/directory.ts";
import { type Filter, mayMatch } from "../views/filter.ts";
import type { Reader } from "../views/reader.ts";
import { Matcher } from "../views/scan.ts";
import { isOwnBusiness, storyEntryOf } from "../views/story-entry.ts";
import { CSV_HEADER, csvRow } from "./csv.ts";
import { jsonlRow } from "./jsonl.ts";
import { LEDGER_HEADER, LedgerWriter } from "./ledger.ts";

/** Rows in a portion: a few milliseconds of work, in which nobody else is answered. */
const PORTION = 256;

/** Writes one row; `entry` is that of the row before it, 0 at first. */
type Write = (block: Block, place: number, entry: number) => string;

/**
 * The export as it is asked for: rows that there are when it begins.
 *
 * @throws {@link Fault} `usage` for a filter that cannot be read; `journal_broken` when a record does not hold
 */
export function* exportChunks(
  reader: Reader,
  asks: Asks,
  { format, ...query }: ExportQuery,
  owner: Owner,
): Generator<Uint8Array> {
  const { rows, lanes } = reader.library;
  const { filter, presenter } = asks.asked(query, owner);
  const matcher = new Matcher({ rows, lanes, isMined: presenter.isMined }, filter);
  const { header, write } = writerOf(reader, asks, format, owner);
  const newest = rows.count;
  let text = header;
  let entry = 0;
  let many = 0;
  for (const [block, place] of matches(reader, filter, matcher, newest)) {
    text += write(block, place, entry);
    entry = block.entry[place] ?? 0;
    if (++many % PORTION !== 0) continue;
    yield new TextEncoder().encode(text);
    text = "";
  }
  if (text !== "") yield new TextEncoder().encode(text);
}

/** Rows that the filter takes, the oldest first, up to a sequence. */
function* matches(
  { library }: Reader,
  filter: Filter,
  matcher: Matcher,
  newest: number,
): Generator<readonly [Block, number]> {
  const { rows } = library;
  const places = new Uint16Array(BLOCK_ROWS);
  for (let id = 0; id * BLOCK_ROWS < newest; id++) {
    const digest = rows.digests[id];
    if (!digest || !mayMatch(filter, id, digest)) continue;
    const block = rows.block(id);
    if (!block) continue;
    const found = matcher.places(block, digest, Math.min(block.count, newest - id * BLOCK_ROWS), places);
    for (const place of places.subarray(0, found)) yield [block, place];
  }
}

function writerOf(
  { library }: Reader,
  asks: Asks,
  format: ExportQuery["format"],
  owner: Owner,
): { readonly header: string; readonly write: Write } {
  const presenter = asks.presenter(owner);
  const rowAt = (block: Block, place: number) => presenter.row(block.sequenceAt(place), block.rowAt(place));
  if (format === "csv") return { header: CSV_HEADER, write: (block, place) => csvRow(rowAt(block, place)) };
  if (format === "ledger") {
    const writer = new LedgerWriter(owner === null);
    const write: Write = (block, place) => {
      return writer.write({ row: rowAt(block, place), isPaid: block.isMarked[place] === 1 });
    };
    return { header: LEDGER_HEADER, write };
  }
  const gateway = library.fold.home?.gateway ?? null;
  const recordOf = (index: number) => {
    const entry = library.journal.entry(index);
    return entry && storyEntryOf(entry, owner === null || isOwnBusiness(presenter, gateway, entry));
  };
  const write: Write = (block, place, before) => {
    const index = block.entry[place] ?? 0;
    return jsonlRow(rowAt(block, place), index === before ? null : recordOf(index));
  };
  return { header: "", write };
}
