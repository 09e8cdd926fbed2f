/**
 * Every instruction that a task may use: those of WebAssembly core specification 2.0, section 5.4, and no other.
 *
 * An opcode is its first byte, or 0xfc00 or 0xfd00 plus the number after that prefix.
 */

/** What stands behind an opcode. `absent`: the opcode is not in the table. */
export const IMMEDIATE = {
  absent: 0,
  none: 1,
  block: 2,
  else: 3,
  end: 4,
  label: 5,
  labels: 6,
  function: 7,
  indirect: 8,
  local: 9,
  global: 10,
  table: 11,
  memory: 12,
  valueTypes: 13,
  referenceType: 14,
  i32: 15,
  i64: 16,
  f32: 17,
  f64: 18,
  memarg: 19,
  memargLane: 20,
  lane: 21,
  v128: 22,
  shuffle: 23,
  dataMemory: 24,
  data: 25,
  twoMemories: 26,
  elementTable: 27,
  element: 28,
  twoTables: 29,
} as const;

type Immediate = Exclude<keyof typeof IMMEDIATE, "absent">;

/** One more than the largest opcode. */
const OPCODES = 0xfe00;

/** By opcode: one of {@link IMMEDIATE}. */
export const immediates = new Uint8Array(OPCODES);
/** By opcode: operands taken, where no immediate decides that; a branch's condition is one, what it carries is not. */
export const pops = new Uint8Array(OPCODES);
/** By opcode: results given, where no immediate decides that. */
export const pushes = new Uint8Array(OPCODES);

/**
 * First opcode, immediate, operands>results, prefix of the names, names of consecutive opcodes (`-`: there is none).
 * Types: i i32, I i64, f f32, F f64, v v128, r any reference, ? any.
 */
type Family = readonly [number, Immediate, string, string, string];

const INTEGER_TESTS = "eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u";
const INTEGER_BINARY = "add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u rotl rotr";
const FLOAT_TESTS = "eq ne lt gt le ge";
const FLOAT_UNARY = "abs neg ceil floor trunc nearest sqrt";
const FLOAT_BINARY = "add sub mul div min max copysign";
const LANES_BINARY = "add sub mul div min max pmin pmax";

