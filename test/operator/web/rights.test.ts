/** Every route of the table and every path beside it, asked by everybody: exactly those who may get an answer. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Viewer } from "../../../src/operator/api/access.ts";
import { problem } from "../../../src/operator/api/problem.ts";
import {
  API,
  RIGHTS,
  type Right,
  ROUTES,
  type Route,
  type RouteName,
} from "../../../src/operator/api/routes.ts";
import { addAccess, removeAccess } from "../../../src/operator/web/access-file.ts";
import { ABSOLUTE_MS } from "../../../src/operator/web/sessions.ts";
import { ManualClock } from "../../devices/robot/manual-clock.ts";
import { type Asking, ask, bearer, codeOf, JSON_TYPE, logIn } from "./ask.ts";
import { sampleOf } from "./sample.ts";
import { openStand, type Stand } from "./stand.ts";

const OWNER = `0x${"ab".repeat(20)}` as const;

type Grant = Pick<Viewer, "role" | "owner">;

const GRANTS = {
  viewer: { role: "viewer", owner: null },
  operator: { role: "operator", owner: null },
  "owner's viewer": { role: "viewer", owner: OWNER },
  "owner's operator": { role: "operator", owner: OWNER },
} as const satisfies Record<string, Grant>;

type Kind = keyof typeof GRANTS;

/** Said once more, so that a change of the table's meaning is a change here too. */
const MAY: Readonly<Record<Right, readonly Kind[]>> = {
  anyone: ["viewer", "operator", "owner's viewer", "owner's operator"],
  viewer: ["viewer", "operator", "owner's viewer", "owner's operator"],
  operator: ["operator", "owner's operator"],
  gateway: ["viewer", "operator"],
  keeper: ["operator"],
};

const NAMES = Object.keys(ROUTES) as RouteName[];
/** Those that end or begin a login are asked by the tests of logins. */
const WALKED = NAMES.filter((name) => name !== "login" && name !== "logout");

let stand: Stand;
let clock: ManualClock;
/** Headers by kind of caller, as a browser's and as a script's. */
const callers = new Map<string, Record<string, string>>();
const strangers = new Map<string, Record<string, string>>();

beforeAll(async () => {
  clock = new ManualClock();
  stand = await openStand({ clock });
  const { headers: expired } = await logIn(stand, GRANTS.operator);
  clock.advance(ABSOLUTE_MS);
  for (const [kind, grant] of Object.entries(GRANTS)) {
    callers.set(`${kind}, session`, (await logIn(stand, grant)).headers);
    const name = kind.replaceAll(/\W/g, "-");
    callers.set(`${kind}, token`, bearer(addAccess(stand.folder, { name, ...grant }, 0)));
  }
  const removed = addAccess(stand.folder, { name: "removed", ...GRANTS.operator }, 0);
  removeAccess(stand.folder, "removed");
  const session = callers.get("operator, session")?.["cookie"] ?? "";
  const csrf = callers.get("operator, session")?.["x-hirewire-csrf"] ?? "";
  strangers.set("no login", {});
  strangers.set("an expired session", expired);
  strangers.set("a session's id with another secret", {
    cookie: `${session.split(".")[0]}.${"A".repeat(43)}`,
    "x-hirewire-csrf": csrf,
  });
  strangers.set("a wrong token", bearer("hirewire_wrong"));
  strangers.set("a token that was removed", bearer(removed));
  strangers.set("a wrong token beside a good session", {
    ...bearer("hirewire_wrong"),
    cookie: session,
    "x-hirewire-csrf": csrf,
  });
});

afterAll(() => stand.close());

/** A request that fits the route's shapes. */
function requestOf(route: Route, headers: Record<string, string>): [path: string, asking: Asking] {
  const params = sampleOf(route.params) as Record<string, unknown>;
  const path = `${API}${route.path}`.replaceAll(/:(\w+)/g, (_, name: string) => String(params[name]));
  if (route.method === "GET") return [path, { headers }];
  const body = JSON.stringify(sampleOf(route.input));
  return [path, { method: route.method, headers: { ...JSON_TYPE, ...headers }, body }];
}

/** The status of an answer, and its code where it is a problem; what goes on for ever is left. */
async function statusOf(path: string, { method = "GET", headers = {}, body }: Asking) {
  const leaving = new AbortController();
  const sent = { method, headers, signal: leaving.signal, ...(body !== undefined && { body }) };
  const response = await fetch(`${stand.url}${path}`, sent);
  const { status } = response;
  const type = response.headers.get("content-type");
  if (type === "text/event-stream") {
    leaving.abort();
    return { status, code: null };
  }
  const text = await response.text();
  return { status, code: type === "application/problem+json" ? problem.parse(JSON.parse(text)).code : null };
}

