/**
 * Programs within the stack budget that overflow the engine's own stack once they are optimised: values that are computed
 * before a call and again after it are computed once, and kept across the call.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { Executor } from "../../src/firmware/executor.ts";
import { frameOf, STACK_BUDGET } from "../../src/firmware/meter/budget.ts";
import { judgeModule } from "../../src/firmware/policy.ts";
import { LIMITS } from "./executor-rig.ts";
import { joined, leb, OP, TYPE, taskModule } from "./module.ts";

const executor = new Executor({ clock: systemClock });
beforeAll(() => executor.start());
afterAll(() => executor.stop());

const VALUES = 300;
const MUL = 0x6c;
const SUB = 0x6b;
const TEE = 0x22;

/** Stores `y` times each of many odd numbers, from an address on. */
function products(address: number): Uint8Array {
  const stores = Array.from({ length: VALUES }, (_, at) =>
    joined(
      [OP.i32Const, 0, OP.get, 1, OP.i32Const],
      signed(2 * at + 3),
      [MUL, 0x36, 2],
      leb(address + 4 * at),
    ),
  );
  return joined(...stores);
}

function signed(value: number): number[] {
  return value < 64 ? [value] : [(value & 0x7f) | 0x80, ...signed(value >> 7)];
}

/** Calls itself `depth` deep after `warm` calls that go one deep. */
function recursing(depth: number, warm: number): Uint8Array {
  const self = 4;
  const again = [OP.get, 0, OP.i32Const, 1, SUB, OP.get, 1, OP.i32Const, 1, OP.i32Add, OP.call, self];
  const code = joined(products(0), [OP.get, 0, ...OP.if, ...again, OP.end], products(8_192));
  const run = joined(
    [OP.i32Const, ...signed(warm), OP.set, 2, ...OP.loop, OP.i32Const, 1, OP.get, 0, OP.call, self],
    [OP.get, 2, OP.i32Const, 1, SUB, TEE, 2, OP.brIf, 0, OP.end],
    [OP.i32Const, ...signed(depth), OP.get, 0, OP.call, self, OP.i64Const, 4],
  );
  return taskModule({
    memory: [1, 1],
    locals: [[1, TYPE.i32]],
    run,
    types: [[0x60, 2, TYPE.i32, TYPE.i32, 0]],
    functions: [{ type: 4, code }],
  });
}

/** How deep it may recurse by the model. */
function deepest(): number {
  const judged = judgeModule(recursing(1, 1));
  const body = "module" in judged ? judged.module.bodies[4] : undefined;
  if (!body) throw new Error("the program is rejected");
  return Math.floor(STACK_BUDGET / frameOf(body));
}

async function outcomes(firmware: Uint8Array, times: number): Promise<Set<string>> {
  const input = new Uint8Array(8);
  const results = Array.from({ length: times }, () => executor.run({ firmware, input, ...LIMITS }));
  return new Set((await Promise.all(results)).map(({ verdict, fuel }) => `${verdict} ${fuel}`));
}

it.each([
  { when: "cold and hot", warm: 1 },
  { when: "hot from the first run on", warm: 3_000 },
])("a deep recursion within the budget is ok, $when, for the same fuel", async ({ warm }) => {
  const found = await outcomes(recursing(Math.floor(0.9 * deepest()), warm), 12);
  expect([...found]).toEqual([expect.stringMatching(/^ok \d+$/)]);
});

it("one beyond the budget is `stack`, for the same fuel", async () => {
  const found = await outcomes(recursing(2 * deepest(), 3_000), 6);
  expect([...found]).toEqual([expect.stringMatching(/^stack \d+$/)]);
});
