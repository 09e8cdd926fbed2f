/** The package `wasm-metering`, which calls the host at every block, on the modules that it can read. */
import { createRequire } from "node:module";

type Package = { meterWASM(bytes: Uint8Array, options: { readonly meterType: string }): Uint8Array };

const require = createRequire(import.meta.url);
const metering = require("wasm-metering") as Package;

export const PEER = "wasm-metering";

/** Null where it cannot read the module: it knows neither SIMD nor bulk memory. */
export function meterByHost(bytes: Uint8Array): Uint8Array<ArrayBuffer> | null {
  try {
    return new Uint8Array(metering.meterWASM(Buffer.from(bytes), { meterType: "i32" }));
  } catch {
    return null;
  }
}

/** What its modules import: adds up, as its manual shows, and traps above a limit. */
export function gasMeter(): Readonly<Record<string, Record<string, unknown>>> {
  let used = 0;
  const usegas = (gas: number) => {
    used += gas;
    if (used > Number.MAX_SAFE_INTEGER) throw new Error("out of gas");
  };
  return { metering: { usegas } };
}
