/** The serial devices that are plugged in, by the names that stay. */
import { readdirSync } from "node:fs";
import { join } from "node:path";

const FOLDER = "/dev/serial/by-id";

/** Absolute paths, ordered; none where the folder is missing, as it is while nothing is plugged in. */
export function serialDevices(folder = FOLDER): readonly string[] {
  try {
    return readdirSync(folder)
      .toSorted()
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}
