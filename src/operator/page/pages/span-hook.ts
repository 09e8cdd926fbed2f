/** A long list, asked for page by page: what is out of date is dropped, and what is held stays small. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import {
  begun,
  hasNewer,
  newerCursor,
  olderCursor,
  type Page,
  type Span,
  withNewer,
  withOlder,
} from "./span.ts";

/** A page with what else its answer says: sums, how far the log was read. */
export type Loaded<Row, Cursor, Extra> = { readonly page: Page<Row, Cursor>; readonly extra: Extra };

export type LoadPage<Row, Cursor, Extra> = (
  before: Cursor | null,
  signal: AbortSignal,
) => Promise<Loaded<Row, Cursor, Extra>>;

type Way = "first" | "refresh" | "older" | "newer";

type Shown<Row, Cursor, Extra> = {
  readonly span: Span<Row, Cursor> | null;
  readonly extra: Extra | null;
  readonly problem: unknown;
  /** Whether rows have come that are not shown, as somebody is reading further down. */
  readonly hasFresh: boolean;
};

export type SpanView<Row, Cursor, Extra> = Shown<Row, Cursor, Extra> & {
  readonly busy: Way | null;
  readonly older: () => void;
  readonly newer: () => void;
  /** Once more what has failed. */
  readonly retry: () => void;
  /** From the newest row again. */
  readonly again: () => void;
  /** Takes in what is new, if the newest rows are in sight; else says that there is something. */
  readonly refresh: () => void;
};

function cursorFor<Row, Cursor>(way: Way, span: Span<Row, Cursor> | null): Cursor | null {
  if (!span || way === "first" || way === "refresh") return null;
  return way === "older" ? olderCursor(span) : newerCursor(span);
}

function merged<Row, Cursor, Extra>(
  way: Way,
  old: Shown<Row, Cursor, Extra>,
  { page, extra }: Loaded<Row, Cursor, Extra>,
): Shown<Row, Cursor, Extra> {
  const { span } = old;
  const fine = { extra, problem: null };
  if (!span || way === "first") return { ...fine, span: begun(page), hasFresh: false };
  if (way === "older") return { ...old, ...fine, span: withOlder(span, page) };
  if (way === "newer") return { ...old, ...fine, span: withNewer(span, page) };
  const isAtTop = span.first === 0 && span.held.length === 1;
  return isAtTop ? { ...fine, span: begun(page), hasFresh: false } : { ...old, ...fine, hasFresh: true };
}

type Line = {
  asking: AbortController | null;
  /** Whether something changed while an answer was on its way. */
  isDue: boolean;
  last: Way;
};

const newLine = (): Line => ({ asking: null, isDue: false, last: "first" });

const EMPTY = { span: null, extra: null, problem: null, hasFresh: false };

/**
 * Holds a part of a list. A change of `key` begins anew; answers that come after it are dropped.
 *
 * @param key - says what is listed: the filter as text
 */
export function useSpan<Row, Cursor, Extra>(
  key: string,
  load: LoadPage<Row, Cursor, Extra>,
): SpanView<Row, Cursor, Extra> {
  const [shown, show] = useState<Shown<Row, Cursor, Extra>>(EMPTY);
  const [busy, setBusy] = useState<Way | null>("first");
  const latest = useRef({ shown, load });
  latest.current = { shown, load };
  const [line] = useState(newLine);

  const run = useCallback(
    (way: Way): void => {
      if (line.asking && way !== "first") {
        if (way === "refresh") line.isDue = true;
        return;
      }
      const { span } = latest.current.shown;
      if (way === "older" && (!span || olderCursor(span) === null)) return;
      if (way === "newer" && (!span || !hasNewer(span))) return;
      line.asking?.abort();
      const mine = new AbortController();
      line.asking = mine;
      line.last = way;
      setBusy(way);
      const done = (next: (old: Shown<Row, Cursor, Extra>) => Shown<Row, Cursor, Extra>) => {
        if (line.asking !== mine) return;
        line.asking = null;
        show(next);
        setBusy(null);
        const isNext = line.isDue;
        line.isDue = false;
        if (isNext) run("refresh");
      };
      latest.current.load(cursorFor(way, span), mine.signal).then(
        (loaded) => done((old) => merged(way, old, loaded)),
        (problem: unknown) => done((old) => ({ ...old, problem })),
      );
    },
    [line],
  );

  useEffect(() => {
    run("first");
    return () => {
      line.asking?.abort();
      line.asking = null;
    };
  }, [key, run, line]);

  return {
    ...shown,
    busy,
    older: useCallback(() => run("older"), [run]),
    newer: useCallback(() => run("newer"), [run]),
    retry: useCallback(() => run(line.last), [run, line]),
    again: useCallback(() => run("first"), [run]),
    refresh: useCallback(() => run("refresh"), [run]),
  };
}
