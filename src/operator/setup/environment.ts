/** Settings that the environment makes in place of the file: `HIREWIRE_CHAIN_RPC` for `chain.rpc`. */
import { parse } from "smol-toml";
import { Fault } from "../../base/fault.ts";
import { nearestName } from "../nearest.ts";
import type { Leaf } from "./leaves.ts";

const PREFIX = "HIREWIRE_";

/** What is no setting of the file. */
const OTHERS: ReadonlySet<string> = new Set(["HIREWIRE_LOG"]);

/** How a setting is called in the environment; null for one of an array of tables, which has none. */
export function variableOf({ key }: Pick<Leaf, "key">): string | null {
  return key.includes("*") ? null : `${PREFIX}${key.replaceAll(".", "_").toUpperCase()}`;
}

/**
 * Puts what the environment says into what the file says, in place.
 *
 * A text that the setting can be is taken as it is; else it is read as a TOML value, so that numbers, booleans and lists
 * can be said too.
 *
 * @returns the keys that were set
 * @throws {@link Fault} `config_syntax` for a name that no setting has: a misspelt limit must not be no limit
 */
export function applyEnvironment(
  file: Record<string, unknown>,
  leaves: readonly Leaf[],
  environment: Readonly<Record<string, string | undefined>>,
): ReadonlySet<string> {
  const known = new Map(leaves.map((leaf) => [variableOf(leaf), leaf]));
  const keys = new Set<string>();
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith(PREFIX) || OTHERS.has(name) || text === undefined) continue;
    const leaf = known.get(name);
    if (!leaf) throw unknownVariable(name, known.keys());
    put(file, leaf.key.split("."), readAs(text, leaf));
    keys.add(leaf.key);
  }
  return keys;
}

function unknownVariable(name: string, known: Iterable<string | null>): Fault {
  const names = [...known].filter((one) => one !== null);
  const nearest = nearestName(name, [...names, ...OTHERS]);
  const hint = nearest ? `did you mean ${nearest}?` : "see hirewire config check";
  return new Fault("config_syntax", `no setting is called ${name} in the environment: ${hint}`);
}

function readAs(text: string, { schema }: Leaf): unknown {
  if (schema.safeDecode(text as never).success) return text;
  try {
    return parse(`value = ${text}`)["value"];
  } catch {
    // the schema says what was expected
    return text;
  }
}

function put(table: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [name = "", ...rest] = path;
  if (rest.length === 0) {
    table[name] = value;
    return;
  }
  const next = table[name];
  const inner = typeof next === "object" && next !== null ? (next as Record<string, unknown>) : {};
  table[name] = inner;
  put(inner, rest, value);
}
