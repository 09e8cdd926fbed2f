/**
 * Loads that each depend on the one before, over a table of the size that is asked for: what memory beyond the caches
 * costs.
 *
 *   input:  u32 words (a power of two, <= 2^23), u32 loads
 *   output: u32 where the last one led
 */
import { answer } from "./task";

export { alloc } from "./task";

let table: usize = 0;
let drawn: u32 = 0;
const output: usize = heap.alloc(4);

/** One cycle through all words: x -> 1664525 x + 1013904223 modulo a power of two (Hull and Dobell). */
function draw(words: u32): void {
  if (words > drawn) table = heap.alloc(<usize>words << 2);
  for (let at: u32 = 0; at < words; at++) {
    store<u32>(table + (at << 2), (at * 1664525 + 1013904223) & (words - 1));
  }
  drawn = words;
}

export function run(at: i32, _length: i32): i64 {
  const words = load<u32>(at);
  const loads = load<u32>(at, 4);
  if (words !== drawn) draw(words);
  let place: u32 = 0;
  for (let left = loads; left > 0; left--) place = load<u32>(table + (place << 2));
  store<u32>(output, place);
  return answer(output, 4);
}
