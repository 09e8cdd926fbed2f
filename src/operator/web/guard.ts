/** Who asks, and whether it is heard at all: its way here, its login, and how often it comes. */
import type { HttpBindings } from "@hono/node-server";
import type { Context } from "hono";
import { getCookie } from "hono/cookie";
import type { Clock } from "../../base/clock.ts";
import { addressOf } from "../../link/broker/origin.ts";
import { Throttle } from "../../link/broker/throttle.ts";
import type { Viewer } from "../api/access.ts";
import type { Access } from "./access.ts";
import type { WebAddress } from "./address.ts";
import { type Arrival, arrivalOf, hostGuard, isForeign } from "./origin-guard.ts";
import { problemAnswer } from "./problem.ts";
import type { Session } from "./sessions.ts";

/** Requests of one login, or of one address without one: on average a second, and at once. */
const REQUESTS = { rate: 50, burst: 300 } as const;

/**
 * Wrong tokens from one address. They cannot be guessed; this keeps those who try from being work. So a right token is
 * let in however many wrong ones came before it: nobody can lock the operator out from the same address.
 */
const FAILURES = { rate: 1 / 6, burst: 10 } as const;

export type Login = {
  readonly viewer: Viewer;
  /** Null for an access token, which needs no CSRF text: no browser sends it unasked. */
  readonly session: Session | null;
  /** What its requests are counted by. */
  readonly key: string;
  /** Whether it has neither expired nor been taken away. */
  readonly isOpen: () => boolean;
};

export type Caller = { readonly arrival: Arrival; readonly login: Login | null };

export type WebEnv = { Bindings: HttpBindings; Variables: { caller: Caller } };

export type WebContext = Context<WebEnv>;

export class Guard {
  readonly #at: WebAddress;
  readonly #access: Access;
  readonly #answersTo: (host: string) => boolean;
  readonly #requests: Throttle;
  readonly #failures: Throttle;

  constructor(at: WebAddress, access: Access, clock: Clock) {
    this.#at = at;
    this.#access = access;
    this.#answersTo = hostGuard(at);
    this.#requests = new Throttle(REQUESTS.rate, REQUESTS.burst, clock);
    this.#failures = new Throttle(FAILURES.rate, FAILURES.burst, clock);
  }

  /** Who asks; or the answer to somebody who is not heard. */
  admit(context: WebContext): Caller | Response {
    const header = (name: string) => context.req.header(name);
    const arrival = arrivalOf(this.#at, header, context.env.incoming.socket.remoteAddress);
    if (!this.#answersTo(arrival.host)) {
      const why =
        "the page does not go by this name: ask by an address, localhost, or a name in its certificate";
      return problemAnswer("bad_request", why, { status: 421 });
    }
    const token = /^bearer +(\S+)$/i.exec(header("authorization") ?? "")?.[1];
    const login = token === undefined ? this.#bySession(context, arrival) : this.#byToken(token);
    if (token !== undefined && !login) {
      const wait = this.failed(arrival);
      if (wait > 0) return tooMany("too many wrong tokens came from this address", wait);
    }
    const wait = this.#requests.tryTake(login?.key ?? `address ${addressOf(arrival.address)}`);
    return wait > 0 ? tooMany("this is more than 50 requests a second", wait) : { arrival, login };
  }

  /** Counts a wrong token; the milliseconds until this address may try again, or 0. */
  failed({ address }: Arrival): number {
    return this.#failures.tryTake(addressOf(address));
  }

  #byToken(token: string): Login | null {
    const viewer = this.#access.holder(token);
    const isOpen = () => this.#access.holder(token) !== null;
    return viewer && { viewer, session: null, key: `token ${viewer.name}`, isOpen };
  }

  #bySession(context: WebContext, arrival: Arrival): Login | null {
    const { sessions } = this.#access;
    const session = sessions.find(getCookie(context, cookieName(arrival)) ?? "");
    const isOpen = () => session !== null && sessions.isOpen(session);
    return session && { viewer: session.viewer, session, key: `session ${session.id}`, isOpen };
  }
}

/** The answer to who comes too often; `wait` in milliseconds. */
export function tooMany(detail: string, wait: number): Response {
  const seconds = String(Math.max(1, Math.ceil(wait / 1_000)));
  return problemAnswer("too_many_requests", detail, { headers: { "retry-after": seconds } });
}

/** Whether somebody else's page asks, or seems to: the answer to that; null when not. */
export function foreignAnswer(context: WebContext, isPage: boolean): Response | null {
  const header = (name: string) => context.req.header(name);
  if (!isForeign(context.var.caller.arrival, header, isPage)) return null;
  return problemAnswer("csrf", "a page of another origin asks");
}

/**
 * The cookie of a session. Cookies know no ports, so its name does: two gateways can be open at one address. By its prefix
 * a secure one cannot be planted by anybody else.
 */
function cookieName({ host, isSecure }: Arrival): string {
  const port = /:(\d+)$/.exec(host)?.[1] ?? (isSecure ? "443" : "80");
  return `${isSecure ? "__Host-" : ""}hirewire-${port}`;
}

/** What sets the cookie for so many milliseconds; with none, it removes it. */
export function cookieHeader(arrival: Arrival, cookie: string, ms: number): string {
  const age = `Max-Age=${Math.floor(ms / 1_000)}`;
  const rest = `Path=/; HttpOnly; SameSite=Strict; ${age}${arrival.isSecure ? "; Secure" : ""}`;
  return `${cookieName(arrival)}=${cookie}; ${rest}`;
}
