/** Loops that are paid for before they begin, against a meter that counts every instruction. */
import { describe, expect, it } from "vitest";
import { countedLoops } from "../../../src/firmware/meter/loops.ts";
import { placedPlan } from "../../../src/firmware/meter/plan.ts";
import { plainlyMetered } from "./oracle.ts";
import { Instance, Metered, parsed } from "./rig.ts";

const EDGES = [0, 1, 5, 7, -1, -6, 2 ** 31 - 1, 2 ** 31 - 3, -(2 ** 31), -(2 ** 31) + 2];
const STEPS = [1, 2, 4, 16, -1, -2, -8, 3, -5, 12, 6, -(2 ** 31)];
const ORDERS = ["lt_s", "lt_u", "le_s", "le_u", "gt_s", "gt_u", "ge_s", "ge_u"];
/** Some forty rounds of any loop here: what takes longer ends by its limit. */
const LIMIT = 1_000n;

type Form = "if" | "leave" | "until" | "until-late";

/** A loop that counts its rounds in local 2; its counter is local 0, its bound local 1. */
function text(form: Form, compare: string, step: number, isMirrored: boolean): string {
  const next = `(i32.add (local.get 0) (i32.const ${step}))`;
  const count = "(local.set 2 (i32.add (local.get 2) (i32.const 1)))";
  const condition = (counter: string, test = compare): string =>
    isMirrored
      ? `(i32.${mirrored(test)} (local.get 1) ${counter})`
      : `(i32.${test} ${counter} (local.get 1))`;
  const loops: Readonly<Record<Form, string>> = {
    if: `(loop $l (if ${condition("(local.get 0)")} (then ${count} (local.set 0 ${next}) (br $l))))`,
    leave: `(block $out (loop $l (br_if $out ${condition("(local.get 0)", inverse(compare))})
      ${count} (local.set 0 ${next}) (br $l)))`,
    until: `(loop $l ${count} (br_if $l ${condition(`(local.tee 0 ${next})`)}))`,
    "until-late": `(loop $l (local.set 0 ${next}) ${count} (br_if $l ${condition("(local.get 0)")}))`,
  };
  return `(module (func (export "run") (param i32 i32) (result i32) (local i32) ${loops[form]} (local.get 2)))`;
}

function mirrored(compare: string): string {
  if (compare === "ne" || compare === "eq") return compare;
  return (compare.startsWith("l") ? "g" : "l") + compare.slice(1);
}

function inverse(compare: string): string {
  if (compare === "ne") return "eq";
  const opposite: Readonly<Record<string, string>> = { lt: "ge", le: "gt", gt: "le", ge: "lt" };
  return (opposite[compare.slice(0, 2)] ?? "") + compare.slice(2);
}

/** Whether the rounds of such a loop can be known. */
function isCountable(compare: string, step: number): boolean {
  if (compare === "ne") return true;
  const size = compare.startsWith("l") ? step : -step;
  return size > 0 && Number.isInteger(Math.log2(size));
}

describe.each<Form>(["if", "leave", "until", "until-late"])("a loop of the form %s", (form) => {
  it.each([false, true])(
    "burns what its instructions do, also where its counter wraps; operands exchanged: %s",
    (isMirrored) => {
      const mismatches: string[] = [];
      for (const compare of ["ne", ...ORDERS]) {
        for (const step of STEPS) {
          const module = parsed(text(form, compare, step, isMirrored));
          const [body] = module.bodies;
          expect(body && countedLoops(body).length).toBe(isCountable(compare, step) ? 1 : 0);
          const metered = new Metered(module, {}).instance();
          const plain = new Instance(
            new WebAssembly.Instance(new WebAssembly.Module(plainlyMetered(module, false))).exports,
          );
          for (const start of EDGES) {
            for (const bound of EDGES) {
              const { result, fuel } = metered.call("run", [start, bound], LIMIT);
              const expected = plainRun(plain, start, bound);
              const isSame =
                expected === null ? result === null : result === expected.result && fuel === expected.fuel;
              if (!isSame) mismatches.push(`${compare} ${step} from ${start} to ${bound}: ${result} ${fuel}`);
            }
          }
        }
      }
      expect(mismatches).toEqual([]);
    },
  );
});

function plainRun(plain: Instance, start: number, bound: number): { result: unknown; fuel: bigint } | null {
  const fuel = plain.global("fuel");
  fuel.value = LIMIT;
  const run = plain.exports["run"];
  if (typeof run !== "function") throw new Error("there is no run");
  try {
    const result: unknown = run(start, bound);
    return { result, fuel: LIMIT - BigInt(String(fuel.value)) };
  } catch {
    return null;
  }
}

const STEP = "(local.set 0 (i32.add (local.get 0) (i32.const 1)))";

