/** The programs that the meter is measured and calibrated on, each with an input that takes about a millisecond. */
import { C_PACKAGES, compileC, compileKernel, type KernelName } from "./compile.ts";

export type Kernel = {
  readonly name: KernelName | "sort";
  /** As figures call it. */
  readonly title: string;
  readonly firmware: Uint8Array;
  readonly input: Uint8Array;
};

/** Little-endian. */
export function words(...values: readonly number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}

const PROGRAMS: Readonly<Partial<Record<KernelName, readonly [title: string, input: Uint8Array]>>> = {
  astar: ["A* on a grid", words(130, 130, 12_345, 25)],
  matmul: ["int8 matrix product", words(96, 7)],
  "matmul-simd": ["int8 matrix product, SIMD", words(192, 7)],
  sha256: ["SHA-256 loop", Uint8Array.from([...words(3_000), ...new Uint8Array(32).fill(7)])],
  nbody: ["n-body, f64", words(12_000)],
  layer: ["f32 layer, SIMD", words(176)],
  fib: ["fib", words(27)],
  vm: ["bytecode machine", words(1_100)],
};
const SORT = { title: "C: sort and hash table", input: words(7_000, 101) } as const;

/** Those that a goal is set for: their geometric mean, where none is left out. */
export const SIX: readonly Kernel["name"][] = ["astar", "matmul", "matmul-simd", "sha256", "nbody", "sort"];

/** All kernels; the one in C is left out where it cannot be compiled, which `left` is told. */
export async function buildKernels(left: (why: string) => void): Promise<Kernel[]> {
  const kernels: Kernel[] = [];
  for (const [name, [title, input]] of Object.entries(PROGRAMS)) {
    const known = name as KernelName;
    kernels.push({ name: known, title, input, firmware: await compileKernel(known) });
  }
  const firmware = compileC();
  if (firmware) kernels.push({ name: "sort", ...SORT, firmware });
  else left(`${SORT.title} is left out: install ${C_PACKAGES}`);
  return kernels;
}
