/** Why a module is not run: a closed list, decided from its bytes alone. */

/**
 * - `too_large`: more bytes than a module may have
 * - `not_wasm`: no magic number and version 1
 * - `malformed`: the bytes are not a module: a section or an instruction does not parse, or names what is not there
 * - `features`: a section uses what is not in WebAssembly 2.0: shared or 64-bit memory, more than one, tags, GC types
 * - `opcodes`: so does an instruction; the reason names the feature
 * - `imports`, `exports`: not those of a profile
 * - `reserved_name`: an export begins with the prefix that the meter's own exports have
 * - `memory_unbounded`, `memory_too_large`, `table_too_large`: of declared limits
 * - `locals`, `branches`, `nesting`, `br_table`, `stack`: a function that takes too long to compile or too much stack
 * - `functions`, `types`, `globals`, `elements`, `data`, `custom`: too many, too long, or segments out of bounds
 */
export type Rejection =
  | "too_large"
  | "not_wasm"
  | "malformed"
  | "features"
  | "opcodes"
  | "imports"
  | "exports"
  | "reserved_name"
  | "memory_unbounded"
  | "memory_too_large"
  | "table_too_large"
  | "locals"
  | "branches"
  | "nesting"
  | "functions"
  | "types"
  | "globals"
  | "data"
  | "elements"
  | "stack"
  | "br_table"
  | "custom";

/**
 * What the decoder throws to leave its loops; `decodeModule` turns it into a value, so that nobody else meets it.
 * It has no stack trace: making one would cost more than most hostile modules do.
 */
export class Unfit {
  readonly rejection: Rejection;
  /** One sentence with the numbers. */
  readonly reason: string;

  constructor(rejection: Rejection, reason: string) {
    this.rejection = rejection;
    this.reason = reason;
  }
}
