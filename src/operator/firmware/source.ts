/** Files that somebody names on the command line: modules, inputs and manifests. */
import { createReadStream } from "node:fs";
import { stat, writeFile } from "node:fs/promises";
import { diskCode, diskReason } from "../../base/disk-error.ts";
import { Fault } from "../../base/fault.ts";

/** Most bytes of a blob: what a task can carry. */
export const MAX_BYTES = 64 * 1024 * 1024;

/** @throws {@link Fault} `usage` when it is not there or larger than 64 MiB, `disk_failed` when it cannot be read */
export async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await collect(createReadStream(path), path);
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") {
      throw new Fault("usage", `there is no file ${path}`);
    }
    throw cause;
  }
}

/**
 * All of a stream, which is not read any further than a blob can be long: some never end.
 *
 * @param name - of the stream, for messages
 * @throws {@link Fault} `usage` beyond 64 MiB, `disk_failed` when it cannot be read
 */
export async function collect(stream: AsyncIterable<Uint8Array>, name: string): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const piece of stream) {
      size += piece.length;
      if (size > MAX_BYTES) break;
      pieces.push(piece);
    }
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") throw cause;
    throw new Fault("disk_failed", `cannot read ${name}: ${diskReason(cause)}`, { cause });
  }
  if (size <= MAX_BYTES) return new Uint8Array(Buffer.concat(pieces));
  throw new Fault("usage", `${name} is longer than ${MAX_BYTES} bytes (64 MiB), all that a task carries`);
}

/** @throws {@link Fault} `disk_failed` */
export async function writeBytes(path: string, content: Uint8Array | string): Promise<void> {
  try {
    await writeFile(path, content);
  } catch (cause) {
    throw new Fault(diskCode(cause), `cannot write ${path}: ${diskReason(cause)}`, { cause });
  }
}

/**
 * Makes sure that a result does not replace what it is made from, by whatever name.
 *
 * @param option - that names the result: `"--out"`
 * @param sources - files that the command reads
 * @throws {@link Fault} `usage`
 */
export async function refuseToOverwrite(
  option: string,
  target: string,
  sources: readonly string[],
): Promise<void> {
  const written = await identityOf(target);
  if (written === null) return;
  for (const source of sources) {
    if ((await identityOf(source)) !== written) continue;
    throw new Fault("usage", `${option} ${target} would overwrite ${source}: name another file`);
  }
}

/** Which file a name leads to; null where there is none, or nobody can tell. */
async function identityOf(path: string): Promise<string | null> {
  try {
    const { dev, ino } = await stat(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return null;
  }
}

/** The one file that a command works on. @throws {@link Fault} `usage` */
export function onlyFile(command: string, positionals: readonly string[]): string {
  const [file, ...rest] = positionals;
  if (file !== undefined && rest.length === 0) return file;
  throw new Fault("usage", `expected one file: ${command}`);
}