describe("the table of routes", () => {
  it("names every right, and the walk knows what each means", () => {
    expect(new Set(Object.keys(MAY))).toEqual(new Set(RIGHTS));
    expect(new Set(NAMES.map((name) => ROUTES[name].right))).toEqual(new Set(RIGHTS));
  });

  it.each(WALKED)("%s is answered to exactly those who may ask it", async (name) => {
    const route: Route = ROUTES[name];
    for (const [who, headers] of callers) {
      const may = MAY[route.right].some((kind) => who.startsWith(`${kind},`));
      const { status, code } = await statusOf(...requestOf(route, headers));
      expect([who, status, code]).toEqual(may ? [who, 200, null] : [who, 403, "forbidden"]);
    }
    for (const [who, headers] of strangers) {
      clock.advance(60_000);
      const { status, code } = await statusOf(...requestOf(route, headers));
      expect([who, status, code]).toEqual([who, 401, "login_needed"]);
    }
  });

  it("lets the desk hear nobody else, and hands it who asks", async () => {
    stand.stub.questions.length = 0;
    for (const headers of strangers.values()) {
      clock.advance(60_000);
      await ask(stand.url, ...requestOf(ROUTES.devices, headers));
      await ask(stand.url, ...requestOf(ROUTES.halt, headers));
    }
    await ask(stand.url, ...requestOf(ROUTES.settle, callers.get("owner's operator, session") ?? {}));
    expect(stand.stub.questions).toEqual([]);
    await ask(stand.url, ...requestOf(ROUTES.devices, callers.get("owner's operator, session") ?? {}));
    await ask(stand.url, ...requestOf(ROUTES.halt, callers.get("operator, token") ?? {}));
    expect(stand.stub.questions).toEqual([
      {
        name: "devices",
        asked: { params: {}, input: {} },
        viewer: { name: "browser", role: "operator", owner: OWNER },
      },
      {
        name: "halt",
        asked: { params: {}, input: { reason: "by the operator" } },
        viewer: { name: "operator", role: "operator", owner: null },
      },
    ]);
  });
});

describe("beside the table", () => {
  const open = [
    "/",
    "/index.html",
    "/assets/main-abc123.js",
    "/kernels/base.wasm",
    "/settlements/3",
    "/healthz",
  ];
  const closed = [
    ["/openapi.json", "viewer"],
    ["/metrics", "gateway"],
    ["/status", "viewer"],
  ] as const;

  it.each(open)("%s needs no login", async (path) => {
    expect((await ask(stand.url, path)).status).toBe(200);
  });

  it.each(closed)("%s is told to exactly those who have the right", async (path, right) => {
    for (const [who, headers] of callers) {
      const may = MAY[right].some((kind) => who.startsWith(`${kind},`));
      expect([who, (await ask(stand.url, path, { headers })).status]).toEqual([who, may ? 200 : 403]);
    }
    for (const [who, headers] of strangers) {
      clock.advance(60_000);
      expect([who, (await ask(stand.url, path, { headers })).status]).toEqual([who, 401]);
    }
  });

  it("healthz tells nothing but that it answers", async () => {
    const { text } = await ask(stand.url, "/healthz");
    expect(text).toBe("ok\n");
  });

  it.each(["/api", "/api/v1", "/api/v1/nothing", "/api/v2/overview", "/api/v1/overview/"])(
    "%s is no route",
    async (path) => {
      const told = await ask(stand.url, path, { headers: callers.get("operator, session") ?? {} });
      expect([told.status, codeOf(told)]).toEqual([404, "not_found"]);
    },
  );

  it("a method that a path has not is refused with those that it has", async () => {
    for (const [path, allow] of [
      ["/api/v1/overview", "GET, HEAD"],
      ["/api/v1/settle", "POST"],
      ["/", "GET, HEAD"],
      ["/metrics", "GET, HEAD"],
    ] as const) {
      for (const method of [
        "DELETE",
        "OPTIONS",
        "PATCH",
        ...(allow === "POST" ? ["GET", "HEAD"] : ["POST", "PUT"]),
      ]) {
        const headers = { ...JSON_TYPE, ...callers.get("operator, session") };
        const told = await ask(stand.url, path, { method, headers });
        expect([method, path, told.status, told.headers.allow]).toEqual([method, path, 405, allow]);
      }
    }
  });

  it("HEAD is GET without a body, and opens no stream", async () => {
    const headers = callers.get("viewer, session") ?? {};
    for (const path of ["/", "/healthz", "/api/v1/overview", "/api/v1/events", "/api/v1/settlement-export"]) {
      const told = await ask(stand.url, path, { method: "HEAD", headers });
      expect([path, told.status, told.text]).toEqual([path, 200, ""]);
    }
    expect((await ask(stand.url, "/api/v1/overview", { method: "HEAD" })).status).toBe(401);
  });
});
