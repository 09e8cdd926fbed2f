/**
 * Schemas as plain functions: the same values in, the same values out, in a fraction of the time.
 *
 * A journal is read as a whole at every start and at every verification, and most of that was spent in schemas. What
 * says no here is asked again of the schema itself, which has the last word and explains it; so a mistake here could
 * only be to accept what the schema does not, and a test compares the two on mutated records.
 */
import { z } from "zod";

/** Decodes a value, or says that it is none of the schema's. */
type Step = (value: unknown) => unknown;

const WRONG: unique symbol = Symbol("wrong");

/**
 * A decoder for a schema of JSON values: strict objects, arrays, text with patterns, whole numbers, literals, and codecs
 * of those. Any other schema decodes as it does itself.
 *
 * The function throws ZodError for what is no such value.
 */
export function compiled<T>(schema: z.ZodType<T>): (value: unknown) => T {
  let step: Step | null = null;
  return (value) => {
    step ??= stepOf(schema);
    const decoded = step(value);
    return decoded === WRONG ? z.decode(schema, value as never) : (decoded as T);
  };
}

function stepOf(schema: z.core.$ZodType): Step {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  const checks = def.checks ?? [];
  // what is a check itself, such as z.uuid() or z.int64(), asks more than its type says
  if (("coerce" in def && def.coerce) || "check" in def) return itself(schema);
  switch (def.type) {
    case "string":
      return textStep(checks) ?? itself(schema);
    case "number":
      return numberStep(checks) ?? itself(schema);
    case "pipe":
      return pipeStep(def, checks) ?? itself(schema);
    default:
      return checks.length === 0 ? (plainStep(def) ?? itself(schema)) : itself(schema);
  }
}

/** Whatever has no shorter way. */
function itself(schema: z.core.$ZodType): Step {
  return (value) => {
    const decoded = z.safeDecode(schema, value as never);
    return decoded.success ? decoded.data : WRONG;
  };
}

/** Of the kinds of schemas whose checks are not looked at. */
function plainStep(def: z.core.$ZodTypes["_zod"]["def"]): Step | null {
  switch (def.type) {
    case "boolean":
      return (value) => (typeof value === "boolean" ? value : WRONG);
    case "bigint":
      return (value) => (typeof value === "bigint" ? value : WRONG);
    case "literal":
      return oneOf(new Set<unknown>(def.values));
    case "enum":
      return Object.entries(def.entries).every(([name, value]) => name === value)
        ? oneOf(new Set<unknown>(Object.values(def.entries)))
        : null;
    case "nullable": {
      const inner = stepOf(def.innerType);
      return (value) => (value === null ? null : inner(value));
    }
    case "array":
      return arrayStep(stepOf(def.element));
    case "object":
      return objectStep(def);
    default:
      return null;
  }
}

function oneOf(values: ReadonlySet<unknown>): Step {
  return (value) => (values.has(value) ? value : WRONG);
}

function arrayStep(element: Step): Step {
  return (value) => {
    if (!Array.isArray(value)) return WRONG;
    const decoded: unknown[] = [];
    for (const one of value) {
      const next = element(one);
      if (next === WRONG) return WRONG;
      decoded.push(next);
    }
    return decoded;
  };
}

/** A strict object all of whose keys must be there: none of these steps takes `undefined`. */
function objectStep({ shape, catchall }: z.core.$ZodObjectDef): Step | null {
  const names = Object.keys(shape);
  const fields = Object.values(shape);
  const isStrict = (catchall as z.core.$ZodTypes | undefined)?._zod.def.type === "never";
  if (!isStrict || fields.some(({ _zod }) => _zod.optin !== undefined)) return null;
  const steps = fields.map(stepOf);
  return (value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return WRONG;
    let keys = 0;
    for (const _ in value) keys += 1;
    if (keys !== names.length) return WRONG;
    const source = value as Readonly<Record<string, unknown>>;
    const decoded: Record<string, unknown> = {};
    for (let at = 0; at < names.length; at++) {
      const name = names[at] ?? "";
      const next = steps[at]?.(source[name]);
      if (next === WRONG || next === undefined) return WRONG;
      decoded[name] = next;
    }
    return decoded;
  };
}

type Checks = readonly z.core.$ZodCheck<never>[];

/** Text, perhaps with patterns. */
function textStep(checks: Checks): Step | null {
  const patterns: RegExp[] = [];
  for (const { _zod } of checks) {
    const def = _zod.def as z.core.$ZodCheckStringFormatDef;
    const isPattern = def.check === "string_format" && def.format === "regex" && def.pattern;
    if (!isPattern || isPattern.global || isPattern.sticky) return null;
    patterns.push(isPattern);
  }
  const [only, ...more] = patterns;
  if (!only) return (value) => (typeof value === "string" ? value : WRONG);
  return (value) => {
    if (typeof value !== "string" || !only.test(value)) return WRONG;
    return more.every((pattern) => pattern.test(value)) ? value : WRONG;
  };
}

/** Whole numbers within bounds. */
function numberStep(checks: Checks): Step | null {
  let [least, most, isWhole] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, false];
  for (const { _zod } of checks) {
    const def = _zod.def as z.core.$ZodChecks["_zod"]["def"];
    if (def.check === "number_format" && def.format === "safeint") isWhole = true;
    else if (def.check === "greater_than" && def.inclusive) least = Math.max(least, Number(def.value));
    else if (def.check === "less_than" && def.inclusive) most = Math.min(most, Number(def.value));
    else return null;
  }
  if (!isWhole) return null;
  return (value) =>
    Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most ? value : WRONG;
}

/** A codec: what it takes, what it makes of it, and refinements of that. */
function pipeStep(def: z.core.$ZodPipeDef, checks: Checks): Step | null {
  const { transform } = def;
  const predicates: ((value: unknown) => unknown)[] = [];
  for (const { _zod } of checks) {
    const { check, fn } = _zod.def as z.core.$ZodCustomDef;
    if (check !== "custom" || typeof fn !== "function") return null;
    predicates.push(fn);
  }
  const outer = outerCheck(def.out);
  if (!transform || !outer) return null;
  predicates.unshift(outer);
  const source = stepOf(def.in);
  return (value) => {
    const taken = source(value);
    if (taken === WRONG) return WRONG;
    const payload = { value: taken, issues: [] as never[] };
    const made: unknown = transform(taken as never, payload as never);
    if (payload.issues.length > 0 || made instanceof Promise) return WRONG;
    return predicates.every((holds) => holds(made) === true) ? made : WRONG;
  };
}

/** What a codec's outer side asks of what its transformation makes; null where that is more than a look at it. */
function outerCheck(schema: z.core.$ZodType): ((value: unknown) => unknown) | null {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  if ((def.checks ?? []).length > 0) return null;
  if (def.type === "bigint" && !("check" in def)) return (value) => typeof value === "bigint";
  return def.type === "custom" ? def.fn : null;
}
