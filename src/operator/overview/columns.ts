/** Text of a certain width, for terminals: Chinese characters take two columns, and nothing moves the cursor. */

/** Blocks whose characters take two columns. Source: Unicode Standard Annex #11, wide and fullwidth. */
const WIDE: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0xa4cf],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f300, 0x1faff],
  [0x20000, 0x3fffd],
];

/** Text of which each unit takes one column: most of it. */
const NARROW = /^[\x20-\x7e…●▲■]*$/;

/** What stands on the character before it. */
const MARK = /\p{M}/u;

/** The text on one line, without anything that a terminal would obey. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ").trim();
}

/** How many columns a printable text takes. */
export function widthOf(text: string): number {
  if (NARROW.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += widthOfOne(character);
  return width;
}

/** The text, cut with `…` where it is wider than `width` columns. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let taken = "";
  let left = width - 1;
  for (const character of text) {
    left -= widthOfOne(character);
    if (left < 0) break;
    taken += character;
  }
  return width < 1 ? "" : `${taken.trimEnd()}…`;
}

/** Cut, and filled up with spaces at its end, or at its beginning with `isNumber`. */
export function padded(text: string, width: number, isNumber: boolean = false): string {
  const short = cut(text, width);
  const space = " ".repeat(Math.max(0, width - widthOf(short)));
  return isNumber ? space + short : short + space;
}

/** `left` at the beginning of a line and `right` at its end; `left` gives way. */
export function spread(left: string, right: string, width: number): string {
  if (right === "") return cut(left, width);
  const tail = cut(right, width);
  const room = width - widthOf(tail) - 1;
  return room < 1 ? tail : `${padded(left, room)} ${tail}`;
}

/**
 * Cells in columns that are as wide as their widest one, two spaces between them; no spaces at the end of a line.
 *
 * @param numbers - columns that are aligned at their right, from 0
 */
export function table(rows: readonly (readonly string[])[], numbers: readonly number[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, widthOf(cell));
    }
  }
  return rows.map((row) =>
    row
      .map((cell, column) => padded(cell, widths[column] ?? 0, numbers.includes(column)))
      .join("  ")
      .trimEnd(),
  );
}

function widthOfOne(character: string): number {
  const point = character.codePointAt(0) ?? 0;
  if (point < 0x300) return 1;
  if (WIDE.some(([from, to]) => point >= from && point <= to)) return 2;
  return MARK.test(character) ? 0 : 1;
}
