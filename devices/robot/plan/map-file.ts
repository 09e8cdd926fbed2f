/** Files that maps are read from, and how a fault names the place in one. */
import { readFile } from "node:fs/promises";
import { Fault } from "../../../src/base/fault.ts";

/** Why there is no file of that name: it is not there, or a file stands where a folder should. */
const MISSING: ReadonlySet<unknown> = new Set(["ENOENT", "ENOTDIR"]);

/**
 * The bytes of a file; null when there is none of that name.
 *
 * @throws {@link Fault} `file_format` when it cannot be read: a folder, or another user's
 */
export async function readMapFile(file: string): Promise<Uint8Array | null> {
  try {
    return await readFile(file);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : null;
    if (MISSING.has(code)) return null;
    const why = code === "EISDIR" ? "it is a folder" : String(code ?? error);
    throw mapFault(file, 1, `cannot be read: ${why}`, error);
  }
}

/**
 * The text of a file in UTF-8.
 *
 * @throws {@link Fault} `file_format` when it is not there or cannot be read
 */
export async function readMapText(file: string): Promise<string> {
  const bytes = await readMapFile(file);
  if (bytes === null) throw mapFault(file, 1, "no such file");
  return new TextDecoder().decode(bytes);
}

/** A `file_format` that names the file and the line, 1 the first. */
export function mapFault(file: string, line: number, message: string, cause?: unknown): Fault {
  return new Fault("file_format", `${file}:${line}: ${message}`, { cause, facts: { file, line } });
}
