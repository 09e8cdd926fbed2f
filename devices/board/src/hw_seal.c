#include "hw_seal.h"

#include "hw_bytes.h"

#include <string.h>

enum { LOGIN = 0, UP = 1, DOWN = 2, PROOF = 3 };

static void draw(hw_hmac *hmac, uint8_t purpose, const hw_seal_terms *terms, uint8_t code[32]) {
  static const char NAME[] = "hirewire/hmac/1";
  const size_t slot_length = strlen(terms->slot);
  const uint8_t length = (uint8_t)slot_length;
  hw_hmac_begin(hmac, terms->secret);
  hw_hmac_take(hmac, &purpose, 1);
  hw_hmac_take(hmac, NAME, sizeof NAME - 1);
  hw_hmac_take(hmac, terms->gateway, 20);
  hw_hmac_take(hmac, terms->device, 20);
  hw_hmac_take(hmac, &length, 1);
  hw_hmac_take(hmac, terms->slot, slot_length);
  hw_hmac_take(hmac, terms->gateway_nonce, 32);
  hw_hmac_take(hmac, terms->board_nonce, 16);
  hw_hmac_end(hmac, code);
}

void hw_seal_open(hw_seal *seal, const hw_seal_terms *terms, uint8_t login_code[32]) {
  draw(&seal->saying, LOGIN, terms, login_code);
  draw(&seal->saying, UP, terms, seal->up);
  draw(&seal->saying, DOWN, terms, seal->down);
  seal->said = 0;
  seal->heard = 0;
}

static void begin(hw_hmac *hmac, const uint8_t key[32], uint32_t count, const char *topic) {
  uint8_t counter[4];
  hw_put_u32(counter, count);
  hw_hmac_begin(hmac, key);
  hw_hmac_take(hmac, counter, sizeof counter);
  hw_hmac_take(hmac, topic, strlen(topic) + 1);
}

static void end(hw_hmac *hmac, uint32_t count, uint8_t bytes[HW_SEAL_SIZE]) {
  uint8_t code[32];
  hw_hmac_end(hmac, code);
  hw_put_u32(bytes, count);
  memcpy(bytes + 4, code, 16);
}

void hw_seal_say(hw_seal *seal, const char *topic) {
  begin(&seal->saying, seal->up, ++seal->said, topic);
}

void hw_seal_say_bytes(hw_seal *seal, const void *bytes, size_t count) {
  hw_hmac_take(&seal->saying, bytes, count);
}

void hw_seal_said(hw_seal *seal, uint8_t bytes[HW_SEAL_SIZE]) {
  end(&seal->saying, seal->said, bytes);
}

void hw_seal_hear(hw_seal *seal, const char *topic) {
  begin(&seal->hearing, seal->down, ++seal->heard, topic);
}

void hw_seal_hear_bytes(hw_seal *seal, const void *bytes, size_t count) {
  hw_hmac_take(&seal->hearing, bytes, count);
}

bool hw_seal_heard(hw_seal *seal, const uint8_t bytes[HW_SEAL_SIZE]) {
  uint8_t right[HW_SEAL_SIZE];
  end(&seal->hearing, seal->heard, right);
  return hw_same_bytes(right, bytes, HW_SEAL_SIZE);
}

void hw_seal_proof(const uint8_t secret[32], const uint8_t gateway[20], const uint8_t device[20], uint8_t proof[32]) {
  static const uint8_t PURPOSE = PROOF;
  hw_hmac hmac;
  hw_hmac_begin(&hmac, secret);
  hw_hmac_take(&hmac, &PURPOSE, 1);
  hw_hmac_take(&hmac, gateway, 20);
  hw_hmac_take(&hmac, device, 20);
  hw_hmac_end(&hmac, proof);
}
