/**
 * The operator's page and API, served: everything that a browser, a script or Prometheus can ask.
 *
 * Without a login it answers the page's own files, the login, and `/healthz`; nothing of the gateway's.
 */
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import type { Clock } from "../../base/clock.ts";
import { isFault } from "../../base/fault.ts";
import type { Desk } from "../api/desk.ts";
import { openApiDocument } from "../api/openapi.ts";
import type { Feed } from "../feed.ts";
import type { Access } from "./access.ts";
import { type OperatorSettings, urlOf, webAddress } from "./address.ts";
import { mountApi } from "./api.ts";
import { Assets } from "./assets.ts";
import { foreignAnswer, Guard, type WebContext, type WebEnv } from "./guard.ts";
import { openWebListener } from "./listener.ts";
import { type ExportRows, ownAnswers } from "./own-answers.ts";
import { faultAnswer, problemAnswer } from "./problem.ts";
import { mayAsk } from "./rights.ts";
import { mountStatus, type StatusText } from "./status.ts";

export type WebParts = {
  /** `[operator]`, its files as paths from anywhere. */
  readonly settings: OperatorSettings;
  readonly desk: Desk;
  readonly feed: Pick<Feed, "subscribe">;
  readonly access: Access;
  /** What Vite has built; an empty or missing folder is no page. */
  readonly pageFolder: string;
  readonly kernelFolder: string;
  readonly exportRows: ExportRows;
  /** Prometheus text 0.0.4, of the whole gateway. */
  readonly metricsText: () => string | Promise<string>;
  readonly statusText: StatusText;
  readonly clock: Clock;
  /** Told of defects; what was asked wrongly is answered and no fault. */
  readonly onFault: (fault: unknown) => void;
  /** The text of a certificate or its key. Throws a Fault `key_file`. */
  readonly readSecret: (path: string) => string;
};

export type Web = {
  /** As somebody types it, with the port that was given. */
  readonly url: string;
  readonly port: number;
  /** What the operator should know about who can reach the page; null when that is this machine alone. */
  readonly notice: string | null;
  /** Answers nobody from now on, and ends all that is open within a second. */
  readonly close: () => Promise<void>;
};

/**
 * The page loads nothing from elsewhere and runs nothing that stands in its markup; `wasm-unsafe-eval` is what lets its
 * kernels be compiled.
 */
const HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "worker-src 'self'",
    "manifest-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=(), usb=(), serial=()",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

/**
 * Serves the page and the API at `settings.listen`.
 *
 * @throws {@link Fault} `config_syntax` for an address that others can reach without TLS or a proxy, and for a certificate
 * that cannot be used; `port_busy`; what `readSecret` throws
 */
export async function startWeb(parts: WebParts): Promise<Web> {
  const { settings, access, clock, readSecret, onFault } = parts;
  const at = webAddress(settings, readSecret);
  const guard = new Guard(at, access, clock);
  const { own, close } = ownAnswers({ ...parts, guard });
  const app = new Hono<WebEnv>();
  app.use(async (context, next) => {
    const caller = guard.admit(context);
    if (caller instanceof Response) context.res = caller;
    else {
      context.set("caller", caller);
      await next();
    }
    for (const [name, value] of Object.entries(HEADERS)) {
      if (!context.res.headers.has(name)) context.res.headers.set(name, value);
    }
  });
  mountApi(app, { ...parts, own });
  mountStatus(app, { ...parts, guard });
  mountPlain(app, parts);
  app.onError((fault) => {
    if (!isFault(fault) || fault.remedy === "defect") onFault(fault);
    return faultAnswer(fault);
  });
  const requests = getRequestListener(app.fetch, { overrideGlobalObjects: false });
  const listener = await openWebListener(
    at,
    (incoming, outgoing) => void requests(incoming, outgoing),
    clock,
  );
  return {
    url: urlOf(at, listener.port),
    port: listener.port,
    notice: at.notice,
    close: () => {
      close();
      return listener.close();
    },
  };
}

/** What is neither API nor status: files, and texts for machines. */
function mountPlain(app: Hono<WebEnv>, { pageFolder, kernelFolder, metricsText, onFault }: WebParts): void {
  const assets = new Assets({ pageFolder, kernelFolder });
  let document: string | null = null;
  app.get("/healthz", () => new Response("ok\n", { headers: { "cache-control": "no-store" } }));
  app.get("/openapi.json", (context) => {
    const refused = refusal(context, "viewer");
    if (refused) return refused;
    document ??= JSON.stringify(openApiDocument());
    return new Response(document, { headers: { "content-type": "application/json" } });
  });
  app.get("/metrics", async (context) => {
    const refused = refusal(context, "gateway");
    if (refused) return refused;
    try {
      const type = "text/plain; version=0.0.4; charset=utf-8";
      return new Response(await metricsText(), {
        headers: { "content-type": type, "cache-control": "no-store" },
      });
    } catch (fault) {
      onFault(fault);
      return faultAnswer(fault);
    }
  });
  app.get("*", async ({ req }) => {
    const found = await assets.answer(
      req.path,
      req.header("accept-encoding") ?? "",
      req.header("if-none-match") ?? "",
    );
    const why = assets.hasPage ? "there is no such file" : "the page is not built here: npm run build:page";
    return found ?? problemAnswer("not_found", why);
  });
  app.all("*", ({ req }) =>
    problemAnswer("bad_request", `${req.method} is not for this path`, {
      status: 405,
      headers: { allow: "GET, HEAD" },
    }),
  );
}

/** Why a text for machines is not told; null when it is. */
function refusal(context: WebContext, right: "viewer" | "gateway"): Response | null {
  const { login } = context.var.caller;
  if (!login) return problemAnswer("login_needed", "nobody is logged in");
  if (mayAsk(right, login.viewer)) return foreignAnswer(context, true);
  return problemAnswer("forbidden", "that is for logins of the whole gateway, not of one owner");
}
