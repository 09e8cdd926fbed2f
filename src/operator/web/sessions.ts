/** Who has logged in with a browser: in memory only, so that a restart logs everybody out. */
import type { Clock, Instant } from "../../base/clock.ts";
import { instant } from "../../base/clock.ts";
import type { Viewer } from "../api/access.ts";
import { hashOf, isSecretOf, newSecret } from "./secret.ts";

/** A session that is not used ends after this, milliseconds. */
export const IDLE_MS = 12 * 3_600_000;

/** Every session ends after this, milliseconds. */
export const ABSOLUTE_MS = 7 * 24 * 3_600_000;

/** Sessions at a time: the oldest gives way. */
const MAX_SESSIONS = 256;

export type Session = {
  readonly id: string;
  readonly viewer: Viewer;
  /** What the page sends back with everything that changes something. */
  readonly csrf: string;
  readonly hash: string;
  readonly begun: Instant;
  usedAt: Instant;
};

export class Sessions {
  readonly #clock: Pick<Clock, "now">;
  readonly #open = new Map<string, Session>();

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /** A new session, and the cookie that it is known by from now on. */
  begin(viewer: Viewer): { readonly session: Session; readonly cookie: string } {
    const [id, secret] = [newSecret(), newSecret()];
    const now = this.#clock.now();
    const session = { id, viewer, csrf: newSecret(), hash: hashOf(secret), begun: now, usedAt: now };
    this.#sweep();
    this.#open.set(id, session);
    return { session, cookie: `${id}.${secret}` };
  }

  /** The session of a cookie, which is used by that; null when there is none or it has ended. */
  find(cookie: string): Session | null {
    const [id = "", secret = ""] = cookie.split(".");
    const session = this.#open.get(id);
    if (!session || !isSecretOf(session.hash, secret) || !this.isOpen(session)) return null;
    session.usedAt = this.#clock.now();
    return session;
  }

  /** Whether it has neither ended nor expired. */
  isOpen(session: Session): boolean {
    return this.#open.has(session.id) && this.#clock.now() < this.expiry(session);
  }

  /** When it ends unless it is used again, or ends for good. */
  expiry({ begun, usedAt }: Session): Instant {
    return instant(Math.min(begun + ABSOLUTE_MS, usedAt + IDLE_MS));
  }

  end(session: Session): void {
    this.#open.delete(session.id);
  }

  #sweep(): void {
    for (const session of this.#open.values()) if (!this.isOpen(session)) this.end(session);
    const [oldest] = this.#open.size >= MAX_SESSIONS ? this.#open.values() : [];
    if (oldest) this.end(oldest);
  }
}
