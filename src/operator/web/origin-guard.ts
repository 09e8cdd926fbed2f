/**
 * Which names the page answers to, and whose pages may ask it.
 *
 * A page elsewhere can have its own name resolve to this machine (DNS rebinding), and would then be of the same origin:
 * so names are a list. Addresses are no names, and cannot be rebound.
 */
import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import type { WebAddress } from "./address.ts";

/** How a request came, after what a proxy says about it. */
export type Arrival = {
  /** Of the client, for limits. */
  readonly address: string;
  /** `host:port` as the client typed it. */
  readonly host: string;
  readonly isSecure: boolean;
  /** Of its own pages; two where a proxy does not say whether it was asked by TLS. */
  readonly origins: readonly string[];
};

type Headers = (name: string) => string | undefined;

/**
 * How a request came. Of a proxy's lists the last entry counts: it is the one that our own proxy wrote.
 *
 * @param socket - the peer's address; undefined once it has gone
 */
export function arrivalOf(
  { isProxied, tls }: WebAddress,
  header: Headers,
  socket: string | undefined,
): Arrival {
  const forwarded = (name: string) => (isProxied ? header(name)?.split(",").at(-1)?.trim() : undefined);
  const proto = forwarded("x-forwarded-proto");
  const host = (forwarded("x-forwarded-host") ?? header("host") ?? "").toLowerCase();
  const isSecure = proto === undefined ? tls !== null : proto === "https";
  const schemes = isProxied && proto === undefined ? ["http", "https"] : [isSecure ? "https" : "http"];
  return {
    ...{ host, isSecure, origins: schemes.map((scheme) => `${scheme}://${host}`) },
    address: forwarded("x-forwarded-for") ?? socket ?? "gone",
  };
}

/** Answers whether the page goes by a `Host`; behind a proxy that is for the proxy to say. */
export function hostGuard(at: WebAddress): (host: string) => boolean {
  const certificate = at.tls && new X509Certificate(at.tls.cert);
  return (host) => {
    const name = nameOf(host);
    if (name === null) return false;
    if (at.isProxied || isIP(name) !== 0 || name === "localhost" || name === at.host.toLowerCase())
      return true;
    return certificate?.checkHost(name) !== undefined;
  };
}

/** The name in `name:port` or `[::1]:port`; null for other text. */
function nameOf(host: string): string | null {
  const [, bracketed, plain] = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/.exec(host) ?? [];
  return bracketed ?? plain ?? null;
}

/**
 * Whether a page of somebody else's asks: by `Origin`, and by what browsers say in `Sec-Fetch-Site`. Programs send neither.
 *
 * @param isPage - a link from elsewhere may open a page, and nothing but a page
 */
export function isForeign({ origins }: Arrival, header: Headers, isPage: boolean): boolean {
  const origin = header("origin");
  if (origin !== undefined && !origins.includes(origin)) return true;
  const site = header("sec-fetch-site");
  return !isPage && site !== undefined && site !== "same-origin" && site !== "none";
}
