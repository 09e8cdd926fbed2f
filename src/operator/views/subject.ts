/** Whom a story is about: one task, open or over. */
import type { Hex } from "../../base/bytes.ts";
import { isInView, wordOf } from "./ask-tasks.ts";
import type { Presenter } from "./present.ts";
import type { Library } from "./reader.ts";

/** What is known of a task before its entries are read. */
export type Subject = {
  readonly hash: Hex;
  readonly state: string;
  readonly requester: number;
  readonly provider: number;
  readonly parts: readonly number[];
  readonly legs: readonly (readonly [device: number, sequence: number])[];
  readonly spent: number;
  readonly keptOut: readonly (readonly [entry: number, devices: readonly Hex[]])[];
  readonly entries: readonly number[];
};

/** The task, open or over, if it is in view; null otherwise. */
export function subjectOf(library: Library, presenter: Presenter, hash: Hex): Subject | null {
  const { tasks } = library;
  const open = tasks.open(hash);
  const found: Subject | null = open ? { ...open, parts: [...open.runs.keys()] } : tasks.ended(hash);
  if (!found || !isInView(presenter, found)) return null;
  return { ...found, state: wordOf(library, found) };
}
