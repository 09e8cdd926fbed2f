/** What instructions make of NaNs. WebAssembly core specification 2.0, sections 4.3.3 and 4.3.4. */
import { CODE } from "./code.ts";

/** Shapes of floats, as bits of a mask: those of a vector are those of its lanes, moved by {@link LANES}. */
export const FLOAT = { f32: 1, f64: 2, f32x4: 4, f64x2: 8 } as const;
export const LANES = 2;

/** All shapes. */
export const ALL = 15;

/** By opcode: the shape of the NaNs that it may make, 0 if none. */
export const makes = new Uint8Array(0xfe00);
/** By opcode: the shape whose NaNs are all alike to it, as operands. Other shapes' bits it may see. */
export const ignores = new Uint8Array(0xfe00);

function mark(table: Uint8Array, shape: number, ...ranges: readonly (readonly [number, number])[]): void {
  for (const [first, last] of ranges) table.fill(shape, first, last + 1);
}

const F32_ARITHMETIC = [0x8d, 0x97] as const;
const F64_ARITHMETIC = [0x9b, 0xa5] as const;
const F32X4_ARITHMETIC: readonly (readonly [number, number])[] = [
  [0xfd67, 0xfd6a],
  [0xfde3, 0xfde9],
];
const F64X2_ARITHMETIC: readonly (readonly [number, number])[] = [
  [0xfd74, 0xfd75],
  [0xfd7a, 0xfd7a],
  [0xfd94, 0xfd94],
  [0xfdef, 0xfdf5],
];
const DEMOTE = 0xb6;
const PROMOTE = 0xbb;
const DEMOTE_LANES = 0xfd5e;
const PROMOTE_LANES = 0xfd5f;

mark(makes, FLOAT.f32, F32_ARITHMETIC, [DEMOTE, DEMOTE]);
mark(makes, FLOAT.f64, F64_ARITHMETIC, [PROMOTE, PROMOTE]);
mark(makes, FLOAT.f32x4, ...F32X4_ARITHMETIC, [DEMOTE_LANES, DEMOTE_LANES]);
mark(makes, FLOAT.f64x2, ...F64X2_ARITHMETIC, [PROMOTE_LANES, PROMOTE_LANES]);

// arithmetic, comparisons, and conversions to integers, which trap or saturate
mark(ignores, FLOAT.f32, F32_ARITHMETIC, [PROMOTE, PROMOTE], [0x5b, 0x60], [0xa8, 0xa9], [0xae, 0xaf]);
mark(ignores, FLOAT.f32, [0xfc00, 0xfc01], [0xfc04, 0xfc05]);
mark(ignores, FLOAT.f64, F64_ARITHMETIC, [DEMOTE, DEMOTE], [0x61, 0x66], [0xaa, 0xab], [0xb0, 0xb1]);
mark(ignores, FLOAT.f64, [0xfc02, 0xfc03], [0xfc06, 0xfc07]);
mark(ignores, FLOAT.f32x4, ...F32X4_ARITHMETIC, [PROMOTE_LANES, PROMOTE_LANES]);
mark(ignores, FLOAT.f32x4, [0xfd41, 0xfd46], [0xfdf8, 0xfdf9]);
mark(ignores, FLOAT.f64x2, ...F64X2_ARITHMETIC, [DEMOTE_LANES, DEMOTE_LANES]);
mark(ignores, FLOAT.f64x2, [0xfd47, 0xfd4c], [0xfdfc, 0xfdfd]);
ignores[CODE.drop] = ALL;

/** f32 and f64 `abs` and `neg`, and those of lanes: a NaN stays one, and its bits go through. */
export const passes: ReadonlySet<number> = new Set([0x8b, 0x8c, 0x99, 0x9a, 0xfde0, 0xfde1, 0xfdec, 0xfded]);

/** `f32x4` and `f64x2` instructions by which a lane's bits come out of a vector, and those by which they go in. */
export const extracts: ReadonlySet<number> = new Set([0xfd1f, 0xfd21]);
export const inserts: ReadonlySet<number> = new Set([0xfd13, 0xfd14, 0xfd20, 0xfd22]);
