/**
 * C = A * B with bytes in A and B and 32-bit sums in C, 16 bytes at a time; B lies column by column. Its answers are
 * those of `matmul`.
 *
 *   input:  u32 n (a multiple of 16, <= 512), u32 seed
 *   output: u32 FNV-1a over the words of C
 */
import { answer, next } from "./task";

export { alloc } from "./task";

const MOST = 512;

const left: usize = heap.alloc(MOST * MOST);
const right: usize = heap.alloc(MOST * MOST);
const product: usize = heap.alloc(4 * MOST * MOST);
const output: usize = heap.alloc(4);

function draw(at: usize, count: i32, seed: u32): u32 {
  let state = seed;
  for (let index = 0; index < count; index++) {
    state = next(state);
    store<u8>(at + index, state >> 11);
  }
  return state;
}

function multiply(n: i32): void {
  for (let row = 0; row < n; row++) {
    const a = left + row * n;
    for (let column = 0; column < n; column++) {
      const b = right + column * n;
      let sums = i32x4.splat(0);
      for (let k = 0; k < n; k += 16) {
        const x = v128.load(a + k);
        const y = v128.load(b + k);
        const low = i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(x), i16x8.extend_low_i8x16_s(y));
        const high = i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(x), i16x8.extend_high_i8x16_s(y));
        sums = i32x4.add(sums, i32x4.add(low, high));
      }
      const even = i32x4.extract_lane(sums, 0) + i32x4.extract_lane(sums, 2);
      const odd = i32x4.extract_lane(sums, 1) + i32x4.extract_lane(sums, 3);
      const sum = even + odd;
      store<i32>(product + ((row * n + column) << 2), sum);
    }
  }
}

export function run(at: i32, _length: i32): i64 {
  const n = load<i32>(at);
  draw(right, n * n, draw(left, n * n, load<u32>(at, 4) | 1));
  multiply(n);
  let hash: u32 = 0x811c9dc5;
  for (let index = 0; index < n * n; index++) {
    hash = (hash ^ load<u32>(product + (index << 2))) * 0x01000193;
  }
  store<u32>(output, hash);
  return answer(output, 4);
}
