/** Keccak-256 as Ethereum has it: the Keccak submission's padding (0x01), not SHA-3's. */
#ifndef HW_KECCAK_H
#define HW_KECCAK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes that are taken in between two permutations. */
#define HW_KECCAK_RATE 136u

typedef struct {
  uint64_t lanes[25];
  /** Bytes of the running block that are in, 0..HW_KECCAK_RATE - 1. */
  uint32_t filled;
} hw_keccak;

/** Begins a hash. */
void hw_keccak_begin(hw_keccak *keccak);

/** Takes more of what is hashed. */
void hw_keccak_take(hw_keccak *keccak, const void *bytes, size_t count);

/** Ends the hash; begin it anew before the next one. */
void hw_keccak_end(hw_keccak *keccak, uint8_t digest[32]);

/** Keccak-256 of one piece. */
void hw_keccak_of(const void *bytes, size_t count, uint8_t digest[32]);

#ifdef __cplusplus
}
#endif

#endif
