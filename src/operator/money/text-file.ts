/** A file that somebody names on the command line: signed orders and consents. Keys are not read here. */
import { readFileSync } from "node:fs";
import { Fault } from "../../base/fault.ts";

/** @throws {@link Fault} `file_format` when it cannot be read */
export function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new Fault("file_format", `cannot read ${path}`, { cause });
  }
}
