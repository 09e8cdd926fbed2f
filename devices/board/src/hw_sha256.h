/** SHA-256 (FIPS 180-4) and HMAC with it (RFC 2104). */
#ifndef HW_SHA256_H
#define HW_SHA256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  uint32_t state[8];
  /** Bytes taken in all. */
  uint64_t count;
  uint8_t block[64];
} hw_sha256;

/** Begins a hash. */
void hw_sha256_begin(hw_sha256 *sha);

/** Takes more of what is hashed. */
void hw_sha256_take(hw_sha256 *sha, const void *bytes, size_t count);

/** Ends the hash; begin it anew before the next one. */
void hw_sha256_end(hw_sha256 *sha, uint8_t digest[32]);

typedef struct {
  hw_sha256 inner;
  /** The key, mixed for the outer hash. */
  uint8_t outer_pad[64];
} hw_hmac;

/** Begins a code under a key of 32 bytes. */
void hw_hmac_begin(hw_hmac *hmac, const uint8_t key[32]);

/** Takes more of what is vouched for. */
void hw_hmac_take(hw_hmac *hmac, const void *bytes, size_t count);

/** Ends the code; begin it anew before the next one. */
void hw_hmac_end(hw_hmac *hmac, uint8_t code[32]);

/** Whether two pieces of `count` bytes are the same, in a time that does not tell where they differ. */
bool hw_same_bytes(const uint8_t *one, const uint8_t *other, size_t count);

#ifdef __cplusplus
}
#endif

#endif
