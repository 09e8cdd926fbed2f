/**
 * The sealed session of a device whose key the gateway keeps: every payload ends in a counter and a code over it.
 *
 * T = "hirewire/hmac/1", gateway, device, length of the slot, slot, gateway's nonce, board's nonce. The login carries
 * HMAC-SHA-256(secret, 0x00 T); what goes up is sealed under HMAC(secret, 0x01 T), what comes down under HMAC(secret,
 * 0x02 T). payload = body, counter (4 bytes, big endian), first 16 bytes of HMAC(key, counter, last topic level,
 * 0x00, body). The counter is 1 for the first message of a session and direction, and grows by one.
 */
#ifndef HW_SEAL_H
#define HW_SEAL_H

#include "hw_sha256.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes that a seal adds to a body. */
#define HW_SEAL_SIZE 20u

/** What a session's keys are drawn from. */
typedef struct {
  const uint8_t *secret;
  const uint8_t *gateway;
  const uint8_t *device;
  const char *slot;
  const uint8_t *gateway_nonce;
  const uint8_t *board_nonce;
} hw_seal_terms;

typedef struct {
  uint8_t up[32];
  uint8_t down[32];
  uint32_t said;
  uint32_t heard;
  /** Of the messages under way, one in each direction. */
  hw_hmac saying;
  hw_hmac hearing;
} hw_seal;

/** Draws the keys of a new session, and the code that its login carries. */
void hw_seal_open(hw_seal *seal, const hw_seal_terms *terms, uint8_t login_code[32]);

/** Begins to seal a message up: `topic` is the last level. */
void hw_seal_say(hw_seal *seal, const char *topic);

/** Takes more of the body of the message up. */
void hw_seal_say_bytes(hw_seal *seal, const void *bytes, size_t count);

/** Ends the message up: what goes behind its body. */
void hw_seal_said(hw_seal *seal, uint8_t bytes[HW_SEAL_SIZE]);

/** Begins to check a message that has come down: `topic` is the last level. */
void hw_seal_hear(hw_seal *seal, const char *topic);

/** Takes more of the body of the message down. */
void hw_seal_hear_bytes(hw_seal *seal, const void *bytes, size_t count);

/** Ends the message down: whether what stood behind its body is its seal. */
bool hw_seal_heard(hw_seal *seal, const uint8_t bytes[HW_SEAL_SIZE]);

/** What a board proves with that it holds the secret of a pairing file: HMAC-SHA-256(secret, 0x03, gateway, device). */
void hw_seal_proof(const uint8_t secret[32], const uint8_t gateway[20], const uint8_t device[20], uint8_t proof[32]);

#ifdef __cplusplus
}
#endif

#endif
