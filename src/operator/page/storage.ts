/** What this browser keeps for the viewer. A browser that keeps nothing is no fault. */

type Kept = "language" | "theme" | "utc";

/** A kept choice; null without one. */
export function kept(name: Kept): string | null {
  try {
    return localStorage.getItem(`hirewire.${name}`);
  } catch {
    return null;
  }
}

/** Keeps a choice, or forgets it with null. */
export function keep(name: Kept, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(`hirewire.${name}`);
    else localStorage.setItem(`hirewire.${name}`, value);
  } catch {
    // Private windows may refuse: the choice lasts until the page is closed.
  }
}
