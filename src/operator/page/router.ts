/** Where the page is: the address is the state, so that every view can be linked to and reloaded. */
import { useCallback, useEffect } from "preact/hooks";
import { cell, useCell } from "./cell.ts";

export type Place = { readonly path: string; readonly query: URLSearchParams };

const current = (): Place => ({ path: location.pathname, query: new URLSearchParams(location.search) });

const place = cell<Place>(current());

/** Belongs to the server, not to the router. */
const SERVERS = /^\/(api|status|metrics|healthz|openapi\.json)(\/|$)/;

/** Goes to an address of the page, with its query. */
export function go(to: string, how: "push" | "replace" = "push"): void {
  if (how === "push") history.pushState(null, "", to);
  else history.replaceState(null, "", to);
  const before = place.value.path;
  place.set(current());
  if (before !== location.pathname) scrollTo(0, 0);
}

/** Where the page is now. */
export function usePlace(): Place {
  return useCell(place);
}

export type QueryChange = Readonly<Record<string, string | number | null | undefined>>;

/**
 * The address's query and how to change it: null, undefined and "" take a key out. Changes replace the address unless
 * told to `push`, so that typing into a filter does not fill the history.
 */
export function useQuery(): [URLSearchParams, (change: QueryChange, how?: "push" | "replace") => void] {
  const { query } = usePlace();
  const change = useCallback((changes: QueryChange, how: "push" | "replace" = "replace") => {
    const next = new URLSearchParams(location.search);
    for (const [key, value] of Object.entries(changes)) {
      if (value === null || value === undefined || value === "") next.delete(key);
      else next.set(key, String(value));
    }
    go(withQuery(location.pathname, next), how);
  }, []);
  return [query, change];
}

/** An address with a query, without a `?` where there is nothing to say. */
export function withQuery(path: string, query: URLSearchParams | QueryChange): string {
  const entries = query instanceof URLSearchParams ? [...query] : Object.entries(query);
  const kept = entries.flatMap(([key, value]) =>
    value === null || value === undefined || value === "" ? [] : [[key, String(value)]],
  );
  const text = new URLSearchParams(kept).toString();
  return text === "" ? path : `${path}?${text}`;
}

/** The address that a click on a link goes to within the page; null where the browser should follow it itself. */
function inner(event: MouseEvent): string | null {
  if (event.defaultPrevented || event.button !== 0) return null;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return null;
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  if (!(link instanceof HTMLAnchorElement) || link.hasAttribute("download") || link.target !== "")
    return null;
  const to = new URL(link.href, location.href);
  if (to.origin !== location.origin || SERVERS.test(to.pathname)) return null;
  if (to.hash !== "" && to.pathname === location.pathname && to.search === location.search) return null;
  return to.pathname + to.search + to.hash;
}

/** Takes over plain links of the page, and the browser's back and forward. Once, by the shell. */
export function useLinks(): void {
  useEffect(() => {
    const follow = (event: MouseEvent) => {
      const to = inner(event);
      if (to === null) return;
      event.preventDefault();
      go(to);
    };
    const back = () => place.set(current());
    document.addEventListener("click", follow);
    addEventListener("popstate", back);
    return () => {
      document.removeEventListener("click", follow);
      removeEventListener("popstate", back);
    };
  }, []);
}