const CORE: readonly Family[] = [
  [0x00, "none", ">", "", "unreachable nop"],
  [0x02, "block", ">", "", "block loop"],
  [0x04, "block", "i>", "", "if"],
  [0x05, "else", ">", "", "else"],
  [0x0b, "end", ">", "", "end"],
  [0x0c, "label", ">", "", "br"],
  [0x0d, "label", "i>", "", "br_if"],
  [0x0e, "labels", "i>", "", "br_table"],
  [0x0f, "none", ">", "", "return"],
  [0x10, "function", ">", "", "call"],
  [0x11, "indirect", "i>", "", "call_indirect"],
  [0x1a, "none", "?>", "", "drop"],
  [0x1b, "none", "??i>?", "", "select"],
  [0x1c, "valueTypes", "??i>?", "", "select_typed"],
  [0x20, "local", ">?", "local.", "get"],
  [0x21, "local", "?>", "local.", "set"],
  [0x22, "local", "?>?", "local.", "tee"],
  [0x23, "global", ">?", "global.", "get"],
  [0x24, "global", "?>", "global.", "set"],
  [0x25, "table", "i>r", "table.", "get"],
  [0x26, "table", "ir>", "table.", "set"],
  [0x28, "memarg", "i>i", "i32.", "load"],
  [0x29, "memarg", "i>I", "i64.", "load"],
  [0x2a, "memarg", "i>f", "f32.", "load"],
  [0x2b, "memarg", "i>F", "f64.", "load"],
  [0x2c, "memarg", "i>i", "i32.", "load8_s load8_u load16_s load16_u"],
  [0x30, "memarg", "i>I", "i64.", "load8_s load8_u load16_s load16_u load32_s load32_u"],
  [0x36, "memarg", "ii>", "i32.", "store"],
  [0x37, "memarg", "iI>", "i64.", "store"],
  [0x38, "memarg", "if>", "f32.", "store"],
  [0x39, "memarg", "iF>", "f64.", "store"],
  [0x3a, "memarg", "ii>", "i32.", "store8 store16"],
  [0x3c, "memarg", "iI>", "i64.", "store8 store16 store32"],
  [0x3f, "memory", ">i", "memory.", "size"],
  [0x40, "memory", "i>i", "memory.", "grow"],
  [0x41, "i32", ">i", "i32.", "const"],
  [0x42, "i64", ">I", "i64.", "const"],
  [0x43, "f32", ">f", "f32.", "const"],
  [0x44, "f64", ">F", "f64.", "const"],
  [0x45, "none", "i>i", "i32.", "eqz"],
  [0x46, "none", "ii>i", "i32.", INTEGER_TESTS],
  [0x50, "none", "I>i", "i64.", "eqz"],
  [0x51, "none", "II>i", "i64.", INTEGER_TESTS],
  [0x5b, "none", "ff>i", "f32.", FLOAT_TESTS],
  [0x61, "none", "FF>i", "f64.", FLOAT_TESTS],
  [0x67, "none", "i>i", "i32.", "clz ctz popcnt"],
  [0x6a, "none", "ii>i", "i32.", INTEGER_BINARY],
  [0x79, "none", "I>I", "i64.", "clz ctz popcnt"],
  [0x7c, "none", "II>I", "i64.", INTEGER_BINARY],
  [0x8b, "none", "f>f", "f32.", FLOAT_UNARY],
  [0x92, "none", "ff>f", "f32.", FLOAT_BINARY],
  [0x99, "none", "F>F", "f64.", FLOAT_UNARY],
  [0xa0, "none", "FF>F", "f64.", FLOAT_BINARY],
  [0xa7, "none", "I>i", "i32.", "wrap_i64"],
  [0xa8, "none", "f>i", "i32.", "trunc_f32_s trunc_f32_u"],
  [0xaa, "none", "F>i", "i32.", "trunc_f64_s trunc_f64_u"],
  [0xac, "none", "i>I", "i64.", "extend_i32_s extend_i32_u"],
  [0xae, "none", "f>I", "i64.", "trunc_f32_s trunc_f32_u"],
  [0xb0, "none", "F>I", "i64.", "trunc_f64_s trunc_f64_u"],
  [0xb2, "none", "i>f", "f32.", "convert_i32_s convert_i32_u"],
  [0xb4, "none", "I>f", "f32.", "convert_i64_s convert_i64_u"],
  [0xb6, "none", "F>f", "f32.", "demote_f64"],
  [0xb7, "none", "i>F", "f64.", "convert_i32_s convert_i32_u"],
  [0xb9, "none", "I>F", "f64.", "convert_i64_s convert_i64_u"],
  [0xbb, "none", "f>F", "f64.", "promote_f32"],
  [0xbc, "none", "f>i", "i32.", "reinterpret_f32"],
  [0xbd, "none", "F>I", "i64.", "reinterpret_f64"],
  [0xbe, "none", "i>f", "f32.", "reinterpret_i32"],
  [0xbf, "none", "I>F", "f64.", "reinterpret_i64"],
  [0xc0, "none", "i>i", "i32.", "extend8_s extend16_s"],
  [0xc2, "none", "I>I", "i64.", "extend8_s extend16_s extend32_s"],
  [0xd0, "referenceType", ">r", "ref.", "null"],
  [0xd1, "none", "r>i", "ref.", "is_null"],
  [0xd2, "function", ">r", "ref.", "func"],
  [0xfc00, "none", "f>i", "i32.", "trunc_sat_f32_s trunc_sat_f32_u"],
  [0xfc02, "none", "F>i", "i32.", "trunc_sat_f64_s trunc_sat_f64_u"],
  [0xfc04, "none", "f>I", "i64.", "trunc_sat_f32_s trunc_sat_f32_u"],
  [0xfc06, "none", "F>I", "i64.", "trunc_sat_f64_s trunc_sat_f64_u"],
  [0xfc08, "dataMemory", "iii>", "memory.", "init"],
  [0xfc09, "data", ">", "data.", "drop"],
  [0xfc0a, "twoMemories", "iii>", "memory.", "copy"],
  [0xfc0b, "memory", "iii>", "memory.", "fill"],
  [0xfc0c, "elementTable", "iii>", "table.", "init"],
  [0xfc0d, "element", ">", "elem.", "drop"],
  [0xfc0e, "twoTables", "iii>", "table.", "copy"],
  [0xfc0f, "table", "ri>i", "table.", "grow"],
  [0xfc10, "table", ">i", "table.", "size"],
  [0xfc11, "table", "iri>", "table.", "fill"],
];

