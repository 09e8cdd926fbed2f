/** What these kernels need beyond `src/firmware/wasm.d.ts`. */
declare namespace WebAssembly {
  interface Memory {
    /** By pages of 65,536 bytes; every view of the buffer before it is empty then. @throws RangeError */
    grow(pages: number): number;
  }

  /** @throws {CompileError} */
  function compile(bytes: Uint8Array<ArrayBuffer> | ArrayBuffer): Promise<Module>;
}
