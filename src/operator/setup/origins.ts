/** Where each setting came from, and what it is: as `hirewire config check` and the page show it. */
import type { Setting } from "../api/settings.ts";
import type { Leaf } from "./leaves.ts";

export type Origin = Pick<Setting, "origin" | "line">;

/** By key; what is not in it has its default. */
export type Origins = Map<string, Origin>;

/**
 * The line on which each key of a TOML text is set, from 1.
 *
 * Reads headers and the beginnings of lines only: the text has been parsed before. Rows of an array of tables count from 0.
 */
function linesOf(text: string): ReadonlyMap<string, number> {
  const lines = new Map<string, number>();
  const rows = new Map<string, number>();
  let table = "";
  for (const [at, line] of text.split("\n").entries()) {
    const list = /^\s*\[\[\s*([\w.-]+)\s*\]\]/.exec(line)?.[1];
    const header = /^\s*\[\s*([\w.-]+)\s*\]/.exec(line)?.[1];
    if (list !== undefined) {
      const row = (rows.get(list) ?? -1) + 1;
      rows.set(list, row);
      table = `${list}.${row}.`;
    } else if (header !== undefined) table = `${header}.`;
    const key = /^\s*([\w.-]+)\s*=/.exec(line)?.[1];
    if (key !== undefined && !lines.has(table + key)) lines.set(table + key, at + 1);
  }
  return lines;
}

/** Where what the file and the environment say came from. */
export function originsOf(text: string, fromEnvironment: ReadonlySet<string>): Origins {
  const origins: Origins = new Map();
  for (const [key, line] of linesOf(text)) origins.set(key, { origin: "file", line });
  for (const key of fromEnvironment) origins.set(key, { origin: "environment", line: null });
  return origins;
}

/**
 * The settings that are in force, in the order of the schema.
 *
 * @param config - the values, as a tree of tables
 */
export function settingsOf(config: object, leaves: readonly Leaf[], origins: Origins): readonly Setting[] {
  return leaves.flatMap(({ key, about }) =>
    numbered(config, key.split(".")).flatMap(([own, value]) => {
      if (value === undefined) return [];
      const { origin, line } = origins.get(own) ?? { origin: "default" as const, line: null };
      return [{ key: own, value: tomlText(shown(own, value)), origin, line, about }];
    }),
  );
}

/** The values at a path, with the numbers of rows in place of `*`. */
function numbered(
  tree: unknown,
  path: readonly string[],
  before: readonly string[] = [],
): [string, unknown][] {
  const [name, ...rest] = path;
  if (name === undefined) return [[before.join("."), tree]];
  if (typeof tree !== "object" || tree === null) return [];
  if (name === "*") {
    return Object.values(tree).flatMap((row, at) => numbered(row, rest, [...before, String(at)]));
  }
  return numbered((tree as Record<string, unknown>)[name], rest, [...before, name]);
}

/** Node providers put their customer's key into the address: its host alone is shown. */
function shown(key: string, value: unknown): unknown {
  if (key !== "chain.rpc" || !Array.isArray(value)) return value;
  return value.map((url) => {
    const { protocol, host, pathname, search, username } = new URL(String(url));
    const isPlain = pathname === "/" && search === "" && username === "";
    return isPlain ? `${protocol}//${host}` : `${protocol}//${host}/…`;
  });
}

function tomlText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(tomlText).join(", ")}]`;
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
