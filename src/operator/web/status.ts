/** `/status`: the first screen as text, with a login by a form, for browsers that run no scripts and for curl. */
import type { Hono } from "hono";
import type { Viewer } from "../api/access.ts";
import type { Access } from "./access.ts";
import { TOO_LONG, textOf } from "./body.ts";
import { foreignAnswer, type Guard, type WebContext, type WebEnv } from "./guard.ts";
import { enter, leave } from "./own-answers.ts";
import { faultAnswer, problemAnswer } from "./problem.ts";
import { isSame } from "./secret.ts";
import { type Language, languageOf } from "./status.words.ts";
import { loginPage, STATUS_HEADERS, statusPage } from "./status-page.ts";

/** The first screen of a viewer as text. */
export type StatusText = (viewer: Viewer, language: Language) => Promise<string>;

type StatusParts = {
  readonly access: Access;
  readonly guard: Guard;
  readonly statusText: StatusText;
  readonly onFault: (fault: unknown) => void;
};

/** Adds `/status`, which answers GET with the screen or a login form, and POST of its own forms. */
export function mountStatus(app: Hono<WebEnv>, parts: StatusParts): void {
  app.get("/status", (context) => show(context, parts));
  app.post("/status", (context) => act(context, parts));
}

async function show(context: WebContext, { statusText, onFault }: StatusParts): Promise<Response> {
  const { login } = context.var.caller;
  const language = languageIn(context);
  if (!login) return page(loginPage(language, null), 401);
  try {
    const text = await statusText(login.viewer, language);
    return page(statusPage(language, text, login.session?.csrf ?? null), 200);
  } catch (fault) {
    onFault(fault);
    return faultAnswer(fault);
  }
}

async function act(context: WebContext, { access, guard }: StatusParts): Promise<Response> {
  const foreign = foreignAnswer(context, false);
  if (foreign) return foreign;
  const text = await textOf(context.req.raw);
  if (text === TOO_LONG) return problemAnswer("bad_request", "the form is too long", { status: 413 });
  const form = new URLSearchParams(text);
  const session = context.var.caller.login?.session ?? null;
  const csrf = form.get("leave");
  if (csrf !== null) {
    if (!session || !isSame(session.csrf, csrf))
      return problemAnswer("csrf", "this form is of another session");
    return seeStatus(leave(context, access, session));
  }
  const entered = enter(
    context,
    { access, guard },
    (form.get("token") ?? "").trim().replace(/^.*token=/, ""),
  );
  if (!(entered instanceof Response)) return seeStatus(entered.headers);
  const why = entered.status === 429 ? "wait" : "wrong";
  return page(loginPage(languageIn(context), why), entered.status, entered.headers.get("retry-after"));
}

function languageIn({ req }: WebContext): Language {
  return languageOf(req.header("accept-language") ?? "");
}

function page(html: string, status: number, retryAfter: string | null = null): Response {
  const retry = retryAfter !== null && { "retry-after": retryAfter };
  return new Response(html, {
    status,
    headers: { ...STATUS_HEADERS, "cache-control": "no-store", ...retry },
  });
}

function seeStatus(headers: Readonly<Record<string, string>>): Response {
  return new Response(null, { status: 303, headers: { location: "/status", ...headers } });
}
