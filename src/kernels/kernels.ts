/**
 * The kernels at work in this thread: the variant that was chosen, started on first use.
 *
 * Until {@link chooseVariant} has measured, `relaxed` is taken where the engine compiles it. A variant that fails its
 * self-test falls away for as long as its module stays, with the reason in {@link fallenVariants}; without `base` there is nothing to run.
 */
import { Fault } from "../base/fault.ts";
import { Instance } from "./instance.ts";
import { selfTestCurve, selfTestHashes } from "./self-test.ts";
import { moduleOf, provideModule, VARIANTS, type Variant } from "./variant.ts";

const fallen = new Map<Variant, string>();
const instances = new Map<Variant, Instance>();
/** Those whose curve is prepared and has passed its test. */
const withCurve = new WeakSet<Instance>();
let chosen: Instance | null = null;

/** Starts a variant and tests all of it. What {@link kernels} and {@link curveKernels} return stays as it is. */
export function startInstance(variant: Variant, module: WebAssembly.Module = moduleOf(variant)): Instance {
  const instance = new Instance(variant, module);
  testHashes(instance);
  testCurve(instance);
  return instance;
}

/** What hashes: started and tested. */
export function kernels(): Instance {
  chosen ??= start(["relaxed", "base"], testHashes);
  return chosen;
}

/** The same instance as {@link kernels}', with its curve prepared and tested. */
export function curveKernels(): Instance {
  const instance = kernels();
  if (withCurve.has(instance)) return instance;
  chosen = start([instance.variant, "base"], testCurve);
  return chosen;
}

/** A variant with its curve prepared and tested, or null when it has fallen away. */
export function usableInstance(variant: Variant): Instance | null {
  return fallen.has(variant) ? null : startOne(variant, testCurve);
}

/** Makes a variant the one that is used, and lets go of the other. Instances that were handed out stay good. */
export function chooseVariant(variant: Variant): void {
  chosen = start([variant, "base"], testCurve);
  instances.clear();
  instances.set(chosen.variant, chosen);
}

/** The variants that are not used, each with the reason. */
export function fallenVariants(): ReadonlyMap<Variant, string> {
  return fallen;
}

/**
 * Compiles the modules where there are no files, as in a browser; to be awaited before anything else is called. A
 * variant that had fallen away, as one without a file does, gets another chance with its new module.
 *
 * @param modules - the bytes of each variant, or where to fetch them. `relaxed` may be missing.
 * @throws {@link Fault} `kernel_failed` when `base` cannot be had
 */
export async function loadKernels(
  modules: Readonly<{ base: Uint8Array<ArrayBuffer> | URL; relaxed?: Uint8Array<ArrayBuffer> | URL }>,
): Promise<void> {
  for (const variant of VARIANTS) {
    const source = modules[variant];
    try {
      if (!source) throw new Fault("kernel_failed", "was not given");
      const bytes = source instanceof URL ? await fetchBytes(source) : source;
      provideModule(variant, await WebAssembly.compile(bytes));
      fallen.delete(variant);
    } catch (cause) {
      drop(variant, cause);
    }
  }
}

async function fetchBytes(url: URL): Promise<ArrayBuffer> {
  const response = await fetch(url);
  if (!response.ok) throw new Fault("kernel_failed", `${url} answers ${response.status}`);
  return response.arrayBuffer();
}

/** The first of `variants` that passes a test. */
function start(variants: readonly Variant[], test: (instance: Instance) => void): Instance {
  for (const variant of variants) {
    const instance = fallen.has(variant) ? null : startOne(variant, test);
    if (instance) return instance;
  }
  throw new Fault("kernel_failed", `no kernels: ${fallen.get("base") ?? "none was given"}`);
}

function startOne(variant: Variant, test: (instance: Instance) => void): Instance | null {
  try {
    const known = instances.get(variant);
    const instance = known ?? new Instance(variant);
    if (!known) testHashes(instance);
    test(instance);
    instances.set(variant, instance);
    return instance;
  } catch (cause) {
    drop(variant, cause);
    return null;
  }
}

/** @throws {@link Fault} `kernel_failed` for `base` */
function drop(variant: Variant, cause: unknown): void {
  const reason = cause instanceof Error ? cause.message : String(cause);
  if (chosen?.variant === variant) chosen = null;
  instances.delete(variant);
  fallen.set(variant, reason);
  if (variant === "base")
    throw new Fault("kernel_failed", `the base kernels cannot run: ${reason}`, { cause });
}

function testHashes(instance: Instance): void {
  check(instance, selfTestHashes(instance));
}

function testCurve(instance: Instance): void {
  if (withCurve.has(instance)) return;
  check(instance, selfTestCurve(instance));
  withCurve.add(instance);
}

function check({ variant }: Instance, wrong: string | null): void {
  if (wrong !== null) throw new Fault("kernel_failed", `${variant}: the self-test of ${wrong} failed`);
}
