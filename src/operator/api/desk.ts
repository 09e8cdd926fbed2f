/**
 * The desk: what stands behind the API. The web server and the control socket both ask here, so that page, API and
 * command line say the same.
 */
import type { Viewer } from "./access.ts";
import type { Answered, Asked, JsonRoute } from "./routes.ts";

/** Answers of the routes that the web server does not answer by itself. */
export type DeskRoute = Exclude<JsonRoute, "login" | "logout" | "session">;

/**
 * Answers one route for somebody whose right to it was checked; what is not in the viewer's scope is not there for it.
 *
 * Throws a Fault: `usage` for what cannot be asked, `not_found` for what is not there (or not the viewer's), or whatever
 * the action throws.
 */
export type Clerk<Name extends DeskRoute> = (asked: Asked<Name>, viewer: Viewer) => Promise<Answered<Name>>;

export type Desk = { readonly [Name in DeskRoute]: Clerk<Name> };
