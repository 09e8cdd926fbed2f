/** Who may come in: one-time tokens from the terminal, sessions of browsers, access tokens of scripts. */
import type { Clock, Instant } from "../../base/clock.ts";
import { instant } from "../../base/clock.ts";
import type { Viewer } from "../api/access.ts";
import { AccessFile } from "./access-file.ts";
import { hashOf, isSecretOf, newSecret } from "./secret.ts";
import { type Session, Sessions } from "./sessions.ts";

/** How long a one-time token is good for, milliseconds. */
export const INVITATION_MS = 600_000;

/** One-time tokens that wait to be used: the oldest gives way. */
const MAX_INVITATIONS = 32;

/** What a login gives: whose, and how much. */
export type Grant = Pick<Viewer, "role" | "owner">;

type Invitation = { readonly hash: string; readonly grant: Grant; readonly expires: Instant };

export type AccessOptions = {
  /** The data folder, where `access.json` is. */
  readonly folder: string;
  readonly clock: Pick<Clock, "now">;
  readonly onFault: (fault: unknown) => void;
};

export class Access {
  readonly sessions: Sessions;
  readonly #clock: Pick<Clock, "now">;
  readonly #file: AccessFile;
  #invitations: readonly Invitation[] = [];

  constructor({ folder, clock, onFault }: AccessOptions) {
    this.sessions = new Sessions(clock);
    this.#clock = clock;
    this.#file = new AccessFile(folder, onFault);
  }

  /** A token that logs in once, within ten minutes; only its hash is kept. */
  invite(grant: Grant): { readonly token: string; readonly expires: Instant } {
    const token = newSecret();
    const expires = instant(this.#clock.now() + INVITATION_MS);
    const waiting = this.#waiting().slice(-(MAX_INVITATIONS - 1));
    this.#invitations = [...waiting, { hash: hashOf(token), grant, expires }];
    return { token, expires };
  }

  /** Uses a one-time token up; null when it is none, was used, or is too old. */
  login(token: string): { readonly session: Session; readonly cookie: string } | null {
    const waiting = this.#waiting();
    const matching = waiting.filter(({ hash }) => isSecretOf(hash, token));
    const [found] = matching;
    this.#invitations = waiting.filter((one) => one !== found);
    return found ? this.sessions.begin({ name: "browser", ...found.grant }) : null;
  }

  /** Whose access token this is; null for nobody's. */
  holder(token: string): Viewer | null {
    return this.#file.find(token);
  }

  #waiting(): readonly Invitation[] {
    const now = this.#clock.now();
    return this.#invitations.filter(({ expires }) => expires > now);
  }
}
