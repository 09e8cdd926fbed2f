/** The API over HTTP: each route of the table, with its right, its shapes, and what keeps other people's pages out. */
import type { Hono } from "hono";
import { Fault, isFault } from "../../base/fault.ts";
import type { Desk, DeskRoute } from "../api/desk.ts";
import { API, type Asked, ROUTES, type Route, type RouteName } from "../api/routes.ts";
import { askedOf } from "../asked.ts";
import { parsedJson, TOO_LONG, textOf } from "./body.ts";
import { foreignAnswer, type Login, type WebContext, type WebEnv } from "./guard.ts";
import { faultAnswer, problemAnswer } from "./problem.ts";
import { mayAsk } from "./rights.ts";
import { isSame } from "./secret.ts";

/** A header of ours, which no form can send and no other origin may. */
const CSRF_HEADER = "x-hirewire-csrf";

/** Answers of the web server's own. */
export type OwnRoute = Exclude<RouteName, DeskRoute>;

/** Answers a route for somebody who may ask it; `login` is null only where anyone may. */
export type Answer<Name extends RouteName> = (
  context: WebContext,
  asked: Asked<Name>,
  login: Login | null,
) => Response | Promise<Response>;

export type OwnAnswers = { readonly [Name in OwnRoute]: Answer<Name> };

type ApiParts = {
  readonly desk: Desk;
  readonly own: OwnAnswers;
  readonly onFault: (fault: unknown) => void;
};

/** Adds every route of the table to the app, and what answers where there is none. */
export function mountApi(app: Hono<WebEnv>, parts: ApiParts): void {
  for (const [name, route] of Object.entries(ROUTES) as [RouteName, Route][]) {
    app.on(route.method, `${API}${route.path}`, (context) => answerTo(name, context, parts));
  }
  for (const path of new Set(Object.values(ROUTES).map((route) => route.path))) {
    const methods = Object.values(ROUTES)
      .filter((route) => route.path === path)
      .map(({ method }) => method);
    app.all(`${API}${path}`, (context) => wrongMethod(context, methods));
  }
  app.all("/api/*", () => problemAnswer("not_found", "there is no such route"));
}

function wrongMethod({ req }: WebContext, methods: readonly Route["method"][]): Response {
  const allow = [...methods, ...(methods.includes("GET") ? ["HEAD"] : [])].join(", ");
  const why = `${req.method} is not for this path`;
  return problemAnswer("bad_request", why, { status: 405, headers: { allow } });
}

async function answerTo<Name extends RouteName>(
  name: Name,
  context: WebContext,
  parts: ApiParts,
): Promise<Response> {
  const { right, method } = ROUTES[name];
  const { login } = context.var.caller;
  const foreign = foreignAnswer(context, false);
  if (foreign) return foreign;
  if (right !== "anyone" && !login) return problemAnswer("login_needed", "nobody is logged in");
  if (!mayAsk(right, login?.viewer ?? null)) {
    return problemAnswer("forbidden", whyNot(right, login));
  }
  if (right !== "anyone" && method !== "GET" && !isOwnPage(context, login)) {
    return problemAnswer("csrf", `the header ${CSRF_HEADER} is missing or wrong`);
  }
  const asked = await read(name, context);
  if (asked instanceof Response) return asked;
  try {
    return await answer(name, context, asked, login, parts);
  } catch (fault) {
    if (!isFault(fault) || fault.remedy === "defect") parts.onFault(fault);
    return faultAnswer(fault);
  }
}

function whyNot(right: Route["right"], login: Login | null): string {
  const isViewer = login?.viewer.role === "viewer" && (right === "operator" || right === "keeper");
  return isViewer ? "that is for operators" : "that is for logins of the whole gateway, not of one owner";
}

/** A session's page knows its CSRF text; an access token is sent by nobody who was not given it. */
function isOwnPage({ req }: WebContext, login: Login | null): boolean {
  return !login?.session || isSame(login.session.csrf, req.header(CSRF_HEADER) ?? "");
}

async function read<Name extends RouteName>(
  name: Name,
  context: WebContext,
): Promise<Asked<Name> | Response> {
  const { req } = context;
  const isGet = ROUTES[name].method === "GET";
  if (!isGet && !/^application\/json\s*(;|$)/i.test(req.header("content-type") ?? "")) {
    return problemAnswer("bad_request", "the body has to be application/json", { status: 415 });
  }
  try {
    const text = isGet ? "" : await textOf(req.raw);
    if (text === TOO_LONG) return problemAnswer("bad_request", "the body is too long", { status: 413 });
    const input = isGet ? queryOf(req.url) : parsedJson(text);
    return askedOf(name, req.param(), input);
  } catch (fault) {
    if (!isFault(fault)) throw fault;
    return problemAnswer("bad_request", fault.message);
  }
}

/** What stands behind the `?`; a name that stands there twice is a mistake, not a choice of ours. */
function queryOf(url: string): Readonly<Record<string, string>> {
  const { searchParams } = new URL(url);
  const names = [...searchParams.keys()];
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice === undefined) return Object.fromEntries(searchParams);
  throw new Fault("usage", `${twice} is given twice`);
}

async function answer<Name extends RouteName>(
  name: Name,
  context: WebContext,
  asked: Asked<Name>,
  login: Login | null,
  { own, desk }: ApiParts,
): Promise<Response> {
  if (isOwn(name)) return await (own[name] as Answer<Name>)(context, asked, login);
  if (!login) return problemAnswer("login_needed", "nobody is logged in");
  const clerk = desk[name as DeskRoute] as (asked: Asked<Name>, viewer: Login["viewer"]) => Promise<unknown>;
  return jsonAnswer(await clerk(asked, login.viewer));
}

function isOwn(name: RouteName): name is OwnRoute {
  return ["login", "logout", "session", "events", "settlementExport"].includes(name);
}

/** What was asked for, which nobody keeps a copy of. */
export function jsonAnswer(value: unknown, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(JSON.stringify(value), {
    headers: { "content-type": "application/json", "cache-control": "no-store", ...headers },
  });
}
