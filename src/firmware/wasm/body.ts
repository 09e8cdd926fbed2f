/** A function body decoded. */

/** One function: what it declares, and its instructions as parallel arrays, one entry an instruction. */
export type Body = {
  /** Type index. */
  readonly type: number;
  /** Value types, parameters first. */
  readonly locals: Uint8Array;
  readonly parameters: number;
  /** Bytes [declarationsStart, start) declare locals in so many groups; the count stands before them. */
  readonly declarationsStart: number;
  readonly declarations: number;
  /** Bytes [start, end) are the instructions. */
  readonly start: number;
  readonly end: number;
  /** How many instructions, the final `end` included. */
  readonly length: number;
  /** Numbered as in `opcodes.ts`. */
  readonly op: Uint16Array;
  /** First byte of each instruction, then `end`: one entry more. */
  readonly at: Uint32Array;
  /**
   * Block type (-64 empty, other negative numbers a value type, else a type index), label depth, index, type index of
   * `call_indirect`, segment index, or the i32 constant; 0 where there is none of these.
   */
  readonly immediate: Int32Array;
  /** Of block, loop, if: its `else` if any, else its `end`; of else: its `end`; of end: its opener, -1 for the last. */
  readonly match: Int32Array;
  /** Operands before the instruction, this function's; in dead code no less than the frame began with. */
  readonly height: Int32Array;
  /** 1 from behind an unconditional branch or trap to its frame's `else` or `end`, frames within included. */
  readonly dead: Uint8Array;
  /** Largest height in code that is not dead. */
  readonly maxHeight: number;
  /** Labels of each `br_table`, by instruction; the default is the last. */
  readonly targets: ReadonlyMap<number, Uint32Array>;
  /** Functions called, each once. */
  readonly calls: readonly number[];
  readonly hasIndirect: boolean;
  readonly hasLoop: boolean;
  /**
   * Locals and operands that a compiler moves, summed over frames opened and branches, and sixteenfold over calls and
   * returns: what its time grows with beyond the length of the code.
   */
  readonly moves: number;
};
