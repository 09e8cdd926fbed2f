/** Coming in and going out. */
import { ask } from "../fetch.ts";
import { go } from "../router.ts";
import { session } from "../session.ts";

/** Changes a one-time token for a session, and goes on to where the viewer wanted to go. Throws a Problem. */
export async function logIn(token: string): Promise<void> {
  session.set(await ask("POST /login", { input: { token } }));
  const next = new URLSearchParams(location.search).get("next") ?? "/";
  // Only into this page: a link could name any address.
  go(/^\/(?![/\\])/.test(next) ? next : "/", "replace");
}

/** Ends the session; the login shows. Throws a Problem. */
export async function logOut(): Promise<void> {
  await ask("POST /logout");
  session.set(null);
}
