/** Files that somebody names on the command line: modules, inputs and manifests. */
import { readFile, stat, writeFile } from "node:fs/promises";
import { Fault } from "../../base/fault.ts";

/** Most bytes of a blob: what a task can carry. */
export const MAX_BYTES = 64 * 1024 * 1024;

/** @throws {@link Fault} `usage` when it is not there or larger than 64 MiB, `disk_failed` when it cannot be read */
export async function readBytes(path: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path);
    if (size > MAX_BYTES)
      throw new Fault("usage", `${path} is ${size} bytes; a task carries ${MAX_BYTES} at most`);
    return new Uint8Array(await readFile(path));
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    const isMissing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    if (isMissing) throw new Fault("usage", `there is no file ${path}`);
    throw new Fault("disk_failed", `cannot read ${path}`, { cause });
  }
}

/** @throws {@link Fault} `disk_failed` */
export async function writeBytes(path: string, content: Uint8Array | string): Promise<void> {
  try {
    await writeFile(path, content);
  } catch (cause) {
    throw new Fault("disk_failed", `cannot write ${path}: is its folder there?`, { cause });
  }
}

/** The one file that a command works on. @throws {@link Fault} `usage` */
export function onlyFile(command: string, positionals: readonly string[]): string {
  const [file, ...rest] = positionals;
  if (file !== undefined && rest.length === 0) return file;
  throw new Fault("usage", `expected one file: ${command}`);
}
