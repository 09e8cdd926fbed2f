/**
 * Fibonacci numbers by plain recursion: nothing but calls.
 *
 *   input:  u32 n
 *   output: u32 the n-th number
 */
import { answer } from "./task";

export { alloc } from "./task";

const output: usize = heap.alloc(4);

function fib(n: u32): u32 {
  return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

export function run(at: i32, _length: i32): i64 {
  store<u32>(output, fib(load<u32>(at)));
  return answer(output, 4);
}
