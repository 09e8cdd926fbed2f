/** Patterns of addresses. */

/** Values of `:name` parts of a pattern, decoded. */
export type Params = Readonly<Record<string, string>>;

/** What a path has in the places of a pattern's `:names`; null where it is another path. */
export function matched(pattern: string, path: string): Params | null {
  const wanted = pattern.split("/");
  const found = path.replace(/(.)\/$/, "$1").split("/");
  if (wanted.length !== found.length) return null;
  const params: Record<string, string> = {};
  for (const [at, part] of wanted.entries()) {
    const text = found[at] ?? "";
    if (part.startsWith(":") && text !== "") params[part.slice(1)] = decoded(text);
    else if (part !== text) return null;
  }
  return params;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
