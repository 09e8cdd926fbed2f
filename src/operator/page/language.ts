/** The page's language: the browser's, or what the viewer chose and this browser keeps. */
import { cell, useCell } from "./cell.ts";
import { keep, kept } from "./storage.ts";

export type Language = "en" | "zh";

/** The same words in both languages: what is missing in one of them does not compile. */
export type Words<Shape> = { readonly en: Shape; readonly zh: Shape };

function preferred(): Language {
  const chosen = kept("language");
  if (chosen === "en" || chosen === "zh") return chosen;
  const first = navigator.languages.find((one) => /^(en|zh)\b/i.test(one));
  return first?.toLowerCase().startsWith("zh") ? "zh" : "en";
}

export const language = cell<Language>(preferred());

/** Writes words down in both languages; the Chinese ones must have the English ones' shape. */
export function words<Shape>(en: Shape, zh: NoInfer<Shape>): Words<Shape> {
  return { en, zh };
}

/** A count with its noun: English has one for one and one for many. */
export function counted(count: string, one: string, many: string): string {
  return `${count} ${count === "1" ? one : many}`;
}

/** Words in the page's language. */
export function useWords<Shape>(from: Words<Shape>): Shape {
  return from[useCell(language)];
}

/** Speaks another language from now on. */
export function choose(next: Language): void {
  keep("language", next);
  language.set(next);
}

/** The viewer's locale for numbers and dates: the browser's where it is of the page's language. */
export function locale(): string {
  const own = navigator.languages.find((one) => one.toLowerCase().startsWith(language.value));
  return own ?? (language.value === "zh" ? "zh-CN" : "en");
}
