/**
 * A typed client of the operator's API, made from the table of routes; for Node and for browsers.
 *
 * ```ts
 * const gateway = hirewireClient({ url: "http://127.0.0.1:8402", token: "hirewire_…" });
 * const { rows, sums } = await gateway.settlements({ kind: "earned", device: "robot-1" });
 * ```
 */
import type { z } from "zod";
import { changedLists, type List } from "./live.ts";
import { type Overview, overview } from "./overview.ts";
import { type Problem, problem } from "./problem.ts";
import { type Answered, API, type JsonRoute, ROUTES, type Route, type RouteName } from "./routes.ts";
import { type Verification, verification } from "./settlement.ts";

/** The gateway has answered with a problem: {@link Problem} says what it is, and what to do about it. */
export class ApiProblem extends Error {
  override readonly name = "ApiProblem";
  readonly problem: Problem;
  /** Seconds after which to try again; null where the gateway did not say. */
  readonly retryAfter: number | null;

  constructor(told: Problem, retryAfter: number | null = null) {
    super(`${told.code}: ${told.detail}`);
    this.problem = told;
    this.retryAfter = retryAfter;
  }
}

/** What the gateway has answered is not what its API promises: another version, or somebody else's server. */
export class UnknownAnswer extends Error {
  override readonly name = "UnknownAnswer";
}

export type ClientOptions = {
  /** Where the page is: `http://127.0.0.1:8402`. */
  readonly url: string;
  /** Of `hirewire access add NAME`; without one the browser's session counts, which may only read. */
  readonly token?: string;
  /** In place of the global one. */
  readonly fetch?: typeof fetch;
};

type Shapes<Name extends RouteName> = (typeof ROUTES)[Name];

/** What may be given, with the types that it has once it is read: numbers are numbers, not texts of an address. */
type Given<Shape extends z.ZodType> = {
  readonly [Key in keyof z.input<Shape> as string extends Key
    ? never
    : Key]: Key extends keyof z.output<Shape> ? z.output<Shape>[Key] : never;
};

/** Values of the path and of the input together: no route has the same name in both. */
type Arguments<Name extends RouteName> = Given<Shapes<Name>["params"]> & Given<Shapes<Name>["input"]>;

type Call = { readonly signal?: AbortSignal };

type Parameters<Name extends RouteName> =
  Record<never, never> extends Arguments<Name>
    ? [asked?: Arguments<Name>, call?: Call]
    : [asked: Arguments<Name>, call?: Call];

/** Routes that are a browser's own: a script has a token. */
type Asking = Exclude<JsonRoute, "login" | "logout">;

/** What a gateway says while it is listened to. */
export type LiveEvent =
  | { readonly kind: "overview"; readonly overview: Overview }
  | { readonly kind: "changed"; readonly lists: readonly List[] }
  | { readonly kind: "verification"; readonly verification: Verification };

/**
 * One method for each route that answers JSON, and the two that go on.
 *
 * All throw {@link ApiProblem} for what the gateway refuses, {@link UnknownAnswer} for what no gateway says, and whatever
 * `fetch` throws when there is no connection.
 */
export type HirewireClient = {
  readonly [Name in Asking]: (...parameters: Parameters<Name>) => Promise<Answered<Name>>;
} & {
  /** The filtered settlement log as a file, as it comes. */
  readonly settlementExport: (
    ...parameters: Parameters<"settlementExport">
  ) => Promise<ReadableStream<Uint8Array>>;
  /** What happens from now on; ends with the connection, and with the signal. */
  readonly events: (...parameters: Parameters<"events">) => AsyncGenerator<LiveEvent, void>;
};

