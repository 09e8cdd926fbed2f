/** The few WebAssembly types used here: neither lib.es nor @types/node has them, and lib.dom leaks names. */
declare namespace WebAssembly {
  /** Whether the bytes are a module that compiles. */
  function validate(bytes: Uint8Array): boolean;

  /** A compiled module. @throws {CompileError} */
  class Module {
    constructor(bytes: Uint8Array);
  }

  /** @throws {RuntimeError} when a segment is out of bounds, RangeError when memory cannot be had */
  class Instance {
    constructor(module: Module, imports?: Record<string, Record<string, unknown>>);
    readonly exports: Readonly<Record<string, unknown>>;
  }

  class Memory {
    readonly buffer: ArrayBuffer;
  }

  class Global {
    value: unknown;
  }

  class CompileError extends Error {}

  /** A trap. */
  class RuntimeError extends Error {}
}
