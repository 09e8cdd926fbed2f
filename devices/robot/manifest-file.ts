/** A manifest that an author has published as a file: what `hirewire firmware publish` writes. */
import { readFile } from "node:fs/promises";
import { Fault } from "../../src/base/fault.ts";
import { parseManifest } from "../../src/firmware/manifest-file.ts";
import type { Manifest } from "../../src/protocol/manifest.ts";

/**
 * Reads a manifest.
 *
 * @throws {@link Fault} `file_format` as {@link parseManifest}; `disk_failed` when it cannot be read
 */
export async function readManifest(path: string): Promise<Manifest> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new Fault("disk_failed", `cannot read ${path}`, { cause });
  }
  return parseManifest(text, path);
}
