/** Every source that is written by a program. */
import { keccakSources } from "./keccak.ts";
import { order29Sources } from "./order29.ts";
import { p29Sources } from "./p29.ts";
import { p52Sources } from "./p52.ts";
import { sha256Sources } from "./sha256.ts";

/** One AssemblyScript source, to be written as `build/assembly/<name>.ts`. */
export type Source = { readonly name: string; readonly text: string };

/** @throws Error when a bound does not hold: nothing is written then */
export function generate(): readonly Source[] {
  return [...keccakSources(), ...order29Sources(), ...p29Sources(), ...p52Sources(), ...sha256Sources()];
}
