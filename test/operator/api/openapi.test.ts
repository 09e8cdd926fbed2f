import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { openApiDocument } from "../../../src/operator/api/openapi.ts";
import { API, ROUTES, type Route } from "../../../src/operator/api/routes.ts";

const FILE = new URL("../../../src/operator/api/openapi.json", import.meta.url);

const record = <T extends z.ZodType>(value: T) => z.record(z.string(), value);

const typeName = z.enum(["object", "array", "string", "integer", "number", "boolean", "null"]);

/** JSON Schema of the 2020-12 dialect, which OpenAPI 3.1 takes as it is: what ours consist of. */
const schema: z.ZodType = z.lazy(() =>
  z.union([
    z.strictObject({ $ref: z.string().startsWith("#/components/schemas/") }),
    z.strictObject({
      type: z.union([typeName, z.array(typeName)]).optional(),
      description: z.string().optional(),
      format: z.string().optional(),
      pattern: z.string().optional(),
      default: z.unknown().optional(),
      const: z.unknown().optional(),
      enum: z.array(z.unknown()).optional(),
      anyOf: z.array(schema).optional(),
      items: schema.optional(),
      properties: record(schema).optional(),
      propertyNames: schema.optional(),
      additionalProperties: z.union([z.boolean(), schema]).optional(),
      required: z.array(z.string()).optional(),
      minimum: z.number().optional(),
      maximum: z.number().optional(),
      exclusiveMinimum: z.number().optional(),
      minLength: z.number().optional(),
      maxLength: z.number().optional(),
      minItems: z.number().optional(),
      maxItems: z.number().optional(),
    }),
  ]),
);

const content = record(z.strictObject({ schema }));
const response = z.strictObject({ description: z.string().min(1), content });

/** The parts of OpenAPI 3.1.0 (sections 4.8.1 to 4.8.27) that the document has, each with all that it must have. */
const openApi = z.strictObject({
  openapi: z.literal("3.1.0"),
  info: z.strictObject({ title: z.string(), version: z.string(), description: z.string() }),
  servers: z.array(z.strictObject({ url: z.string() })),
  security: z.array(record(z.array(z.string()))),
  paths: z.record(
    z.string().startsWith("/"),
    z.partialRecord(
      z.enum(["get", "post", "put"]),
      z.strictObject({
        operationId: z.string(),
        summary: z.string().regex(/\.$/),
        description: z.string().regex(/\.$/),
        security: z.array(z.never()).optional(),
        parameters: z
          .array(
            z.strictObject({
              name: z.string(),
              in: z.enum(["path", "query"]),
              required: z.boolean(),
              description: z.string().optional(),
              schema,
            }),
          )
          .optional(),
        requestBody: z.strictObject({ required: z.boolean(), content }).optional(),
        responses: z.strictObject({ "200": response, default: response }),
      }),
    ),
  ),
  components: z.strictObject({
    schemas: record(schema),
    securitySchemes: record(z.looseObject({ type: z.string() })),
  }),
});

const document = openApi.parse(JSON.parse(JSON.stringify(openApiDocument())));
const routes = Object.entries(ROUTES) as [string, Route][];

function operationOf({ path, method }: Route) {
  const found = document.paths[`${API}${path}`.replaceAll(/:(\w+)/g, "{$1}")];
  return found?.[method.toLowerCase() as "get" | "post" | "put"];
}

describe("the OpenAPI document", () => {
  it("in the tree is the one that the table gives; npm run docs writes it", () => {
    expect(JSON.parse(readFileSync(FILE, "utf8"))).toEqual(document);
  });

  it("has an operation for each route, and no other", () => {
    const ids = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods).map((one) => one?.operationId),
    );
    expect(ids).toHaveLength(Object.keys(ROUTES).length);
    expect(new Set(ids)).toEqual(new Set(Object.keys(ROUTES)));
  });

  it("names each parameter of a path once, and requires it", () => {
    for (const [name, route] of routes) {
      const named = [...route.path.matchAll(/:(\w+)/g)].map(([, one]) => one);
      const told = operationOf(route)?.parameters?.filter((one) => one.in === "path") ?? [];
      expect([name, told.map((one) => one.name)]).toEqual([name, named]);
      expect(told.every(({ required }) => required)).toBe(true);
    }
  });

  it("asks by the address with GET and by a body otherwise, and only a login needs no login", () => {
    for (const [name, route] of routes) {
      const operation = operationOf(route);
      expect([name, operation?.requestBody !== undefined]).toEqual([name, route.method !== "GET"]);
      // without a body there is no content type, which the server insists on
      if (route.method !== "GET") expect(operation?.requestBody?.required).toBe(true);
      if (route.method !== "GET")
        expect(operation?.parameters?.some((one) => one.in === "query") ?? false).toBe(false);
      expect([name, operation?.security]).toEqual([name, name === "login" ? [] : undefined]);
    }
  });

  it("has whatever it refers to, and refers to whatever it has", () => {
    const referred = new Set(JSON.stringify(document).match(/#\/components\/schemas\/\w+/g));
    const there = Object.keys(document.components.schemas).map((id) => `#/components/schemas/${id}`);
    expect([...referred].filter((one) => !there.includes(one))).toEqual([]);
    expect(there.filter((one) => !referred.has(one))).toEqual(["#/components/schemas/changedLists"]);
  });

  it("describes values as they are written: money as text, numbers of an address as numbers, nothing more than is named", () => {
    const { settlementRow, problem } = document.components.schemas as Record<string, Record<string, unknown>>;
    expect(settlementRow).toMatchObject({
      additionalProperties: false,
      properties: { amount: { type: "string", pattern: expect.any(String) }, sequence: { type: "integer" } },
    });
    expect(problem).toMatchObject({ required: ["type", "title", "status", "code", "detail", "hint"] });
    const limit = operationOf(ROUTES.settlements)?.parameters?.find(({ name }) => name === "limit");
    expect(limit).toEqual({
      name: "limit",
      in: "query",
      required: false,
      schema: { type: "integer", default: 50, minimum: 1, maximum: 500 },
    });
    expect(operationOf(ROUTES.overview)?.responses["200"].content["application/json"]?.schema).toEqual({
      $ref: "#/components/schemas/overview",
    });
  });
});

describe("the table of routes", () => {
  it("has no name in both path and input: a client takes them together", () => {
    for (const [name, { params, input }] of routes) {
      const keys = [params, input].map((one) => Object.keys((one as z.ZodObject).shape));
      expect([name, keys[0]?.filter((key) => keys[1]?.includes(key))]).toEqual([name, []]);
    }
  });

  it("has no path that another's parameter could be taken for", () => {
    const seen = new Set<string>();
    for (const [, { method, path }] of routes) {
      const key = `${method} ${path.replaceAll(/:\w+/g, ":")}`;
      expect(seen.has(key)).toBe(false);
      seen.add(key);
    }
  });

  it("gives what changes something to operators alone, but for a verification", () => {
    const weak = routes.filter(
      ([, { method, right }]) => method !== "GET" && !["operator", "keeper"].includes(right),
    );
    expect(weak.map(([name]) => name)).toEqual(["login", "logout", "verify"]);
  });
});
