/**
 * The part of a long list that the page holds: some pages of it in a row, however far somebody has gone down. What is
 * let go at one end can be asked for again, as the cursor of every page that was seen is kept.
 */

/** Pages that are held at once: enough for a tall screen, and few enough that the list stays quick. */
export const HELD_PAGES = 4;

export type Page<Row, Cursor> = {
  readonly rows: readonly Row[];
  /** Of the page after it; null at the end. */
  readonly next: Cursor | null;
};

export type Span<Row, Cursor> = {
  /** Cursors of the pages from the newest on; the first page has none. */
  readonly starts: readonly (Cursor | null)[];
  /** Which page is the first one held. */
  readonly first: number;
  readonly held: readonly Page<Row, Cursor>[];
};

/** A list of which the newest page has come. */
export function begun<Row, Cursor>(page: Page<Row, Cursor>): Span<Row, Cursor> {
  return { starts: [null], first: 0, held: [page] };
}

/** Every row that is held, newest first. */
export function rowsOf<Row, Cursor>(span: Span<Row, Cursor>): readonly Row[] {
  return span.held.flatMap((page) => page.rows);
}

/** Cursor of the page below what is held; null at the end of the list. */
export function olderCursor<Row, Cursor>(span: Span<Row, Cursor>): Cursor | null {
  return span.held.at(-1)?.next ?? null;
}

/** Whether pages above were let go. */
export function hasNewer<Row, Cursor>(span: Span<Row, Cursor>): boolean {
  return span.first > 0;
}

/** Cursor of the page above what is held: null is the newest page. Only where {@link hasNewer}. */
export function newerCursor<Row, Cursor>(span: Span<Row, Cursor>): Cursor | null {
  return span.starts[span.first - 1] ?? null;
}

/** Takes the page that came for {@link olderCursor}; above, a page is let go. */
export function withOlder<Row, Cursor>(span: Span<Row, Cursor>, page: Page<Row, Cursor>): Span<Row, Cursor> {
  const cursor = olderCursor(span);
  if (cursor === null) return span;
  const place = span.first + span.held.length;
  const starts = span.starts.slice(0, place);
  const held = [...span.held, page];
  const gone = Math.max(0, held.length - HELD_PAGES);
  return { starts: [...starts, cursor], first: span.first + gone, held: held.slice(gone) };
}

/** Takes the page that came for {@link newerCursor}; below, a page is let go. */
export function withNewer<Row, Cursor>(span: Span<Row, Cursor>, page: Page<Row, Cursor>): Span<Row, Cursor> {
  if (!hasNewer(span)) return span;
  return { ...span, first: span.first - 1, held: [page, ...span.held].slice(0, HELD_PAGES) };
}
