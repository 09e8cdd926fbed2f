/** The builds that this machine can run. */
import { moduleOf, VARIANTS } from "../../src/kernels/variant.ts";
import { Build } from "./build.ts";

/** A fresh instance of each, and why one cannot run here. */
export function buildsHere(): { readonly builds: readonly Build[]; readonly notes: readonly string[] } {
  const builds: Build[] = [];
  const notes: string[] = [];
  for (const variant of VARIANTS) {
    try {
      const build = new Build(variant, moduleOf(variant));
      if (build.exports.hasFusedMultiplyAdd() === 1) builds.push(build);
      else notes.push(`${variant}: not run, this machine has no fused multiply-add`);
    } catch (error) {
      if (!(error instanceof WebAssembly.CompileError)) throw error;
      notes.push(`${variant}: not run, this engine lacks an instruction of it`);
    }
  }
  return { builds, notes };
}
