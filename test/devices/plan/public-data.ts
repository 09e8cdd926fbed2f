/** Public maps beside the repository, for tests that compare with published answers. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const DATA = fileURLToPath(new URL("../../../../shared/data/", import.meta.url));
export const HAS_DATA = existsSync(DATA);
/** Appended to the names of tests that need the folder. */
export const NEEDS_DATA = HAS_DATA ? "" : " (skipped: no ../shared/data)";

export function dataText(name: string): string {
  return readFileSync(DATA + name, "utf8");
}
