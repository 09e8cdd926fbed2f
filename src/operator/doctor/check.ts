/** One thing that `hirewire doctor` looked at. */

/** `wrong`: a gateway needs it and does not have it. `note`: worth knowing, or could not be looked at. */
export type Outcome = "good" | "wrong" | "note";

export type Check = {
  readonly check: string;
  readonly outcome: Outcome;
  readonly found: string;
  /** What to do about it. */
  readonly fix: string | null;
};

/** Found as a gateway needs it, so there is nothing to do. */
export function good(check: string, found: string): Check {
  return { check, outcome: "good", found, fix: null };
}

/** Fails the whole command; `fix` is one thing to do about it, a command or a setting. */
export function wrong(check: string, found: string, fix: string): Check {
  return { check, outcome: "wrong", found, fix };
}

/** Worth knowing, and no reason to fail: a gateway can run with it. */
export function note(check: string, found: string, fix: string | null = null): Check {
  return { check, outcome: "note", found, fix };
}

const MARKS = { good: "✔", wrong: "✘", note: "–" } as const satisfies Record<Outcome, string>;

/** One line, the fix beside what was found; lines that came from elsewhere are joined. */
export function checkLine({ check, outcome, found, fix }: Check): string {
  const text = `${found}${fix === null ? "" : `  →  ${fix}`}`;
  return `${MARKS[outcome]} ${check.padEnd(12)}  ${text.replace(/\s*\n\s*/g, "; ")}\n`;
}

/** What an error says, for the line. */
export function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