const VECTOR: readonly Family[] = [
  [0xfd00, "memarg", "i>v", "v128.", "load load8x8_s load8x8_u load16x4_s load16x4_u load32x2_s load32x2_u"],
  [0xfd07, "memarg", "i>v", "v128.", "load8_splat load16_splat load32_splat load64_splat"],
  [0xfd0b, "memarg", "iv>", "v128.", "store"],
  [0xfd0c, "v128", ">v", "v128.", "const"],
  [0xfd0d, "shuffle", "vv>v", "i8x16.", "shuffle"],
  [0xfd0e, "none", "vv>v", "i8x16.", "swizzle"],
  [0xfd0f, "none", "i>v", "", "i8x16.splat i16x8.splat i32x4.splat"],
  [0xfd12, "none", "I>v", "i64x2.", "splat"],
  [0xfd13, "none", "f>v", "f32x4.", "splat"],
  [0xfd14, "none", "F>v", "f64x2.", "splat"],
  [0xfd15, "lane", "v>i", "i8x16.", "extract_lane_s extract_lane_u"],
  [0xfd17, "lane", "vi>v", "i8x16.", "replace_lane"],
  [0xfd18, "lane", "v>i", "i16x8.", "extract_lane_s extract_lane_u"],
  [0xfd1a, "lane", "vi>v", "i16x8.", "replace_lane"],
  [0xfd1b, "lane", "v>i", "i32x4.", "extract_lane"],
  [0xfd1c, "lane", "vi>v", "i32x4.", "replace_lane"],
  [0xfd1d, "lane", "v>I", "i64x2.", "extract_lane"],
  [0xfd1e, "lane", "vI>v", "i64x2.", "replace_lane"],
  [0xfd1f, "lane", "v>f", "f32x4.", "extract_lane"],
  [0xfd20, "lane", "vf>v", "f32x4.", "replace_lane"],
  [0xfd21, "lane", "v>F", "f64x2.", "extract_lane"],
  [0xfd22, "lane", "vF>v", "f64x2.", "replace_lane"],
  [0xfd23, "none", "vv>v", "i8x16.", INTEGER_TESTS],
  [0xfd2d, "none", "vv>v", "i16x8.", INTEGER_TESTS],
  [0xfd37, "none", "vv>v", "i32x4.", INTEGER_TESTS],
  [0xfd41, "none", "vv>v", "f32x4.", FLOAT_TESTS],
  [0xfd47, "none", "vv>v", "f64x2.", FLOAT_TESTS],
  [0xfd4d, "none", "v>v", "v128.", "not"],
  [0xfd4e, "none", "vv>v", "v128.", "and andnot or xor"],
  [0xfd52, "none", "vvv>v", "v128.", "bitselect"],
  [0xfd53, "none", "v>i", "v128.", "any_true"],
  [0xfd54, "memargLane", "iv>v", "v128.", "load8_lane load16_lane load32_lane load64_lane"],
  [0xfd58, "memargLane", "iv>", "v128.", "store8_lane store16_lane store32_lane store64_lane"],
  [0xfd5c, "memarg", "i>v", "v128.", "load32_zero load64_zero"],
  [0xfd5e, "none", "v>v", "", "f32x4.demote_f64x2_zero f64x2.promote_low_f32x4"],
  [0xfd60, "none", "v>v", "i8x16.", "abs neg popcnt"],
  [0xfd63, "none", "v>i", "i8x16.", "all_true bitmask"],
  [0xfd65, "none", "vv>v", "i8x16.", "narrow_i16x8_s narrow_i16x8_u"],
  [0xfd67, "none", "v>v", "f32x4.", "ceil floor trunc nearest"],
  [0xfd6b, "none", "vi>v", "i8x16.", "shl shr_s shr_u"],
  [0xfd6e, "none", "vv>v", "i8x16.", "add add_sat_s add_sat_u sub sub_sat_s sub_sat_u"],
  [0xfd74, "none", "v>v", "f64x2.", "ceil floor"],
  [0xfd76, "none", "vv>v", "i8x16.", "min_s min_u max_s max_u"],
  [0xfd7a, "none", "v>v", "f64x2.", "trunc"],
  [0xfd7b, "none", "vv>v", "i8x16.", "avgr_u"],
  [0xfd7c, "none", "v>v", "i16x8.", "extadd_pairwise_i8x16_s extadd_pairwise_i8x16_u"],
  [0xfd7e, "none", "v>v", "i32x4.", "extadd_pairwise_i16x8_s extadd_pairwise_i16x8_u"],
  [0xfd80, "none", "v>v", "i16x8.", "abs neg"],
  [0xfd82, "none", "vv>v", "i16x8.", "q15mulr_sat_s"],
  [0xfd83, "none", "v>i", "i16x8.", "all_true bitmask"],
  [0xfd85, "none", "vv>v", "i16x8.", "narrow_i32x4_s narrow_i32x4_u"],
  [0xfd87, "none", "v>v", "i16x8.", "extend_low_i8x16_s extend_high_i8x16_s"],
  [0xfd89, "none", "v>v", "i16x8.", "extend_low_i8x16_u extend_high_i8x16_u"],
  [0xfd8b, "none", "vi>v", "i16x8.", "shl shr_s shr_u"],
  [0xfd8e, "none", "vv>v", "i16x8.", "add add_sat_s add_sat_u sub sub_sat_s sub_sat_u"],
  [0xfd94, "none", "v>v", "f64x2.", "nearest"],
  [0xfd95, "none", "vv>v", "i16x8.", "mul min_s min_u max_s max_u - avgr_u"],
  [0xfd9c, "none", "vv>v", "i16x8.", "extmul_low_i8x16_s extmul_high_i8x16_s"],
  [0xfd9e, "none", "vv>v", "i16x8.", "extmul_low_i8x16_u extmul_high_i8x16_u"],
  [0xfda0, "none", "v>v", "i32x4.", "abs neg"],
  [0xfda3, "none", "v>i", "i32x4.", "all_true bitmask"],
  [0xfda7, "none", "v>v", "i32x4.", "extend_low_i16x8_s extend_high_i16x8_s"],
  [0xfda9, "none", "v>v", "i32x4.", "extend_low_i16x8_u extend_high_i16x8_u"],
  [0xfdab, "none", "vi>v", "i32x4.", "shl shr_s shr_u"],
  [0xfdae, "none", "vv>v", "i32x4.", "add - - sub - - - mul min_s min_u max_s max_u dot_i16x8_s"],
  [0xfdbc, "none", "vv>v", "i32x4.", "extmul_low_i16x8_s extmul_high_i16x8_s"],
  [0xfdbe, "none", "vv>v", "i32x4.", "extmul_low_i16x8_u extmul_high_i16x8_u"],
  [0xfdc0, "none", "v>v", "i64x2.", "abs neg"],
  [0xfdc3, "none", "v>i", "i64x2.", "all_true bitmask"],
  [0xfdc7, "none", "v>v", "i64x2.", "extend_low_i32x4_s extend_high_i32x4_s"],
  [0xfdc9, "none", "v>v", "i64x2.", "extend_low_i32x4_u extend_high_i32x4_u"],
  [0xfdcb, "none", "vi>v", "i64x2.", "shl shr_s shr_u"],
  [0xfdce, "none", "vv>v", "i64x2.", "add - - sub - - - mul eq ne lt_s gt_s le_s ge_s"],
  [0xfddc, "none", "vv>v", "i64x2.", "extmul_low_i32x4_s extmul_high_i32x4_s"],
  [0xfdde, "none", "vv>v", "i64x2.", "extmul_low_i32x4_u extmul_high_i32x4_u"],
  [0xfde0, "none", "v>v", "f32x4.", "abs neg - sqrt"],
  [0xfde4, "none", "vv>v", "f32x4.", LANES_BINARY],
  [0xfdec, "none", "v>v", "f64x2.", "abs neg - sqrt"],
  [0xfdf0, "none", "vv>v", "f64x2.", LANES_BINARY],
  [0xfdf8, "none", "v>v", "i32x4.", "trunc_sat_f32x4_s trunc_sat_f32x4_u"],
  [0xfdfa, "none", "v>v", "f32x4.", "convert_i32x4_s convert_i32x4_u"],
  [0xfdfc, "none", "v>v", "i32x4.", "trunc_sat_f64x2_s_zero trunc_sat_f64x2_u_zero"],
  [0xfdfe, "none", "v>v", "f64x2.", "convert_low_i32x4_s convert_low_i32x4_u"],
];

