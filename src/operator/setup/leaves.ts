/** The single settings in a schema of tables: what each is called and what it means. */
import type { z } from "zod";

export type Leaf = {
  /** As in the file: `broker.listen`. */
  readonly key: string;
  /** One sentence, lower case. */
  readonly about: string;
  readonly schema: z.ZodType;
};

type Shape = Readonly<Record<string, z.ZodType>>;

/** The parts of a zod schema that are looked at here. */
type Definition = {
  readonly type: string;
  readonly innerType?: z.ZodType;
  readonly element?: z.ZodType;
  readonly in?: z.ZodType;
};

function definitionOf(schema: z.ZodType): Definition {
  return schema.def as unknown as Definition;
}

/** The schema without defaults and optionality around it. */
function inner(schema: z.ZodType): z.ZodType {
  const { type, innerType } = definitionOf(schema);
  return innerType && ["default", "prefault", "optional", "nullable"].includes(type)
    ? inner(innerType)
    : schema;
}

function shapeOf(schema: z.ZodType): Shape | null {
  const bare = inner(schema);
  return "shape" in bare ? (bare.shape as Shape) : null;
}

/** The table of an array of tables; null for everything else. */
function rowOf(schema: z.ZodType): z.ZodType | null {
  const { type, element } = definitionOf(inner(schema));
  return type === "array" && element && shapeOf(element) ? element : null;
}

/**
 * Every setting, in the order of the schema. One of an array of tables has `*` where its number goes: `serial.*.path`.
 *
 * @param schema - a table
 */
export function leavesOf(schema: z.ZodType, before = ""): readonly Leaf[] {
  return Object.entries(shapeOf(schema) ?? {}).flatMap(([name, value]) => {
    const key = `${before}${name}`;
    const row = rowOf(value);
    if (row) return leavesOf(row, `${key}.*.`);
    if (shapeOf(value)) return leavesOf(value, `${key}.`);
    return [{ key, about: aboutOf(value), schema: value }];
  });
}

/** A description may stand on any layer. */
function aboutOf(schema: z.ZodType): string {
  const { innerType } = definitionOf(schema);
  return schema.description ?? (innerType ? aboutOf(innerType) : "");
}
