/** Modules that compilers made. */
import { readFileSync } from "node:fs";

const ROOT = new URL("../../../", import.meta.url);

export type Real = { readonly name: string; readonly bytes: Uint8Array };

function read(path: string): Real {
  return { name: path, bytes: new Uint8Array(readFileSync(new URL(path, ROOT))) };
}

/** AssemblyScript: the product's own firmware, and the kernels, which are no firmware. */
export const pathPlan = read("build/firmware/path-plan.wasm");
export const kernels = read("build/kernels/base.wasm");
/** Uses relaxed SIMD. */
export const relaxed = read("build/kernels/relaxed.wasm");
/** AssemblyScript, not optimised. */
export const plainHash = read("node_modules/@chainsafe/as-sha256/build/untouched.simd.wasm");
/** C through Emscripten. */
export const quickjs = read("node_modules/@jitl/quickjs-wasmfile-release-sync/dist/emscripten-module.wasm");
/** Rust. */
export const secp256k1 = read("node_modules/tiny-secp256k1/lib/secp256k1.wasm");

export const real: readonly Real[] = [pathPlan, kernels, plainHash, quickjs, secp256k1];
