/**
 * Node for arm64 on another processor: one executable that also stands where a program starts its own Node again.
 *
 * The emulator runs a program of the other processor, but no kernel starts one: what a process would start as
 * `process.execPath` has to be the emulator. So the executable is a script, and every process under it takes the
 * script for its own Node. Its threads and children are emulated too; other programs (`unshare`, say) are this machine's.
 */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ENGINES } from "../firmware/old-nodes.ts";

function arm64() {
  const engine = ENGINES.find(({ name }) => name.includes("arm64"));
  if (!engine) throw new Error("there is no arm64 engine");
  return engine;
}

/** What is not installed, and how to install it; null where all is. */
export function emulationMissing(): string | null {
  return arm64().missing;
}

/**
 * Writes the executable `node` into a folder, which has to stay while it is used.
 *
 * @returns its path; it wants no environment, and brings an own `NODE_OPTIONS`
 */
export function emulatedNode(folder: string): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, "node");
  // an import that is its own text: the permission model lets a process without files have it
  const standIn = `data:text/javascript,${encodeURIComponent(`process.execPath=${JSON.stringify(path)}`)}`;
  const command = arm64().command.map(quoted).join(" ");
  writeFileSync(path, `#!/bin/sh\nNODE_OPTIONS=${quoted(`--import=${standIn}`)} exec ${command} "$@"\n`);
  chmodSync(path, 0o755);
  return path;
}

/** For a POSIX shell. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
