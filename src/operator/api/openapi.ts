/**
 * The operator's API as an OpenAPI 3.1 document, written from the table of routes.
 *
 * `openapi.json` beside this file is the document as of the last `npm run docs`; a test fails when it is older than the
 * table.
 */
import { z } from "zod";
import { alertRow } from "./alert.ts";
import { deviceRow } from "./device.ts";
import { laneRow } from "./lane.ts";
import { changedLists } from "./live.ts";
import { logLine } from "./log.ts";
import { overview } from "./overview.ts";
import { PROBLEMS, problem } from "./problem.ts";
import { API, type Right, ROUTES, type Route } from "./routes.ts";
import { settlementRow, verification } from "./settlement.ts";
import { story, storyEntry, storyTransaction, taskRow } from "./task.ts";

/** Shapes that several answers have, by the name that they are referred to. */
const NAMED = {
  alertRow,
  changedLists,
  deviceRow,
  laneRow,
  logLine,
  overview,
  problem,
  settlementRow,
  story,
  storyEntry,
  storyTransaction,
  taskRow,
  verification,
} as const;

const RIGHTS_IN_WORDS: Readonly<Record<Right, string>> = {
  anyone: "Anyone.",
  viewer: "Whoever is logged in, of its own devices or of all.",
  operator: "Operators, for their own devices or for all.",
  gateway: "Logins of the whole gateway.",
  keeper: "Operators of the whole gateway.",
};

type Json = Readonly<Record<string, unknown>>;

/** The whole document, as plain JSON. The same table gives the same text. */
export function openApiDocument(): Json {
  const shapes = z.registry<{ id: string }>();
  for (const [id, shape] of Object.entries(NAMED)) shapes.add(shape, { id });
  const uri = (id: string) => `#/components/schemas/${id}`;
  const { schemas } = z.toJSONSchema(shapes, { uri, io: "output" });
  const entries = Object.entries(ROUTES) as [string, Route][];
  const paths = new Map<string, Record<string, Json>>();
  for (const [name, route] of entries) {
    const path = `${API}${route.path}`.replaceAll(/:(\w+)/g, "{$1}");
    paths.set(path, { ...paths.get(path), [route.method.toLowerCase()]: operation(name, route) });
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "hirewire operator API",
      version: "1",
      description:
        "What an operator sees and does. Money is decimal text in whole tokens, times are milliseconds since 1970 (UTC), " +
        "hashes and accounts are lower-case hexadecimal. A login sees the whole gateway, or what one owner owns: anything " +
        "else is not there for it.",
    },
    servers: [{ url: "/" }],
    security: [{ token: [] }, { session: [] }],
    paths: Object.fromEntries(paths),
    components: {
      schemas: Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, plain(schema)])),
      securitySchemes: {
        token: {
          type: "http",
          scheme: "bearer",
          description: "An access token: hirewire access add NAME.",
        },
        session: {
          type: "apiKey",
          in: "cookie",
          name: "hirewire-8402",
          description:
            "A session, begun by POST /api/v1/login; its name ends with the port, and begins with __Host- under TLS. What " +
            "changes something needs the header x-hirewire-csrf besides.",
        },
      },
    },
  };
}

function operation(name: string, route: Route): Json {
  const path = objectOf(route.params);
  const input = objectOf(route.input);
  const isGet = route.method === "GET";
  const parameters = [...parametersOf("path", path), ...(isGet ? parametersOf("query", input) : [])];
  return {
    operationId: name,
    summary: route.summary,
    description: `May ask: ${RIGHTS_IN_WORDS[route.right]}`,
    ...(route.right === "anyone" && { security: [] }),
    ...(parameters.length > 0 && { parameters }),
    ...(!isGet && { requestBody: { required: true, content: { "application/json": { schema: input } } } }),
    responses: { "200": answerOf(name, route), default: PROBLEM_ANSWER },
  };
}

const PROBLEM_ANSWER = {
  description: `A problem (RFC 9457); its code is one of ${Object.keys(PROBLEMS).join(", ")}, or that of a fault.`,
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/problem" } } },
};

function answerOf(name: string, route: Route): Json {
  if (route.answer !== "stream") {
    return {
      description: "The answer.",
      content: { "application/json": { schema: referring(route.answer) } },
    };
  }
  const types = name === "events" ? ["text/event-stream"] : ["text/csv", "application/jsonl", "text/plain"];
  const schema = { type: "string" };
  const description =
    name === "events"
      ? "Events: `overview` has an overview, `changed` has changedLists, `verification` has a verification, as JSON each."
      : "The file, as it is made.";
  return { description, content: Object.fromEntries(types.map((type) => [type, { schema }])) };
}

/** A schema that names the shapes of the list instead of repeating them. */
function referring(shape: z.ZodType): Json {
  const names = new Map<unknown, string>(Object.entries(NAMED).map(([id, one]) => [one, id]));
  const own = names.get(shape);
  if (own !== undefined) return { $ref: `#/components/schemas/${own}` };
  return plain(
    z.toJSONSchema(shape, {
      override: ({ zodSchema, jsonSchema }) => {
        const id = names.get(zodSchema);
        if (id === undefined) return;
        for (const key of Object.keys(jsonSchema)) delete jsonSchema[key as keyof typeof jsonSchema];
        jsonSchema.$ref = `#/components/schemas/${id}`;
      },
    }),
  );
}

type ObjectSchema = Json & {
  readonly properties?: Readonly<Record<string, Json>>;
  readonly required?: readonly string[];
};

function objectOf(shape: z.ZodType): ObjectSchema {
  return plain(z.toJSONSchema(shape, { io: "input" }));
}

function parametersOf(place: "path" | "query", { properties = {}, required = [] }: ObjectSchema): Json[] {
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: place,
    required: place === "path" || required.includes(name),
    ...(description !== undefined && { description }),
    schema,
  }));
}

/** Without what only a document of its own has. */
function plain({ $schema: _dialect, $id: _id, ...rest }: Json): Json {
  return rest;
}
