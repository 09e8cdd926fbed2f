/**
 * SHA-256 (FIPS 180-4) of its own digest, over and over.
 *
 *   input:  u32 rounds, 32 bytes
 *   output: 32 bytes: the digest of the digest ... of the input's bytes
 */
import { answer } from "./task";

export { alloc } from "./task";

const constants: StaticArray<u32> = [
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
];
const first: StaticArray<u32> = [
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
];

const schedule: usize = heap.alloc(256);
/** 32 bytes of message, then the padding of a message of 32 bytes. */
const block: usize = heap.alloc(64);
const state: usize = heap.alloc(32);

function expand(): void {
  for (let i: usize = 0; i < 64; i += 4) store<u32>(schedule + i, bswap<u32>(load<u32>(block + i)));
  for (let i: usize = 64; i < 256; i += 4) {
    const at = schedule + i;
    const x = load<u32>(at - 60);
    const y = load<u32>(at - 8);
    const small = rotr<u32>(x, 7) ^ rotr<u32>(x, 18) ^ (x >> 3);
    const large = rotr<u32>(y, 17) ^ rotr<u32>(y, 19) ^ (y >> 10);
    store<u32>(at, load<u32>(at - 64) + small + load<u32>(at - 28) + large);
  }
}

function compress(): void {
  expand();
  let a = load<u32>(state);
  let b = load<u32>(state, 4);
  let c = load<u32>(state, 8);
  let d = load<u32>(state, 12);
  let e = load<u32>(state, 16);
  let f = load<u32>(state, 20);
  let g = load<u32>(state, 24);
  let h = load<u32>(state, 28);
  const k = changetype<usize>(constants);
  for (let i: usize = 0; i < 256; i += 4) {
    const rotated = rotr<u32>(e, 6) ^ rotr<u32>(e, 11) ^ rotr<u32>(e, 25);
    const chosen = g ^ (e & (f ^ g));
    const one = h + rotated + chosen + load<u32>(k + i) + load<u32>(schedule + i);
    const two = (rotr<u32>(a, 2) ^ rotr<u32>(a, 13) ^ rotr<u32>(a, 22)) + ((a & b) | (c & (a | b)));
    h = g;
    g = f;
    f = e;
    e = d + one;
    d = c;
    c = b;
    b = a;
    a = one + two;
  }
  store<u32>(state, load<u32>(state) + a);
  store<u32>(state, load<u32>(state, 4) + b, 4);
  store<u32>(state, load<u32>(state, 8) + c, 8);
  store<u32>(state, load<u32>(state, 12) + d, 12);
  store<u32>(state, load<u32>(state, 16) + e, 16);
  store<u32>(state, load<u32>(state, 20) + f, 20);
  store<u32>(state, load<u32>(state, 24) + g, 24);
  store<u32>(state, load<u32>(state, 28) + h, 28);
}

export function run(at: i32, _length: i32): i64 {
  const rounds = load<u32>(at);
  memory.copy(block, at + 4, 32);
  memory.fill(block + 32, 0, 32);
  store<u8>(block, 0x80, 32);
  store<u8>(block, 1, 62);
  for (let round: u32 = 0; round < rounds; round++) {
    memory.copy(state, changetype<usize>(first), 32);
    compress();
    for (let i: usize = 0; i < 32; i += 4) store<u32>(block + i, bswap<u32>(load<u32>(state + i)));
  }
  return answer(block, 32);
}
