/** Modules metered in this process, and their fuel. */
import { instrument } from "../../../src/firmware/meter/instrument.ts";
import { decodeModule } from "../../../src/firmware/wasm/module.ts";

/** More than any run here takes. */
const FUEL = 10n ** 15n;

type Exports = Readonly<Record<string, unknown>>;

/** The module as it is run, or without its NaNs made canonical. */
export function metered(bytes: Uint8Array, nan = true): Uint8Array<ArrayBuffer> {
  const module = decodeModule(bytes);
  if ("rejection" in module) throw new Error(module.reason);
  return new Uint8Array(instrument(module, { nan }));
}

const fuelOf = (exports: Exports) => exports["__hw_fuel"] as { value: bigint };

/** Gives a metered instance more fuel than any run here takes. */
export function refuel(exports: Exports): void {
  fuelOf(exports).value = FUEL;
}

/** Fuel of one run when it is warm. */
export function burn(exports: Exports, run: () => void): number {
  refuel(exports);
  run();
  return Number(FUEL - fuelOf(exports).value);
}