/** A client of the gateway at `url`. Nothing is asked yet. */
export function hirewireClient(options: ClientOptions): HirewireClient {
  const names = (Object.keys(ROUTES) as RouteName[]).filter((name) => ROUTES[name].answer !== "stream");
  const methods = names.map((name) => [
    name,
    async (asked: Values = {}, call: Call = {}) => {
      const response = await ask(options, ROUTES[name], asked, call);
      return parsed((ROUTES[name] as Route).answer as z.ZodType, await jsonOf(response));
    },
  ]);
  const streams = {
    settlementExport: async (asked: Values = {}, call: Call = {}) => {
      const { body } = await ask(options, ROUTES.settlementExport, asked, call);
      if (body) return body;
      throw new UnknownAnswer("the export has no body");
    },
    events: (asked: Values = {}, call: Call = {}) => listen(options, asked, call),
  };
  return { ...Object.fromEntries(methods), ...streams };
}

type Values = Readonly<Record<string, unknown>>;

/** Names in a path: `/devices/:device`. */
const NAME = /:(\w+)/g;

async function ask(
  { url, token, fetch: fetching = fetch }: ClientOptions,
  { method, path }: Route,
  values: Values,
  { signal }: Call,
): Promise<Response> {
  const own = new Set([...path.matchAll(NAME)].map(([, name]) => name));
  const filled = path.replaceAll(NAME, (_, name: string) => encodeURIComponent(String(values[name])));
  const rest = Object.entries(values).filter(([name, value]) => !own.has(name) && value !== undefined);
  const isGet = method === "GET";
  const texts = isGet ? rest.map(([name, value]): [string, string] => [name, String(value)]) : [];
  const query = new URLSearchParams(texts).toString();
  const response = await fetching(`${url.replace(/\/+$/, "")}${API}${filled}${query && `?${query}`}`, {
    method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(!isGet && { "content-type": "application/json" }),
    },
    ...(!isGet && { body: JSON.stringify(Object.fromEntries(rest)) }),
    ...(signal && { signal }),
  });
  if (response.ok) return response;
  const told = problem.safeParse(await jsonOf(response));
  if (!told.success) throw new UnknownAnswer(`status ${response.status}, and no problem that is known`);
  const after = response.headers.get("retry-after");
  throw new ApiProblem(told.data, after === null ? null : Number(after));
}

async function jsonOf(response: Response): Promise<unknown> {
  const text = await response.text();
  return fromJson(text);
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new UnknownAnswer("the answer is not JSON", { cause });
  }
}

function parsed<T>(shape: z.ZodType<T>, value: unknown): T {
  const found = shape.safeParse(value);
  if (found.success) return found.data;
  throw new UnknownAnswer("the answer has another shape than this client knows", { cause: found.error });
}

async function* listen(options: ClientOptions, asked: Values, call: Call): AsyncGenerator<LiveEvent, void> {
  const { body } = await ask(options, ROUTES.events, asked, call);
  if (!body) throw new UnknownAnswer("the events have no body");
  for await (const { name, text } of eventsIn(body)) {
    const event = eventOf(name, text);
    if (event) yield event;
  }
}

/** An event that this client does not know is one of a newer gateway. */
function eventOf(name: string, text: string): LiveEvent | null {
  switch (name) {
    case "overview":
      return { kind: name, overview: parsed(overview, fromJson(text)) };
    case "changed":
      return { kind: name, lists: parsed(changedLists, fromJson(text)) };
    case "verification":
      return { kind: name, verification: parsed(verification, fromJson(text)) };
    default:
      return null;
  }
}

/** The events of a `text/event-stream` (HTML, section 9.2.6): lines of `event` and `data`, ended by an empty one. */
async function* eventsIn(body: ReadableStream<Uint8Array>): AsyncGenerator<{ name: string; text: string }> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = (rest + decoder.decode(value, { stream: true })).split(/\r?\n\r?\n/);
      rest = blocks.pop() ?? "";
      for (const block of blocks) {
        const lines = block.split(/\r?\n/);
        const text = fieldIn(lines, "data").join("\n");
        if (text !== "") yield { name: fieldIn(lines, "event").at(-1) ?? "message", text };
      }
    }
  } finally {
    await reader.cancel();
  }
}

function fieldIn(lines: readonly string[], field: string): string[] {
  return lines
    .filter((line) => line.startsWith(`${field}:`))
    .map((line) => line.slice(field.length + 1).replace(/^ /, ""));
}
