/**
 * Server-sent events: the first screen whenever something has changed, once a second at most, and the names of lists
 * that are out of date.
 *
 * What a slow client has not taken is replaced by what is newer, so that nothing piles up for it.
 */
import type { Clock } from "../../base/clock.ts";
import type { Viewer } from "../api/access.ts";
import type { Desk } from "../api/desk.ts";
import { LISTS, type List } from "../api/live.ts";
import type { Overview, OverviewQuery } from "../api/overview.ts";
import type { Verification } from "../api/settlement.ts";
import type { Feed, Topic } from "../feed.ts";
import { mayAsk } from "./rights.ts";

/** Without anything to say, a comment says that the line is alive, milliseconds. */
const ALIVE_MS = 10_000;

/** How long a browser waits before it connects again, milliseconds. */
const RETRY_MS = 2_000;

/** Lists that the first screen shows nothing of. */
const APART: ReadonlySet<Topic> = new Set<Topic>(["logs", "settings", "verification"]);

/** Lists that a viewer of one owner's devices may not ask. */
const WHOLE_GATEWAY: ReadonlySet<List> = new Set<List>(["logs", "settings"]);

export type EventParts = {
  readonly desk: Pick<Desk, "overview" | "verification">;
  readonly feed: Pick<Feed, "subscribe">;
  readonly clock: Pick<Clock, "after">;
  readonly onFault: (fault: unknown) => void;
};

export type EventAsk = {
  readonly viewer: Viewer;
  readonly query: OverviewQuery;
  /** Whether the login still stands. */
  readonly isOpen: () => boolean;
};

/** The newest of each event that the client has not taken yet. */
type Waiting = { overview: Overview | null; changed: Set<List>; verification: Verification | null };

export class Events {
  readonly #parts: EventParts;
  /** First screens that are being made since the feed has told something: those who see the same share one. */
  readonly #making = new Map<string, Promise<Overview>>();
  #told: ReadonlySet<Topic> | null = null;

  constructor(parts: EventParts) {
    this.#parts = parts;
  }

  /** The events of one client, as bytes of `text/event-stream`; ends with the signal, and when the login has ended. */
  async *open(ask: EventAsk, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const { clock, feed } = this.#parts;
    const waiting: Waiting = { overview: null, changed: new Set(), verification: null };
    let wake = Promise.withResolvers<void>();
    const awake = () => wake.resolve();
    signal.addEventListener("abort", awake, { once: true });
    const refresh = this.#refresher(ask, waiting, awake);
    const unsubscribe = feed.subscribe((topics) => {
      if (topics !== this.#told) this.#making.clear();
      this.#told = topics;
      for (const list of listsFor(ask.viewer, topics)) waiting.changed.add(list);
      refresh(topics);
      awake();
    });
    try {
      yield bytes(`retry: ${RETRY_MS}\n\n`);
      refresh(new Set<Topic>(["devices", "verification"]));
      while (!signal.aborted && ask.isOpen()) {
        const cancel = clock.after(ALIVE_MS, awake);
        await wake.promise;
        cancel();
        wake = Promise.withResolvers();
        if (!signal.aborted && ask.isOpen()) yield bytes(textOf(waiting));
      }
    } finally {
      unsubscribe();
      signal.removeEventListener("abort", awake);
    }
  }

  /** Asks again for what has changed, one question of a sort at a time. */
  #refresher(ask: EventAsk, waiting: Waiting, awake: () => void): (topics: ReadonlySet<Topic>) => void {
    const { desk } = this.#parts;
    const overview = this.#oneAtATime(async () => {
      waiting.overview = await this.#overview(ask);
      awake();
    });
    const verification = this.#oneAtATime(async () => {
      const { viewer } = ask;
      waiting.verification = await desk.verification({ params: {}, input: {} }, viewer);
      awake();
    });
    return (topics) => {
      if ([...topics].some((topic) => !APART.has(topic))) overview();
      if (topics.has("verification")) verification();
    };
  }

  /** Calls `work` again when it was asked for meanwhile; of failures in a row the first is told. */
  #oneAtATime(work: () => Promise<void>): () => void {
    let isBusy = false;
    let isAsked = false;
    let isTold = false;
    const run = async () => {
      isBusy = true;
      while (isAsked) {
        isAsked = false;
        try {
          await work();
          isTold = false;
        } catch (fault) {
          if (!isTold) this.#parts.onFault(fault);
          isTold = true;
        }
      }
      isBusy = false;
    };
    return () => {
      isAsked = true;
      if (!isBusy) void run();
    };
  }

  #overview({ viewer, query }: EventAsk): Promise<Overview> {
    const key = JSON.stringify([viewer.role, viewer.owner, query]);
    const under = this.#making.get(key);
    if (under) return under;
    const made = this.#parts.desk.overview({ params: {}, input: query }, viewer);
    this.#making.set(key, made);
    const forget = () => {
      if (this.#making.get(key) === made) this.#making.delete(key);
    };
    made.then(forget, forget);
    return made;
  }
}

function listsFor(viewer: Viewer, topics: ReadonlySet<Topic>): List[] {
  const isWhole = mayAsk("gateway", viewer);
  return LISTS.filter((list) => topics.has(list) && (isWhole || !WHOLE_GATEWAY.has(list)));
}

/** What waits, which is taken by that; a comment when nothing does. */
function textOf(waiting: Waiting): string {
  const { overview, changed, verification } = waiting;
  const lists = [...changed];
  Object.assign(waiting, { overview: null, verification: null });
  changed.clear();
  const text =
    (overview ? eventOf("overview", overview) : "") +
    (lists.length > 0 ? eventOf("changed", lists) : "") +
    (verification ? eventOf("verification", verification) : "");
  return text === "" ? ":\n\n" : text;
}

function eventOf(name: string, value: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(value)}\n\n`;
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
