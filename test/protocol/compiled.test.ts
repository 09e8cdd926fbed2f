import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { compiled } from "../../src/protocol/compiled.ts";
import { decodeCause, decodeFact, encodeFact } from "../../src/protocol/facts.ts";
import { manifestSchema } from "../../src/protocol/manifest.ts";
import * as scalars from "../../src/protocol/scalar.ts";
import { voucherSchema } from "../../src/protocol/voucher.ts";
import { buildLife } from "../journal/life.ts";

const life = await buildLife();

type Outcome = { readonly accepted: unknown } | "refused";

function outcome(decode: (value: unknown) => unknown, value: unknown): Outcome {
  try {
    return { accepted: decode(value) };
  } catch (error) {
    if (error instanceof z.ZodError) return "refused";
    throw error;
  }
}

/** Values that somebody might write where another was. */
const ODD: readonly unknown[] = [
  ...[null, true, false, 0, -0, -1, 1.5, 2 ** 53, 1e15 + 1, 65_536, "", "0", "00", "1e3", " 1", "0x"],
  ...[
    `0x${"AB".repeat(20)}`,
    `0x${"cd".repeat(32)}`,
    "79228162514264337593543950335",
    "79228162514264337593543950336",
    "9".repeat(29),
  ],
  ...["9".repeat(32), "-1", [], [null], {}, { kind: "paid" }, "run", "ok", "claim", "__proto__"],
];

const oddKey = fc.constantFrom("extra", "kind", "toString", "constructor", "__proto__", "signature", "task");

type Change = { readonly at: number; readonly how: string; readonly by: unknown; readonly key: string };

const change: fc.Arbitrary<Change> = fc.record({
  at: fc.nat(),
  how: fc.constantFrom("replace", "remove", "add", "letter", "turn"),
  by: fc.oneof(fc.constantFrom(...ODD), fc.jsonValue({ maxDepth: 2 })),
  key: oddKey,
});

/** Every object and array in a JSON value. */
function nodesOf(value: unknown): object[] {
  if (typeof value !== "object" || value === null) return [];
  return [value, ...Object.values(value).flatMap(nodesOf)];
}

/** One change somewhere in a copy of a JSON value, as JSON text would carry it. */
function mutated(value: unknown, { at, how, by, key }: Change): unknown {
  const copy: unknown = JSON.parse(JSON.stringify(value));
  const nodes = nodesOf(copy);
  const node = nodes[at % nodes.length];
  if (!node) return by;
  const names = Object.keys(node);
  const name = names[at % Math.max(1, names.length)] ?? "x";
  const old: unknown = Reflect.get(node, name);
  if (how === "replace") Reflect.set(node, name, by);
  if (how === "remove") Reflect.deleteProperty(node, name);
  if (how === "add") Object.defineProperty(node, key, { value: by, enumerable: true, configurable: true });
  if (how === "letter" && typeof old === "string")
    Reflect.set(node, name, old.replace(/.$/, JSON.stringify(by).slice(0, 1)));
  if (how === "turn") return JSON.parse(JSON.stringify(turned(copy)));
  return JSON.parse(JSON.stringify(copy));
}

/** The same with the keys of each object the other way round, and hexadecimal in capitals. */
function turned(value: unknown): unknown {
  if (typeof value === "string" && /^0x[0-9a-f]{32,}$/.test(value))
    return `0x${value.slice(2).toUpperCase()}`;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(turned);
  const entries = Object.entries(value).reverse();
  return Object.fromEntries(entries.map(([name, one]) => [name, turned(one)]));
}

