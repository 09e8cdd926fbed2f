/** What the doctor asks of the machine that tests answer otherwise. */
import { accessSync, constants, statfsSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { isSynchronized, thisClock } from "../watch/clock-signs.ts";
import { type Account, accountOf } from "./accounts.ts";
import { cardOf } from "./card.ts";

export interface Machine {
  /** `"24.15.0"` */
  readonly nodeVersion: string;
  /** As Node names it: `"arm64"`. */
  readonly arch: string;
  /** Why this process may not read and write there: `"ENOENT"`, `"EACCES"`, … Null when it may. */
  forbidden(path: string): string | null;
  /** Bytes that this process may still write to the file system that holds the path. */
  freeBytes(path: string): number;
  /** Whether it says that its clock is synchronised; null where nobody can say. */
  synchronized(): Promise<boolean | null>;
  /** The SD card that holds a path, by its name; null where there is none, or nobody can tell. */
  card(path: string): string | null;
  /** Whose a path is; null where this user has no name here. */
  owner(path: string): Account | null;
  /** Where a program is: in its npm package, or on PATH. */
  find(program: string): string | null;
}

/** npm packages that bring a program along. */
const PACKAGES = new Map([["anvil", "@foundry-rs/anvil-linux-amd64/package.json"]]);

/** @param searchPath - the environment's PATH */
export function thisMachine(searchPath: string): Machine {
  return {
    nodeVersion: process.versions.node,
    arch: process.arch,
    forbidden: (path) => {
      try {
        accessSync(path, constants.R_OK | constants.W_OK);
        return null;
      } catch (error) {
        return errorCode(error);
      }
    },
    freeBytes: (path) => {
      const { bavail, bsize } = statfsSync(path);
      return bavail * bsize;
    },
    synchronized: () => isSynchronized(thisClock(searchPath)),
    card: cardOf,
    owner: (path) => accountOf(statSync(path).uid),
    find: (program) => fromPackage(program) ?? fromPath(program, searchPath),
  };
}

/** The name of a system error: `"EACCES"`. */
export function errorCode(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : null;
  return typeof code === "string" ? code : "unknown";
}

function fromPackage(program: string): string | null {
  const name = PACKAGES.get(program);
  if (name === undefined) return null;
  try {
    import.meta.resolve(name);
    return "npm package";
  } catch {
    return null;
  }
}

function fromPath(program: string, searchPath: string): string | null {
  for (const folder of searchPath.split(delimiter)) {
    const file = join(folder, program);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // the next folder may have it
    }
  }
  return null;
}
