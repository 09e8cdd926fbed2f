/** Light, dark, or as the machine is set. */
import { cell } from "./cell.ts";
import { keep, kept } from "./storage.ts";

export const THEMES = ["auto", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const first = kept("theme");

export const theme = cell<Theme>(THEMES.find((one) => one === first) ?? "auto");

/** Chooses a theme and shows it. */
export function dress(next: Theme): void {
  keep("theme", next === "auto" ? null : next);
  theme.set(next);
  show();
}

/** Puts the theme on the document: style sheets do the rest. */
export function show(): void {
  document.documentElement.dataset["theme"] = theme.value;
}
