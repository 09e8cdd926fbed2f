/** Gets the kernels to where there are no files. */
import { loadKernels } from "../../../kernels/kernels.ts";

/** The bytes of a build of the kernels: `base` runs everywhere, `relaxed` is faster where there is relaxed SIMD. */
export type FetchKernel = (variant: "base" | "relaxed") => Promise<Uint8Array<ArrayBuffer>>;

/**
 * Loads both builds; `relaxed` may be missing, then `base` does it.
 *
 * @throws {@link Fault} `kernel_failed` when `base` cannot run here; whatever `fetchKernel` rejects with for it
 */
export async function loadForCheck(fetchKernel: FetchKernel): Promise<void> {
  const [base, relaxed] = await Promise.all([
    fetchKernel("base"),
    fetchKernel("relaxed").catch(() => undefined),
  ]);
  await loadKernels(relaxed ? { base, relaxed } : { base });
}
