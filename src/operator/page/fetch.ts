/** Asks the gateway. Typed by the table of routes, of which only types are loaded: a key is `"GET /devices/:device"`. */
import type { z } from "zod";
import type { API as ApiPath, JsonRoute, ROUTES } from "../api/routes.ts";
import { session } from "./session.ts";

type Table = typeof ROUTES;
type KeyOf<Name extends keyof Table> = `${Table[Name]["method"]} ${Table[Name]["path"]}`;

/** Method and path of every route that answers JSON. */
export type RouteKey = { [Name in JsonRoute]: KeyOf<Name> }[JsonRoute];

type NameOf<Key extends RouteKey> = {
  [Name in JsonRoute]: KeyOf<Name> extends Key ? Name : never;
}[JsonRoute];

type Output<Shape> = Shape extends z.ZodType ? z.output<Shape> : never;
type Input<Name extends JsonRoute> = Table[Name]["method"] extends "GET"
  ? Partial<Output<Table[Name]["input"]>>
  : z.input<Table[Name]["input"]>;

export type Asking<Key extends RouteKey> = {
  readonly params?: Output<Table[NameOf<Key>]["params"]>;
  readonly input?: Input<NameOf<Key>>;
};

export type Answer<Key extends RouteKey> = Output<Table[NameOf<Key>]["answer"]>;

const API: typeof ApiPath = "/api/v1";

/** The gateway's refusal, after RFC 9457, or `unreachable` where nothing answered. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly hint: string;

  constructor(status: number, told: Partial<Record<"code" | "title" | "detail" | "hint", unknown>>) {
    const text = (value: unknown) => (typeof value === "string" ? value : "");
    super(text(told.detail) || text(told.title) || String(status));
    this.status = status;
    this.code = text(told.code) || (status === 0 ? "unreachable" : String(status));
    this.title = text(told.title);
    this.detail = text(told.detail);
    this.hint = text(told.hint);
  }
}

/** The address of a route with its parameters and, for GET, its query; for links to downloads as well. */
export function addressOf(
  path: string,
  params: Readonly<Record<string, unknown>> = {},
  query: Readonly<Record<string, unknown>> = {},
): string {
  const filled = path.replaceAll(/:(\w+)/g, (_, name: string) =>
    encodeURIComponent(String(params[name] ?? "")),
  );
  const kept = Object.entries(query).filter(
    ([, value]) => value !== undefined && value !== null && value !== "",
  );
  const text = new URLSearchParams(kept.map(([key, value]) => [key, String(value)])).toString();
  return API + filled + (text === "" ? "" : `?${text}`);
}

async function problemOf(response: Response): Promise<Problem> {
  const told: unknown = await response.json().catch(() => null);
  return new Problem(response.status, typeof told === "object" && told !== null ? told : {});
}

/** Sends a request and gives its answer. Throws a {@link Problem}; without a login the session ends and the login shows. */
export async function request(address: string, init: RequestInit): Promise<Response> {
  const response = await fetch(address, { credentials: "same-origin", ...init }).catch((reason: unknown) => {
    if (init.signal?.aborted) throw reason;
    throw new Problem(0, { title: reason instanceof Error ? reason.message : String(reason) });
  });
  if (response.ok) return response;
  if (response.status === 401) session.set(null);
  throw await problemOf(response);
}

/**
 * Asks one route: `ask("GET /devices/:device", { params: { device } })`.
 *
 * Throws a {@link Problem}.
 */
export async function ask<Key extends RouteKey>(
  key: Key,
  asking: Asking<Key> & { readonly signal?: AbortSignal } = {},
): Promise<Answer<Key>> {
  const [method = "GET", path = ""] = key.split(" ");
  const params: Readonly<Record<string, unknown>> = asking.params ?? {};
  const input: Readonly<Record<string, unknown>> = asking.input ?? {};
  const init: RequestInit = { method, headers: { accept: "application/json" } };
  if (asking.signal) init.signal = asking.signal;
  if (method !== "GET") {
    init.headers = {
      accept: "application/json",
      "content-type": "application/json",
      "x-hirewire-csrf": csrf(),
    };
    init.body = JSON.stringify(input);
  }
  const response = await request(addressOf(path, params, method === "GET" ? input : {}), init);
  return (await response.json()) as Answer<Key>;
}

function csrf(): string {
  return session.value?.csrf ?? "";
}