describe("what is not counted beforehand", () => {
  it.each([
    ["another way out", `(br_if $out (local.get 1)) ${STEP}`],
    ["a way out of the body", `(br_if $body (local.get 1)) ${STEP}`],
    ["a way out from within", `(block (br_if 1 (local.get 1))) ${STEP}`],
    ["a return", `(if (local.get 1) (then (return))) ${STEP}`],
    ["a table of branches that leaves", `(block (br_table 0 1 (local.get 1))) ${STEP}`],
    ["a certain trap", `(unreachable) ${STEP}`],
    ["a second write", `${STEP} ${STEP}`],
    ["a write on one way only", `(if (local.get 1) (then ${STEP}))`],
    ["a step that is not constant", "(local.set 0 (i32.add (local.get 0) (local.get 1)))"],
    ["a bound that changes", `(local.set 1 (i32.const 9)) ${STEP}`],
    ["a loop inside", `(loop $in (br_if $in (i32.const 0))) ${STEP}`],
    ["a round begun early", `(br_if $l (local.get 1)) ${STEP}`],
  ])("a while loop with %s", (_, body) => {
    expect(loopsOf(`(if $body (i32.lt_s (local.get 0) (local.get 1)) (then ${body} (br $l)))`)).toBe(0);
  });

  it.each([
    [
      "a round begun early",
      `(br_if $l (local.get 1)) ${STEP} (br_if $l (i32.lt_s (local.get 0) (local.get 1)))`,
    ],
    [
      "a bound that is computed",
      `${STEP} (br_if $l (i32.ne (local.get 0) (i32.add (local.get 1) (local.get 1))))`,
    ],
    [
      "a counter of which less than all is compared",
      `${STEP} (br_if $l (i32.and (local.get 0) (i32.const 7)))`,
    ],
    ["a bound that is the counter", `${STEP} (br_if $l (i32.ne (local.get 0) (local.get 0)))`],
  ])("an until loop with %s", (_, body) => {
    expect(loopsOf(body)).toBe(0);
  });

  it("a loop that gives a result", () => {
    const loop = `(loop $l (result i32) ${STEP} (br_if $l (i32.ne (local.get 0) (local.get 1))) (i32.const 1))`;
    const [body] = parsed(`(module (func (param i32 i32) (drop ${loop})))`).bodies;
    expect(body && countedLoops(body)).toEqual([]);
  });

  /** Counted by local 0: what tests here exchange is the rest. */
  function loopsOf(code: string): number {
    const module = parsed(`(module (func (param i32 i32) (block $out (loop $l ${code}))))`);
    const [body] = module.bodies;
    return body
      ? countedLoops(body).filter(({ counter, loop }) => counter === 0 && body.match[loop] !== -1).length
      : -1;
  }
});

describe("a loop that is paid for", () => {
  const rest = "(drop (i32.mul (local.get 0) (local.get 1)))";

  it.each([
    ["while", `(loop $l (if (i32.lt_s (local.get 0) (local.get 1)) (then ${STEP} (br $l)))) ${rest}`],
    [
      "leaving",
      `(block $out (loop $l (br_if $out (i32.ge_s (local.get 0) (local.get 1))) ${STEP} (br $l))) ${rest}`,
    ],
    ["until", `(loop $l ${STEP} (br_if $l (i32.ne (local.get 0) (local.get 1)))) ${rest}`],
    [
      "with a check that traps",
      `(loop $l ${STEP} (if (local.get 1) (then (unreachable))) (br_if $l (i32.ne (local.get 0) (local.get 1)))) ${rest}`,
    ],
  ])("neither charges nor checks inside: %s", (_, code) => {
    const module = parsed(`(module (func (param i32 i32) ${code}))`);
    const [body] = module.bodies;
    if (body === undefined) throw new Error("there is no body");
    const { blocks, charges, checks, prepaid } = placedPlan(body, { flat: Float64Array.of(-1) });
    expect(prepaid.size).toBe(1);
    const inside = blocks.at.flatMap((_at, v) =>
      (blocks.weight[v] ?? 0) > 1 ? [charges[v], checks[v]] : [],
    );
    expect(inside.length).toBeGreaterThan(0);
    expect(new Set(inside)).toEqual(new Set([0]));
  });

  it("is not, where one way through a round costs more than another", () => {
    const code = `(loop $l ${STEP} (if (local.get 1) (then ${rest})) (br_if $l (i32.ne (local.get 0) (local.get 1))))`;
    const [body] = parsed(`(module (func (param i32 i32) ${code}))`).bodies;
    expect(body && placedPlan(body, { flat: Float64Array.of(-1) }).prepaid.size).toBe(0);
  });
});
