/** Where the operator's page listens, and what has to be so before anybody from outside may reach it. */
import { X509Certificate } from "node:crypto";
import { hostname } from "node:os";
import { createSecureContext } from "node:tls";
import { Fault } from "../../base/fault.ts";
import type { Certificate } from "../../link/broker/listener.ts";
import { listenAddress } from "../../link/listen-address.ts";

/** `[operator]` of `gateway.toml`. */
export type OperatorSettings = {
  /** `host:port`; "" for no page. */
  readonly listen: string;
  /** PEM files; "" without TLS. */
  readonly certificate: string;
  readonly certificate_key: string;
  /** Whether a proxy stands before it, whose X-Forwarded-For, -Proto and -Host are believed. */
  readonly proxy: boolean;
};

export type WebAddress = {
  readonly host: string;
  readonly port: number;
  readonly tls: Certificate | null;
  readonly isProxied: boolean;
  /** What the operator should know about who can reach it; null when that is this machine alone. */
  readonly notice: string | null;
};

/**
 * Reads `[operator]`: loopback as it is, any other address only with TLS or behind a proxy.
 *
 * @param readSecret - the text of a file; throws {@link Fault} `key_file`
 * @throws {@link Fault} `config_syntax`, and what `readSecret` throws
 */
export function webAddress(settings: OperatorSettings, readSecret: (path: string) => string): WebAddress {
  const { listen, certificate, certificate_key: key, proxy } = settings;
  const at = listenAddress(listen);
  if ((certificate === "") !== (key === "")) {
    throw new Fault("config_syntax", "[operator] needs both certificate and certificate_key, or neither");
  }
  const tls = certificate === "" ? null : certificateOf(readSecret(certificate), readSecret(key));
  if (!isLoopback(at.host) && !tls && !proxy) {
    throw new Fault(
      "config_syntax",
      `[operator] listen = "${listen}" can be reached from other machines, and logins would cross the network in the ` +
        "clear: name a certificate and its certificate_key, or say proxy = true where a proxy with TLS stands before " +
        "it; or keep 127.0.0.1:8402 and use ssh -L 8402:127.0.0.1:8402",
    );
  }
  return { ...at, tls, isProxied: proxy, notice: noticeOf(at.host, tls !== null, proxy) };
}

function certificateOf(cert: string, key: string): Certificate {
  try {
    createSecureContext({ cert, key });
    new X509Certificate(cert);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : "unknown";
    throw new Fault("config_syntax", `[operator]: the certificate or its key cannot be used: ${why}`, {
      cause,
    });
  }
  return { cert, key };
}

function noticeOf(host: string, hasTls: boolean, isProxied: boolean): string | null {
  const trust = "X-Forwarded-For, -Proto and -Host are believed";
  if (isProxied && isLoopback(host))
    return `the page stands behind a proxy: ${trust} of whoever asks on ${host}`;
  if (isProxied)
    return `the page stands behind a proxy: ${trust}, so nothing but the proxy may reach ${host}`;
  if (!isLoopback(host) && hasTls) return `other machines can reach the page on ${host}, by TLS`;
  return null;
}

/** Whether only this machine can reach an address. */
function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

/** The address that somebody types: every address of this machine has its name, or that of its certificate. */
export function urlOf({ host, tls }: WebAddress, port: number): string {
  const named = /^(0\.0\.0\.0|::)$/.test(host) ? (tls && nameIn(tls)) || hostname() : host;
  return `http${tls ? "s" : ""}://${named.includes(":") ? `[${named}]` : named}:${port}`;
}

function nameIn({ cert }: Certificate): string | null {
  return /DNS:([^,*]+)/.exec(new X509Certificate(cert).subjectAltName ?? "")?.[1] ?? null;
}
