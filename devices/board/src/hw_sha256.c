#include "hw_sha256.h"

#include "hw_bytes.h"

static const uint32_t ROUND[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotate(uint32_t value, unsigned by) {
  return (value >> by) | (value << (32u - by));
}

/** The message schedule in a ring of sixteen words. FIPS 180-4, section 6.2.2. */
static uint32_t schedule(uint32_t words[16], unsigned round) {
  if (round >= 16) {
    const uint32_t early = words[(round + 1) & 15];
    const uint32_t late = words[(round + 14) & 15];
    const uint32_t small0 = rotate(early, 7) ^ rotate(early, 18) ^ (early >> 3);
    const uint32_t small1 = rotate(late, 17) ^ rotate(late, 19) ^ (late >> 10);
    words[round & 15] += small0 + words[(round + 9) & 15] + small1;
  }
  return words[round & 15];
}

static void compress(uint32_t state[8], const uint8_t block[64]) {
  uint32_t words[16];
  uint32_t v[8];
  for (unsigned i = 0; i < 16; i++) words[i] = hw_get_u32(block + 4 * i);
  for (unsigned i = 0; i < 8; i++) v[i] = state[i];
  for (unsigned round = 0; round < 64; round++) {
    const uint32_t big1 = rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25);
    const uint32_t choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
    const uint32_t one = v[7] + big1 + choice + ROUND[round] + schedule(words, round);
    const uint32_t big0 = rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22);
    const uint32_t two = big0 + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
    for (unsigned i = 7; i > 0; i--) v[i] = v[i - 1];
    v[4] += one;
    v[0] = one + two;
  }
  for (unsigned i = 0; i < 8; i++) state[i] += v[i];
}

void hw_sha256_begin(hw_sha256 *sha) {
  static const uint32_t START[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  for (unsigned i = 0; i < 8; i++) sha->state[i] = START[i];
  sha->count = 0;
}

void hw_sha256_take(hw_sha256 *sha, const void *bytes, size_t count) {
  const uint8_t *from = bytes;
  for (size_t i = 0; i < count; i++) {
    sha->block[sha->count & 63u] = from[i];
    sha->count++;
    if ((sha->count & 63u) == 0) compress(sha->state, sha->block);
  }
}

void hw_sha256_end(hw_sha256 *sha, uint8_t digest[32]) {
  static const uint8_t FIRST = 0x80;
  static const uint8_t ZERO = 0;
  uint8_t bits[8];
  hw_put_u64(bits, sha->count * 8u);
  hw_sha256_take(sha, &FIRST, 1);
  while ((sha->count & 63u) != 56) hw_sha256_take(sha, &ZERO, 1);
  hw_sha256_take(sha, bits, sizeof bits);
  for (unsigned i = 0; i < 8; i++) hw_put_u32(digest + 4 * i, sha->state[i]);
}

void hw_hmac_begin(hw_hmac *hmac, const uint8_t key[32]) {
  uint8_t inner_pad[64];
  for (unsigned i = 0; i < 64; i++) {
    const uint8_t byte = i < 32 ? key[i] : 0;
    inner_pad[i] = byte ^ 0x36u;
    hmac->outer_pad[i] = byte ^ 0x5cu;
  }
  hw_sha256_begin(&hmac->inner);
  hw_sha256_take(&hmac->inner, inner_pad, sizeof inner_pad);
}

void hw_hmac_take(hw_hmac *hmac, const void *bytes, size_t count) {
  hw_sha256_take(&hmac->inner, bytes, count);
}

void hw_hmac_end(hw_hmac *hmac, uint8_t code[32]) {
  uint8_t digest[32];
  hw_sha256_end(&hmac->inner, digest);
  hw_sha256_begin(&hmac->inner);
  hw_sha256_take(&hmac->inner, hmac->outer_pad, sizeof hmac->outer_pad);
  hw_sha256_take(&hmac->inner, digest, sizeof digest);
  hw_sha256_end(&hmac->inner, code);
}

bool hw_same_bytes(const uint8_t *one, const uint8_t *other, size_t count) {
  uint8_t difference = 0;
  for (size_t i = 0; i < count; i++) difference |= (uint8_t)(one[i] ^ other[i]);
  return difference == 0;
}
