/** Laws of the meter, for random programs, against one that counts every instruction. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { plainlyMetered } from "./oracle.ts";
import { programs } from "./programs.ts";
import { assembled, decoded, type Imports, Instance, inAllStrategies, type Value } from "./rig.ts";

const LIMIT = 400_000n;

type Outcome = { readonly result: unknown; readonly fuel: bigint; readonly memory: string };

/** How a run goes that may end with a trap (null), with a host that takes what it is paid from the counter. */
function outcome(
  make: (imports: Imports) => Instance,
  counter: string,
  args: readonly Value[],
  limit: bigint,
): Outcome | null {
  const pay = (amount: number) => {
    fuel.value = BigInt(String(fuel.value)) - BigInt(amount);
  };
  const instance = make({ env: { pay } });
  const fuel = instance.global(counter);
  fuel.value = limit;
  const run = instance.exports["run"];
  if (typeof run !== "function") throw new Error("there is no run");
  let result: unknown;
  try {
    result = run(...args);
  } catch {
    return null;
  }
  const left = BigInt(String(fuel.value));
  if (left < 0n) return null;
  return { result, fuel: limit - left, memory: Buffer.from(instance.memory()).toString("base64") };
}

describe("a metered program", () => {
  it("gives what it gave, and burns what its instructions cost, in every strategy; its total is the least limit", () => {
    let ended = 0;
    fc.assert(
      fc.property(programs, fc.integer({ min: -2, max: 9 }), (text, n) => {
        const module = decoded(assembled(text));
        const args = [n, Number.NaN];
        const plain = new WebAssembly.Module(plainlyMetered(module, true));
        const expected = outcome(
          (imports) => new Instance(new WebAssembly.Instance(plain, imports).exports),
          "fuel",
          args,
          LIMIT,
        );
        for (const metered of inAllStrategies(module)) {
          const make = (imports: Imports) => metered.instance(imports);
          expect(outcome(make, "__hw_fuel", args, LIMIT)).toEqual(expected);
          if (expected === null) continue;
          expect(outcome(make, "__hw_fuel", args, expected.fuel)).toEqual(expected);
          expect(outcome(make, "__hw_fuel", args, expected.fuel - 1n)).toBeNull();
        }
        if (expected !== null) ended++;
      }),
      { numRuns: 150 },
    );
    // the law says nothing of runs that end badly: most must end well
    expect(ended).toBeGreaterThan(50);
  });
});
