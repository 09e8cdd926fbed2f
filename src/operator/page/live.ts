/**
 * What the gateway says by itself: server-sent events, read with fetch so that the comments that keep the line alive
 * are heard as well, and a refusal is told from a broken line.
 */
import type { List } from "../api/live.ts";
import type { Overview } from "../api/overview.ts";
import type { Verification } from "../api/settlement.ts";
import { cell } from "./cell.ts";
import { cutEvents, type ServerEvent } from "./event-text.ts";
import { addressOf, Problem, request } from "./fetch.ts";
import { offset, period } from "./period.ts";
import { session } from "./session.ts";

const LISTS: readonly List[] = [
  "devices",
  "tasks",
  "lanes",
  "settlements",
  "alerts",
  "logs",
  "prices",
  "settings",
];

/** Nothing heard for so long, and what is shown is called stale. The gateway says something every 10 s. */
const STALE_AFTER = 15_000;
/** Then the line is given up for a new one. */
const GIVE_UP_AFTER = 25_000;
const RETRY_AFTER = [500, 1_000, 2_000, 5_000, 10_000];

export const overview = cell<Overview | null>(null);
export const verification = cell<Verification | null>(null);
/** Since when nothing was heard; null while the line lives. */
export const staleSince = cell<number | null>(null);
/** Why there is no line; null while there is one, or before the first. */
export const lineProblem = cell<Problem | null>(null);

/** What has changed while there was no line, nobody has said. */
let hadLine = false;

const watchers = new Set<(lists: readonly string[]) => void>();

/** Runs whenever one of the lists has changed, and after every reconnect. Gives the function that ends it. */
export function onChanged(lists: readonly List[], run: () => void): () => void {
  const watcher = (changed: readonly string[]) => {
    if (lists.some((one) => changed.includes(one))) run();
  };
  watchers.add(watcher);
  return () => {
    watchers.delete(watcher);
  };
}

/** Tells the page that lists have changed, as after an action of its own. */
export function changed(lists: readonly string[]): void {
  for (const watcher of [...watchers]) watcher(lists);
}

function take({ name, text }: ServerEvent): void {
  const told: unknown = JSON.parse(text);
  if (name === "overview") overview.set(told as Overview);
  if (name === "verification") verification.set(told as Verification);
  if (name === "changed" && Array.isArray(told)) changed(told.map(String));
}

/** Reads one line to its end. `heard` is called with every piece, the line's beginning included. */
async function listen(signal: AbortSignal, heard: () => void): Promise<void> {
  const address = addressOf("/events", {}, { period: period.value, offset: offset() });
  const response = await request(address, { signal, headers: { accept: "text/event-stream" } });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (!reader) return;
  if (hadLine) changed(LISTS);
  hadLine = true;
  lineProblem.set(null);
  heard();
  let buffer = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    heard();
    const { events, rest } = cutEvents(buffer + value);
    buffer = rest;
    for (const event of events) take(event);
  }
}

/** Listens until the signal, over one line after another. */
export async function follow(signal: AbortSignal): Promise<void> {
  let heardAt = Date.now();
  let line = new AbortController();
  let tries = 0;
  let wake = () => {};
  const heard = () => {
    heardAt = Date.now();
    tries = 0;
    staleSince.set(null);
  };
  const watch = setInterval(() => {
    const silence = Date.now() - heardAt;
    if (silence > STALE_AFTER) staleSince.set(heardAt);
    if (silence > GIVE_UP_AFTER) line.abort();
  }, 1_000);
  const again = () => {
    tries = 0;
    wake();
  };
  const anew = () => {
    line.abort();
    again();
  };
  const unsubscribe = period.subscribe(anew);
  addEventListener("online", anew);
  document.addEventListener("visibilitychange", again);
  signal.addEventListener("abort", anew);
  while (!signal.aborted && session.value) {
    line = new AbortController();
    await listen(line.signal, heard).catch((reason: unknown) => {
      if (reason instanceof Problem) lineProblem.set(reason);
    });
    if (signal.aborted || !session.value) break;
    const pause = RETRY_AFTER[Math.min(tries++, RETRY_AFTER.length - 1)] ?? 0;
    await new Promise<void>((resolve) => {
      wake = resolve;
      setTimeout(resolve, pause);
    });
  }
  clearInterval(watch);
  unsubscribe();
  removeEventListener("online", anew);
  document.removeEventListener("visibilitychange", again);
}
