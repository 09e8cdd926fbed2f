#include "hw_keccak.h"

/** Iota's constants by the linear feedback shift register x^8 + x^6 + x^5 + x^4 + 1. FIPS 202, algorithm 5. */
static uint64_t round_constant(uint8_t *lfsr) {
  uint64_t constant = 0;
  for (unsigned j = 0; j <= 6; j++) {
    if (*lfsr & 1u) constant |= (uint64_t)1 << ((1u << j) - 1u);
    const uint8_t carry = (uint8_t)(*lfsr >> 7);
    *lfsr = (uint8_t)(((unsigned)*lfsr << 1) ^ (carry ? 0x71u : 0u));
  }
  return constant;
}

static uint64_t rotate(uint64_t value, unsigned by) {
  return by == 0 ? value : (value << by) | (value >> (64u - by));
}

static void theta(uint64_t lanes[25]) {
  uint64_t parity[5];
  for (unsigned x = 0; x < 5; x++)
    parity[x] = lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20];
  for (unsigned x = 0; x < 5; x++) {
    const uint64_t change = parity[(x + 4) % 5] ^ rotate(parity[(x + 1) % 5], 1);
    for (unsigned y = 0; y < 25; y += 5) lanes[x + y] ^= change;
  }
}

/**
 * Rho and pi in one walk: lane by lane along pi's one cycle, turned by the triangular numbers. FIPS 202, 3.2.2 and
 * 3.2.3.
 */
static void rho_pi(uint64_t lanes[25]) {
  uint64_t carried = lanes[1];
  unsigned x = 1;
  unsigned y = 0;
  unsigned turn = 0;
  for (unsigned step = 1; step <= 24; step++) {
    const unsigned next = (2 * x + 3 * y) % 5;
    x = y;
    y = next;
    turn = (turn + step) % 64;
    const uint64_t held = lanes[x + 5 * y];
    lanes[x + 5 * y] = rotate(carried, turn);
    carried = held;
  }
}

static void chi(uint64_t lanes[25]) {
  for (unsigned y = 0; y < 25; y += 5) {
    uint64_t row[5];
    for (unsigned x = 0; x < 5; x++) row[x] = lanes[y + x];
    for (unsigned x = 0; x < 5; x++) lanes[y + x] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5]);
  }
}

/** Keccak-f[1600]. FIPS 202, section 3.3. */
static void permute(uint64_t lanes[25]) {
  uint8_t lfsr = 1;
  for (unsigned round = 0; round < 24; round++) {
    theta(lanes);
    rho_pi(lanes);
    chi(lanes);
    lanes[0] ^= round_constant(&lfsr);
  }
}

static void mix(hw_keccak *keccak, uint32_t at, uint8_t byte) {
  keccak->lanes[at / 8] ^= (uint64_t)byte << (8 * (at % 8));
}

void hw_keccak_begin(hw_keccak *keccak) {
  for (unsigned i = 0; i < 25; i++) keccak->lanes[i] = 0;
  keccak->filled = 0;
}

void hw_keccak_take(hw_keccak *keccak, const void *bytes, size_t count) {
  const uint8_t *from = bytes;
  for (size_t i = 0; i < count; i++) {
    mix(keccak, keccak->filled, from[i]);
    if (++keccak->filled < HW_KECCAK_RATE) continue;
    permute(keccak->lanes);
    keccak->filled = 0;
  }
}

void hw_keccak_end(hw_keccak *keccak, uint8_t digest[32]) {
  mix(keccak, keccak->filled, 0x01);
  mix(keccak, HW_KECCAK_RATE - 1u, 0x80);
  permute(keccak->lanes);
  for (uint32_t i = 0; i < 32; i++) digest[i] = (uint8_t)(keccak->lanes[i / 8] >> (8 * (i % 8)));
}

void hw_keccak_of(const void *bytes, size_t count, uint8_t digest[32]) {
  hw_keccak keccak;
  hw_keccak_begin(&keccak);
  hw_keccak_take(&keccak, bytes, count);
  hw_keccak_end(&keccak, digest);
}
