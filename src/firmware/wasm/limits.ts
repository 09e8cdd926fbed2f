/** Limits of a module that the decoder itself keeps, so that neither its memory nor its time can be made to grow. */

/**
 * Compilers and the largest real modules stay well inside: QuickJS has functions of 68 locals, 1,400 functions and
 * nests 255 blocks. A compiler's merge at a branch takes time for every local, which is why they are so few.
 */
export const LIMITS = {
  /** Value types on each side of a function type. */
  typeValues: 128,
  types: 1_000,
  imports: 256,
  functions: 10_000,
  /** Bytes of one body; metered it must stay below the 7,654,321 that engines take. */
  bodyBytes: 512 * 1024,
  /** Locals of one function, and of all functions; parameters included. */
  locals: 2_000,
  moduleLocals: 500_000,
  /** Blocks, loops and ifs inside each other. */
  nesting: 1_024,
  /** Labels of all `br_table` of a module; engines take no more in one. */
  labels: 65_520,
  tables: 16,
  globals: 1_000,
  exports: 1_000,
  /** Element segments, and what all of them hold. */
  elementSegments: 1_000,
  elements: 65_536,
  dataSegments: 10_000,
  /** Custom sections, and the bytes of all of them. */
  customSections: 1_000,
  customBytes: 2 ** 20,
} as const;
