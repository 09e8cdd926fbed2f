/** A one-time token that came with the link: `/login#token=…`. What stands behind `#` was never sent to the server. */

const found = /^#token=(.+)$/.exec(location.hash)?.[1] ?? null;
// Gone from the address at once, and so from the history and from a copied link.
if (found !== null) history.replaceState(null, "", location.pathname + location.search);

let token = found === null ? null : decodeURIComponent(found);

/** The link's token, once; null without one and every time after. */
export function takeToken(): string | null {
  const taken = token;
  token = null;
  return taken;
}
