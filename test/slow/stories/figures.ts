/** What a long run came to, as one JSON line among the reporter's: amounts as decimal text. */
export function sayFigures(figures: object): void {
  const text = JSON.stringify(figures, (_, value) => (typeof value === "bigint" ? value.toString() : value));
  process.stdout.write(`${text}\n`);
}
