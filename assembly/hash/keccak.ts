/**
 * Keccak-256 with Ethereum's padding (the original 0x01, not FIPS 202's 0x06): rate 136 bytes, digest 32 bytes.
 *
 * A caller's state is 208 bytes: 25 lanes of 8 bytes as FIPS 202 numbers them, then how many bytes the open block has
 * taken (u32, 0..135), then 4 bytes unused. Source: "The Keccak reference" 3.0.
 */
import { keccakPermute } from "../../build/assembly/keccak";

const RATE: u32 = 136;
const TAKEN: usize = 200;
const STATE: usize = 208;

/** The state of {@link keccak256}: no other function uses it. */
const ONE_SHOT: usize = memory.data(208, 16);

/** Bytes of a caller's state. */
export function keccakStateBytes(): i32 {
  return <i32>STATE;
}

/** Begins a new input. */
export function keccakInit(state: usize): void {
  memory.fill(state, 0, STATE);
}

/** Takes one whole block. */
@inline
function absorb(state: usize, block: usize): void {
  for (let at: usize = 0; at < RATE; at += 8) {
    store<u64>(state + at, load<u64>(state + at) ^ load<u64>(block + at));
  }
  keccakPermute(state);
}

/** Adds single bytes at a place of the open block: `at + length` is at most 136. */
function mix(state: usize, at: u32, input: usize, length: u32): void {
  let place = state + at;
  for (const end = input + length; input < end; input++, place++) {
    store<u8>(place, load<u8>(place) ^ load<u8>(input));
  }
}

/** Takes more input: any length, also 0. */
export function keccakUpdate(state: usize, input: usize, length: u32): void {
  let taken = load<u32>(state, TAKEN);
  if (taken > 0) {
    const missing = RATE - taken;
    const part = length < missing ? length : missing;
    mix(state, taken, input, part);
    input += part;
    length -= part;
    taken += part;
    if (taken == RATE) {
      keccakPermute(state);
      taken = 0;
    }
  }
  for (; length >= RATE; length -= RATE, input += RATE) absorb(state, input);
  // Where something is left, no block is open: a block that was has been filled above.
  if (length > 0) {
    mix(state, 0, input, length);
    taken = length;
  }
  store<u32>(state, taken, TAKEN);
}

/** Writes the digest: 32 bytes. The state is spent; {@link keccakInit} makes it fresh. */
export function keccakFinal(state: usize, digest: usize): void {
  const end = state + load<u32>(state, TAKEN);
  store<u8>(end, load<u8>(end) ^ 0x01);
  store<u8>(state, load<u8>(state, RATE - 1) ^ 0x80, RATE - 1);
  keccakPermute(state);
  memory.copy(digest, state, 32);
}

/** Keccak-256 of `length` bytes at `input`, to 32 bytes at `digest`, which may overlap. */
export function keccak256(input: usize, length: u32, digest: usize): void {
  keccakInit(ONE_SHOT);
  keccakUpdate(ONE_SHOT, input, length);
  keccakFinal(ONE_SHOT, digest);
}
