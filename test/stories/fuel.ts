/** What a run burns, counted in this process: so that stories can offer exactly that much, or less. */

import { instrument } from "../../src/firmware/meter/instrument.ts";
import { judgeModule } from "../../src/firmware/policy.ts";
import type { Outcome } from "../../src/protocol/fuel.ts";

/** More than any run of a story burns. */
const PLENTY = 10n ** 12n;

type Exports = {
  readonly memory: WebAssembly.Memory;
  readonly __hw_fuel: WebAssembly.Global;
  /** What was the start section. */
  readonly __hw_start?: () => void;
  readonly alloc: (size: number) => number;
  readonly run: (at: number, size: number) => bigint;
};

const compiled = new WeakMap<Uint8Array, WebAssembly.Module>();

/** Fuel of a run of a `task/1` module that ends by itself, well or in a trap. */
export function fuelOf(module: Uint8Array, input: Uint8Array): Outcome["fuel"] {
  const { exports } = new WebAssembly.Instance(metered(module));
  const guest = exports as unknown as Exports;
  guest.__hw_fuel.value = PLENTY;
  guest.__hw_start?.();
  const at = guest.alloc(input.length);
  new Uint8Array(guest.memory.buffer).set(input, at);
  try {
    guest.run(at, input.length);
  } catch {
    // A trap is an end like another one.
  }
  return Number(PLENTY - (guest.__hw_fuel.value as bigint));
}

/** The canonical build: it is exact at a trap too. */
function metered(module: Uint8Array): WebAssembly.Module {
  const known = compiled.get(module);
  if (known) return known;
  const judged = judgeModule(module);
  if ("rejection" in judged) throw new Error(judged.reason);
  const built = new WebAssembly.Module(instrument(judged.module, { strategy: "block" }));
  compiled.set(module, built);
  return built;
}
