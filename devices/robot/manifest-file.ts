/** A manifest that an author has published as a file: what `hirewire firmware publish` writes. */
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { Fault } from "../../src/base/fault.ts";
import { isManifestOf, type Manifest, manifestSchema } from "../../src/protocol/manifest.ts";

/**
 * Reads a manifest.
 *
 * @throws {@link Fault} `file_format` when it is none, or not signed by its author; `disk_failed` when it cannot be read
 */
export async function readManifest(path: string): Promise<Manifest> {
  const manifest = parse(await readText(path), path);
  if (isManifestOf(manifest, manifest.firmware)) return manifest;
  throw new Fault("file_format", `${path} is not signed by its author`);
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new Fault("disk_failed", `cannot read ${path}`, { cause });
  }
}

function parse(text: string, path: string): Manifest {
  try {
    return z.decode(manifestSchema, JSON.parse(text));
  } catch (cause) {
    throw new Fault("file_format", `${path} is no manifest`, { cause });
  }
}
