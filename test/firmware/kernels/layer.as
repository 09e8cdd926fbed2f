/**
 * One layer of a neural network in f32, four products at a time: y = max(0, W x + b) for each of n columns x.
 *
 *   input:  u32 n (a multiple of 4, <= 256)
 *   output: f32 sum of all y
 */
import { answer } from "./task";

export { alloc } from "./task";

const MOST = 256;

const weights: usize = heap.alloc(4 * MOST * MOST);
const columns: usize = heap.alloc(4 * MOST * MOST);
const biases: usize = heap.alloc(4 * MOST);
const output: usize = heap.alloc(4);

function fill(at: usize, count: i32, step: i32): void {
  for (let index = 0; index < count; index++) {
    store<f32>(at + (index << 2), <f32>((index * step) % 23) * 0.125 - 1.25);
  }
}

function weigh(row: usize, column: usize, bytes: usize): f32 {
  let sums = f32x4.splat(0);
  for (let k: usize = 0; k < bytes; k += 16) {
    sums = f32x4.add(sums, f32x4.mul(v128.load(row + k), v128.load(column + k)));
  }
  const even = f32x4.extract_lane(sums, 0) + f32x4.extract_lane(sums, 2);
  return even + (f32x4.extract_lane(sums, 1) + f32x4.extract_lane(sums, 3));
}

export function run(at: i32, _length: i32): i64 {
  const n = load<i32>(at);
  fill(weights, n * n, 31);
  fill(columns, n * n, 57);
  fill(biases, n, 11);
  let total: f32 = 0;
  for (let row = 0; row < n; row++) {
    const bias = load<f32>(biases + (row << 2));
    for (let column = 0; column < n; column++) {
      const y = weigh(weights + ((row * n) << 2), columns + ((column * n) << 2), <usize>(n << 2));
      total += max<f32>(0, y + bias);
    }
  }
  store<f32>(output, total);
  return answer(output, 4);
}
