/** What the web server answers by itself: logging in and out, and answers that go on. */
import type { Clock } from "../../base/clock.ts";
import { instant } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import type { Viewer } from "../api/access.ts";
import type { Asked } from "../api/routes.ts";
import type { ExportFormat } from "../api/settlement.ts";
import type { Access } from "./access.ts";
import { jsonAnswer, type OwnAnswers } from "./api.ts";
import { type EventParts, Events } from "./events.ts";
import { cookieHeader, type Guard, type Login, tooMany, type WebContext } from "./guard.ts";
import { problemAnswer } from "./problem.ts";
import { ABSOLUTE_MS, type Session } from "./sessions.ts";
import { Slots } from "./slots.ts";
import { bodyOf } from "./stream.ts";

/** The filter of an export, and its format. */
export type ExportQuery = Asked<"settlementExport">["input"];

/** The filtered settlement log as a file, within the viewer's scope; it is asked for more only when there is room for it. */
export type ExportRows = (query: ExportQuery, viewer: Viewer) => AsyncIterable<Uint8Array>;

/** Pages that are open at a time, and those of one login. */
const EVENTS = { most: 64, ofOne: 8 } as const;

const EXPORTS = { most: 4, ofOne: 2 } as const;

/** Milliseconds after which who found no slot may ask again. */
const SLOT_WAIT_MS = 5_000;

const FILES = {
  csv: { type: "text/csv; charset=utf-8", name: "settlements.csv" },
  jsonl: { type: "application/jsonl; charset=utf-8", name: "settlements.jsonl" },
  ledger: { type: "text/plain; charset=utf-8", name: "settlements.ledger" },
} as const satisfies Record<ExportFormat, { type: string; name: string }>;

/** An access token ends when it is removed: JavaScript's last second of the year 9999. */
const NEVER = instant(253_402_300_799_000);

export type OwnParts = EventParts & {
  readonly access: Access;
  readonly guard: Guard;
  readonly exportRows: ExportRows;
  readonly clock: Clock;
};

type Outgoing = WebContext["env"]["outgoing"];

/** Answers, and what ends those that go on. */
export function ownAnswers(parts: OwnParts): { readonly own: OwnAnswers; readonly close: () => void } {
  const { access, guard, exportRows } = parts;
  const events = new Events(parts);
  const open = new Set<Outgoing>();
  const slots = {
    events: new Slots(EVENTS.most, EVENTS.ofOne),
    exports: new Slots(EXPORTS.most, EXPORTS.ofOne),
  };
  const stream = (context: WebContext, free: () => void, source: Source): ReadableStream<Uint8Array> => {
    const { outgoing } = context.env;
    open.add(outgoing);
    const onEnd = () => {
      open.delete(outgoing);
      free();
    };
    return bodyOf(source, { ...parts, outgoing, onEnd });
  };
  const own: OwnAnswers = {
    login: (context, { input }) => {
      const entered = enter(context, { access, guard }, input.token);
      return entered instanceof Response
        ? entered
        : jsonAnswer(sessionOf(access, entered.login), entered.headers);
    },
    logout: (context, _asked, login) => {
      const headers = leave(context, access, entered(login).session);
      return jsonAnswer({ done: true }, headers);
    },
    session: (_context, _asked, login) => jsonAnswer(sessionOf(access, entered(login))),
    events: (context, { input: query }, login) => {
      const { key, viewer, isOpen } = entered(login);
      const headers = {
        "content-type": "text/event-stream",
        "cache-control": "no-store",
        "x-accel-buffering": "no",
      };
      if (context.req.method === "HEAD") return new Response(null, { headers });
      const free = slots.events.take(key);
      if (!free) return tooMany("too many pages are open", SLOT_WAIT_MS);
      const ask = { viewer, query, isOpen };
      return new Response(
        stream(context, free, (signal) => events.open(ask, signal)),
        { headers },
      );
    },
    settlementExport: (context, { input }, login) => {
      const { key, viewer } = entered(login);
      const { type, name } = FILES[input.format];
      const disposition = `attachment; filename="${name}"`;
      const headers = {
        "content-type": type,
        "content-disposition": disposition,
        "cache-control": "no-store",
      };
      if (context.req.method === "HEAD") return new Response(null, { headers });
      const free = slots.exports.take(key);
      if (!free) return tooMany("other exports are under way", SLOT_WAIT_MS);
      return new Response(
        stream(context, free, () => exportRows(input, viewer)),
        { headers },
      );
    },
  };
  const close = () => {
    for (const outgoing of open) outgoing.destroy();
  };
  return { own, close };
}

type Source = (signal: AbortSignal) => AsyncIterable<Uint8Array>;

/** The table asks for a login before these are answered. */
function entered(login: Login | null): Login {
  if (login) return login;
  throw new Fault("impossible", "a route for logins was answered without one");
}

/** Logs in with a one-time token: a session and the header that sets its cookie, or the answer to a wrong one. */
export function enter(
  context: WebContext,
  { access, guard }: { readonly access: Access; readonly guard: Guard },
  token: string,
):
  | { readonly login: Pick<Login, "viewer" | "session">; readonly headers: Record<string, string> }
  | Response {
  const { arrival, login } = context.var.caller;
  const begun = access.login(token);
  if (!begun) {
    const wait = guard.failed(arrival);
    if (wait > 0) return tooMany("too many wrong tokens came from this address", wait);
    return problemAnswer("login_needed", "this token is not valid: it works once, for ten minutes");
  }
  if (login?.session) access.sessions.end(login.session);
  const { session, cookie } = begun;
  const headers = { "set-cookie": cookieHeader(arrival, cookie, ABSOLUTE_MS) };
  return { login: { viewer: session.viewer, session }, headers };
}

/**
 * Ends a session; the header that removes its cookie.
 *
 * @throws {@link Fault} `usage` for an access token
 */
export function leave(context: WebContext, access: Access, session: Session | null): Record<string, string> {
  if (!session) {
    throw new Fault("usage", "an access token has no session: hirewire access remove NAME ends it");
  }
  access.sessions.end(session);
  return { "set-cookie": cookieHeader(context.var.caller.arrival, "", 0) };
}

function sessionOf({ sessions }: Access, { viewer, session }: Pick<Login, "viewer" | "session">) {
  const { name, role, owner } = viewer;
  const expires = session ? sessions.expiry(session) : NEVER;
  return { name, role, owner, csrf: session?.csrf ?? "", expires };
}
