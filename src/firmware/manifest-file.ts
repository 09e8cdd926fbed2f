/** A manifest as a file: indented JSON, which its author publishes and requesters send along. */
import { z } from "zod";
import { Fault } from "../base/fault.ts";
import { isManifestOf, type Manifest, manifestSchema } from "../protocol/manifest.ts";

/** The file's text. */
export function manifestText(manifest: Manifest): string {
  return `${JSON.stringify(z.encode(manifestSchema, manifest), null, 2)}\n`;
}

/**
 * The manifest in a file's text.
 *
 * @param path - of the file, for messages
 * @throws {@link Fault} `file_format` when it is no manifest, or its signature is not its author's
 */
export function parseManifest(text: string, path: string): Manifest {
  const parsed = manifestSchema.safeDecode(jsonOf(text) as never);
  if (!parsed.success) {
    const where = parsed.error.issues.map((issue) => issue.path.join(".") || issue.code).join(", ");
    throw new Fault("file_format", `${path} is no manifest, it is not right at: ${where}`);
  }
  const manifest = parsed.data;
  if (isManifestOf(manifest, manifest.firmware)) return manifest;
  throw new Fault("file_format", `${path} was changed: its signature is not that of ${manifest.author}`);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