const SCHEMAS: Readonly<Record<string, z.ZodType>> = {
  voucher: voucherSchema,
  manifest: manifestSchema,
  ...scalars,
  plain: z.string(),
  flag: z.boolean(),
  either: z.enum(["run", "ok"]).nullable(),
  literals: z.literal(["run", 0, null]),
  list: z.array(scalars.amount),
  // those that have no shorter way
  optional: z.strictObject({ x: z.string().optional(), y: scalars.rate }),
  loose: z.object({ kind: z.string() }),
  union: z.union([z.string().min(1), z.number()]),
  few: z.array(z.string()).max(1),
  open: z.number(),
  format: z.strictObject({ kind: z.uuid() }),
  time: z.iso.datetime(),
  long: z.int64(),
  longCodec: z.codec(z.string(), z.uint64(), {
    decode: (text) => (text === "x" ? -1n : 1n),
    encode: String,
  }),
  coerced: z.coerce.number().int(),
  refined: z.strictObject({ kind: z.string() }).refine(({ kind }) => kind !== "paid"),
};

describe("compiled", () => {
  it.each(Object.keys(SCHEMAS))("decodes %s as its schema does", (name) => {
    const schema = SCHEMAS[name] ?? z.never();
    const decode = compiled(schema);
    const direct = (value: unknown) => z.decode(schema, value as never);
    for (const value of [
      ...ODD,
      undefined,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      1n,
      2n ** 70n,
      "x",
      { y: "1" },
    ]) {
      expect(outcome(decode, value)).toEqual(outcome(direct, value));
    }
  });

  it("decodes changed vouchers and manifests as their schemas do", () => {
    const facts = life.drafts.flatMap((draft) => draft.facts).map(encodeFact);
    const samples = facts.flatMap(nodesOf).filter((node) => "signature" in node);
    expect(samples.length).toBeGreaterThan(10);
    for (const schema of [voucherSchema, manifestSchema] as const) {
      const decode = compiled<unknown>(schema);
      fc.assert(
        fc.property(fc.constantFrom(...samples), change, (sample, how) => {
          const value = mutated(sample, how);
          const direct = outcome((one) => z.decode(schema, one as never), value);
          expect(outcome(decode, value)).toEqual(direct);
        }),
        { numRuns: 100 },
      );
    }
  });
});

describe("facts and causes", () => {
  const facts = life.drafts.flatMap((draft) => draft.facts);

  it("are decoded with their keys in the schema's order", () => {
    for (const fact of facts) {
      const plain = encodeFact(fact);
      const decoded = decodeFact(turned(plain));
      expect(decoded).toEqual(fact);
      expect(JSON.stringify(encodeFact(decoded))).toBe(JSON.stringify(plain));
      expect(Object.keys(decoded)).toEqual(Object.keys(plain as object));
    }
  });

  // A refusal is always the schema's own; so what is accepted has to be what the schema itself writes.
  it("are accepted only where the schema writes the same", () => {
    const plain = facts.map(encodeFact);
    let accepted = 0;
    fc.assert(
      fc.property(fc.constantFrom(...plain), change, (fact, how) => {
        const value = mutated(fact, how);
        const decoded = outcome(decodeFact, value);
        if (decoded === "refused") return;
        accepted += 1;
        expect(oneWay(encodeFact(decoded.accepted as never))).toEqual(oneWay(value));
      }),
      { numRuns: 1_000 },
    );
    expect(accepted).toBeGreaterThan(100);
  });

  it("refuse a cause with anything more or less", () => {
    const cause = { by: null, topic: "test", id: "1", digest: "", refused: null };
    expect(decodeCause(cause)).toEqual(cause);
    for (const key of Object.keys(cause)) {
      const { [key as "id"]: _, ...less } = cause;
      expect(outcome(decodeCause, less)).toBe("refused");
    }
    expect(outcome(decodeCause, { ...cause, more: 1 })).toBe("refused");
    expect(outcome(decodeFact, { kind: "toString" })).toBe("refused");
    expect(outcome(decodeFact, null)).toBe("refused");
  });
});

/** Values that a schema takes for the same, written in one way: either case of hexadecimal, and no minus before zero. */
function oneWay(value: unknown): unknown {
  if (typeof value === "string") return value === "-0" ? "0" : value.toLowerCase();
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(oneWay);
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, oneWay(one)]));
}
