/** The clerk for settings: what is in force, and where it came from. */
import type { Desk } from "../api/desk.ts";
import type { Setting } from "../api/settings.ts";

/**
 * Answers the route `settings`.
 *
 * @param file - path of `gateway.toml`
 */
export function settingsClerks(file: string, settings: () => readonly Setting[]): Pick<Desk, "settings"> {
  return { settings: () => Promise.resolve({ file, settings: [...settings()] }) };
}
