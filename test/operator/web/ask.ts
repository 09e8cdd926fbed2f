/** Requests as a program sends them, with every header as told: browsers and fetch would mend some. */
import { type IncomingHttpHeaders, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { Grant } from "../../../src/operator/web/access.ts";
import type { Stand } from "./stand.ts";

export type Asking = {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Of TLS: who is trusted. */
  readonly ca?: string;
};

export type Told = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly text: string };

/** Asks, path as it is: nothing in it is made shorter or escaped. */
export function ask(
  url: string,
  path: string,
  { method = "GET", headers = {}, body, ca }: Asking = {},
): Promise<Told> {
  const { protocol, hostname, port } = new URL(url);
  const options = {
    hostname,
    port,
    path,
    method,
    headers,
    agent: false,
    ...(ca !== undefined && { ca, servername: "localhost" }),
  };
  return new Promise((resolve, reject) => {
    const sent = (protocol === "https:" ? requestHttps : requestHttp)(options, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("error", reject);
      response.on("end", () => {
        const text = Buffer.concat(parts).toString();
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

export const JSON_TYPE = { "content-type": "application/json" } as const;

/** A POST of JSON. */
export function post(
  url: string,
  path: string,
  value: unknown,
  headers: Asking["headers"] = {},
): Promise<Told> {
  return ask(url, path, {
    method: "POST",
    headers: { ...JSON_TYPE, ...headers },
    body: JSON.stringify(value),
  });
}

/** The `code` of a problem; null where the answer is none. */
export function codeOf({ headers, text }: Told): string | null {
  return headers["content-type"] === "application/problem+json" ? JSON.parse(text).code : null;
}

export type Browser = {
  readonly cookie: string;
  readonly csrf: string;
  readonly headers: Record<string, string>;
};

/** Logs in as a browser does; `headers` is what its page sends with everything. */
export async function logIn(stand: Stand, grant?: Grant, more: Asking = {}): Promise<Browser> {
  const token = stand.link(grant).split("#token=")[1];
  const told = await post(stand.url, "/api/v1/login", { token }, more.headers ?? {});
  if (told.status !== 200) throw new Error(`login: ${told.status} ${told.text}`);
  const cookie = (told.headers["set-cookie"]?.[0] ?? "").split(";")[0] ?? "";
  const { csrf } = JSON.parse(told.text);
  return { cookie, csrf, headers: { cookie, "x-hirewire-csrf": csrf } };
}

/** What a script sends. */
export function bearer(token: string): { readonly authorization: string } {
  return { authorization: `Bearer ${token}` };
}
