/** Linear memory as a stack that only grows. */

const PAGE: usize = 65_536;

export let top: usize = (__heap_base + 15) & ~15;

/** Makes `[0, end)` addressable. */
export function reach(end: usize): bool {
  const have = <usize>memory.size() * PAGE;
  if (end <= have) return true;
  return memory.grow(<i32>((end - have + PAGE - 1) / PAGE)) >= 0;
}

/** Reserves `bytes` bytes at a multiple of 16; 0 when the memory's maximum is reached. */
export function reserve(bytes: u64): usize {
  const end = (<u64>top + bytes + 15) & ~15;
  if (end > 0x7fff_0000 || !reach(<usize>end)) return 0;
  const at = top;
  top = <usize>end;
  return at;
}

export function inMemory(ptr: i32, len: i32): bool {
  return <u64>(<u32>ptr) + <u64>(<u32>len) <= <u64>(<u32>memory.size()) * PAGE;
}

/** Keeps what was written up to `end` out of later reservations. */
export function keep(end: usize): void {
  top = (end + 15) & ~15;
}
