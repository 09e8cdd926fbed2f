/**
 * SHA-256: block 64 bytes, digest 32 bytes.
 *
 * A caller's state is 112 bytes: 8 words of the hash as numbers (u32), the 64 bytes of the open block, how many bytes
 * were taken so far (u64), then 8 bytes unused. Inputs are at most 2^61 - 1 bytes. Source: FIPS 180-4.
 */
import { START_u32, sha256Block } from "../../build/assembly/sha256";

const BLOCK: u32 = 64;
/** Where a padded block holds the input's length. */
const LENGTH_AT: u32 = 56;
const OPEN: usize = 32;
const TAKEN: usize = 96;
const STATE: usize = 112;

/** The state of {@link sha256}: no other function uses it. */
const ONE_SHOT: usize = memory.data(112, 16);

/** Bytes of a caller's state. */
export function sha256StateBytes(): i32 {
  return <i32>STATE;
}

/** Begins a new input. */
export function sha256Init(state: usize): void {
  memory.copy(state, START_u32, 32);
  store<u64>(state, 0, TAKEN);
}

/** Takes more input: any length, also 0. */
export function sha256Update(state: usize, input: usize, length: u32): void {
  const before = load<u64>(state, TAKEN);
  store<u64>(state, before + length, TAKEN);
  const open = <u32>before % BLOCK;
  if (open > 0) {
    const missing = BLOCK - open;
    const part = length < missing ? length : missing;
    memory.copy(state + OPEN + open, input, part);
    if (part < missing) return;
    sha256Block(state, state + OPEN);
    input += part;
    length -= part;
  }
  for (; length >= BLOCK; length -= BLOCK, input += BLOCK) sha256Block(state, input);
  memory.copy(state + OPEN, input, length);
}

/** Writes the digest: 32 bytes. The state is spent; {@link sha256Init} makes it fresh. */
export function sha256Final(state: usize, digest: usize): void {
  const taken = load<u64>(state, TAKEN);
  const block = state + OPEN;
  let open = <u32>taken % BLOCK;
  store<u8>(block + open, 0x80);
  open++;
  if (open > LENGTH_AT) {
    memory.fill(block + open, 0, BLOCK - open);
    sha256Block(state, block);
    open = 0;
  }
  memory.fill(block + open, 0, LENGTH_AT - open);
  store<u64>(block, bswap<u64>(taken << 3), LENGTH_AT);
  sha256Block(state, block);
  for (let at: usize = 0; at < 32; at += 4) store<u32>(digest + at, bswap<u32>(load<u32>(state + at)));
}

/** SHA-256 of `length` bytes at `input`, to 32 bytes at `digest`, which may overlap. */
export function sha256(input: usize, length: u32, digest: usize): void {
  sha256Init(ONE_SHOT);
  sha256Update(ONE_SHOT, input, length);
  sha256Final(ONE_SHOT, digest);
}
