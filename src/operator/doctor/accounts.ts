/** Users of this machine and their groups, as its files have them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

export type Account = {
  readonly name: string;
  /** By name. */
  readonly groups: readonly string[];
};

/** @returns null when no such user stands in `passwd`, as with one that systemd makes up for a service */
export function accountOf(uid: number, folder = "/etc"): Account | null {
  const users = rowsOf(join(folder, "passwd"));
  const [name, , , gid] = users.find((row) => row[2] === String(uid)) ?? [];
  if (name === undefined) return null;
  const groups = rowsOf(join(folder, "group")).filter(
    (row) => row[2] === gid || (row[3] ?? "").split(",").includes(name),
  );
  return { name, groups: groups.map(([group = ""]) => group) };
}

function rowsOf(file: string): readonly (readonly string[])[] {
  try {
    return readFileSync(file, "utf8")
      .split("\n")
      .map((line) => line.split(":"));
  } catch {
    return [];
  }
}
