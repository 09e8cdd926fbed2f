/** The ABI of profile `task/1`, for all kernels. What `alloc` hands out lives as long as the instance. */
export function alloc(length: i32): i32 {
  return <i32>heap.alloc(length);
}

/** What `run` returns for an answer of `length` bytes. */
@inline
export function answer(at: usize, length: i32): i64 {
  return (<i64>at << 32) | <i64>length;
}

/** The next of a row of numbers that looks random (xorshift32); a state is never 0. */
@inline
export function next(state: u32): u32 {
  let x = state;
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  return x;
}
