/** Notices what appears in a folder that may not be there yet, as /dev/serial/by-id is not while nothing is plugged in. */
import { existsSync, type FSWatcher, watch } from "node:fs";
import { basename, dirname } from "node:path";

/**
 * Calls `onChange` when a name in the folder appears, goes or is replaced, and when the folder itself does; now and then
 * for nothing. Where the system has no watches left it never calls: look every now and then as well.
 *
 * @param folder - absolute
 * @param name - the one name to look for, or null for any
 * @returns ends it
 */
export function watchPath(folder: string, name: string | null, onChange: () => void): () => void {
  let watcher: FSWatcher | null = null;
  let isClosed = false;
  const arm = () => {
    watcher?.close();
    watcher = null;
    if (isClosed) return;
    const { at, next } = nearest(folder, name);
    try {
      watcher = watch(at, (event, changed) => {
        // Whoever writes to a device makes a "change" of it, and /dev is full of those.
        if (event !== "rename" || (next !== null && changed !== next && changed !== basename(at))) return;
        if (at !== folder || changed === basename(at) || !existsSync(folder)) arm();
        if (!isClosed) onChange();
      });
      watcher.on("error", () => {});
    } catch {
      // It went just now, or there are no watches left.
    }
    // What appeared between looking and watching would be missed.
    if (nearest(folder, name).at !== at) arm();
  };
  arm();
  return () => {
    isClosed = true;
    watcher?.close();
  };
}

/** The deepest folder on the way that is there, and the name in it that leads on. */
function nearest(folder: string, name: string | null): { at: string; next: string | null } {
  let at = folder;
  let next = name;
  while (!existsSync(at) && dirname(at) !== at) {
    next = basename(at);
    at = dirname(at);
  }
  return { at, next };
}