export type Instruction = { readonly name: string; readonly operands: string; readonly results: string };

/** The table by opcode, in order; types as in {@link Family}. */
export const instructions: ReadonlyMap<number, Instruction> = new Map([...CORE, ...VECTOR].flatMap(enter));

function enter([first, immediate, signature, prefix, names]: Family): [number, Instruction][] {
  const [operands = "", results = ""] = signature.split(">");
  return names.split(" ").flatMap((name, i): [number, Instruction][] => {
    if (name === "-") return [];
    const op = first + i;
    immediates[op] = IMMEDIATE[immediate];
    pops[op] = operands.length;
    pushes[op] = results.length;
    return [[op, { name: prefix + name, operands, results }]];
  });
}

/** First and last opcode of what later proposals added, by their names. */
const LATER: readonly (readonly [number, number, string])[] = [
  [0x06, 0x0a, "exception handling"],
  [0x12, 0x13, "tail calls"],
  [0x14, 0x15, "function references"],
  [0x18, 0x19, "exception handling"],
  [0x1f, 0x1f, "exception handling"],
  [0xd3, 0xd6, "function references"],
  [0xe0, 0xe6, "stack switching"],
  [0xfb, 0xfb, "garbage collection"],
  [0xfc13, 0xfc16, "wide arithmetic"],
  [0xfe, 0xfe, "threads"],
  [0xfe00, 0xfeff, "relaxed SIMD"],
];

/** The feature that brought an opcode which is not in the table, or null. A prefix that is new stands for all of its. */
export function featureOf(op: number): string | null {
  return LATER.find(([first, last]) => op >= first && op <= last)?.[2] ?? null;
}
