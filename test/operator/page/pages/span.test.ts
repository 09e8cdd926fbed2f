import fc from "fast-check";
import { expect, test } from "vitest";
import {
  begun,
  HELD_PAGES,
  hasNewer,
  newerCursor,
  olderCursor,
  type Page,
  rowsOf,
  type Span,
  withNewer,
  withOlder,
} from "../../../../src/operator/page/pages/span.ts";

const SIZE = 4;

/** Rows `count … 1`, newest first, paged as the API does it. */
function pageOf(count: number, before: number | null): Page<number, number> {
  const newest = before === null ? count : before - 1;
  const rows = Array.from({ length: Math.min(SIZE, Math.max(0, newest)) }, (_, at) => newest - at);
  const last = rows.at(-1);
  return { rows, next: last !== undefined && last > 1 ? last : null };
}

function down(span: Span<number, number>, count: number): Span<number, number> {
  const cursor = olderCursor(span);
  return cursor === null ? span : withOlder(span, pageOf(count, cursor));
}

function up(span: Span<number, number>, count: number): Span<number, number> {
  return hasNewer(span) ? withNewer(span, pageOf(count, newerCursor(span))) : span;
}

test("going up and down, what is held is one stretch of the list, and never more than a few pages", () => {
  const steps = fc.array(fc.boolean(), { maxLength: 60 });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 90 }), steps, (count, way) => {
      let span = begun(pageOf(count, null));
      for (const isDown of way) {
        const before = rowsOf(span);
        span = isDown ? down(span, count) : up(span, count);
        const rows = rowsOf(span);
        expect(rows.length).toBeLessThanOrEqual(HELD_PAGES * SIZE);
        expect(rows).toEqual(rows.map((_, at) => (rows[0] ?? 0) - at));
        // Something of what was seen stays in sight.
        if (before.length > 0) expect(rows.some((row) => before.includes(row))).toBe(true);
      }
    }),
    { numRuns: 200 },
  );
});

test("both ends are reached", () => {
  let span = begun(pageOf(101, null));
  for (let step = 0; step < 40; step++) span = down(span, 101);
  expect(rowsOf(span).at(-1)).toBe(1);
  expect(olderCursor(span)).toBeNull();
  for (let step = 0; step < 40; step++) span = up(span, 101);
  expect(rowsOf(span)[0]).toBe(101);
  expect(hasNewer(span)).toBe(false);
});

test("a page that nobody asked for changes nothing", () => {
  const span = begun(pageOf(3, null));
  expect(withOlder(span, pageOf(9, null))).toBe(span);
  expect(withNewer(span, pageOf(9, null))).toBe(span);
});
