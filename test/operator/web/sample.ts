/** Values that fit a shape: the smallest of each, so that a stub answers what its route promises. */
import { z } from "zod";

type Schema = {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  /** Of a record: its values. */
  readonly additionalProperties?: Schema | boolean;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly minLength?: number;
};

/** The smallest value of a shape; of an array none, of a record nothing. */
export function sampleOf<T extends z.ZodType>(shape: T): z.output<T> {
  return shape.parse(
    smallestOf(z.toJSONSchema(shape, { io: "input", reused: "inline" }) as Schema),
  ) as z.output<T>;
}

function smallestOf(schema: Schema): unknown {
  if (schema.const !== undefined) return schema.const;
  if (schema.default !== undefined) return schema.default;
  if (schema.enum) return schema.enum[0];
  if (schema.anyOf)
    return schema.anyOf.some(({ type }) => type === "null") ? null : smallestOf(schema.anyOf[0] ?? {});
  switch (schema.type) {
    case "object":
      return objectOf(schema);
    case "array":
      return [];
    case "string":
      return textOf(schema);
    case "integer":
    case "number":
      return Math.max(0, schema.minimum ?? 0);
    case "boolean":
      return false;
    default:
      return null;
  }
}

/** A record whose keys are listed has them all. */
function objectOf({ properties, required = [], additionalProperties: values }: Schema): unknown {
  if (properties) {
    return Object.fromEntries(Object.entries(properties).map(([key, value]) => [key, smallestOf(value)]));
  }
  const value = typeof values === "object" ? smallestOf(values) : null;
  return Object.fromEntries(required.map((key) => [key, value]));
}

function textOf({ pattern = "", minLength = 0 }: Schema): string {
  const digits = /^\^0x\[0-9a-f\]\{(\d+)\}/.exec(pattern)?.[1];
  if (digits !== undefined)
    return `0x${"1".repeat(Number(digits))}${pattern.includes("(in|out)") ? "-in" : ""}`;
  return pattern === "" ? "x".repeat(minLength) : "0.000000";
}
