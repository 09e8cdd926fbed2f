/** The wallet of a board whose key the gateway keeps: a secret shared with it, and no curve. */
#if !(defined(ARDUINO) && defined(HW_WALLET_OWN))

#include "hw_wallet.h"

#include "hw_bytes.h"

#include <string.h>

bool hw_wallet_is_kept(void) {
  return true;
}

bool hw_wallet_open(hw_wallet *wallet, const hw_file *file) {
  if (hw_is_zero(file->secret, sizeof file->secret)) return false;
  memcpy(wallet->secret, file->secret, sizeof wallet->secret);
  memcpy(wallet->address, file->device, sizeof wallet->address);
  return true;
}

static char *put_hex(char *text, const uint8_t *bytes, size_t count) {
  hw_hex_write(bytes, count, text);
  return text + 2 * count;
}

bool hw_wallet_login(hw_wallet *wallet, const hw_login *login, char token[HW_TOKEN_SIZE]) {
  uint8_t code[32];
  const hw_seal_terms terms = {
      .secret = wallet->secret,
      .gateway = login->market->gateway,
      .device = wallet->address,
      .slot = login->slot,
      .gateway_nonce = login->gateway_nonce,
      .board_nonce = login->board_nonce,
  };
  hw_seal_open(&wallet->seal, &terms, code);
  memcpy(token, "h1.", 3);
  char *end = put_hex(token + 3, login->board_nonce, 16);
  *end++ = '.';
  end = put_hex(end, login->gateway_nonce, 32);
  *end++ = '.';
  end = put_hex(end, code, 32);
  *end = 0;
  return true;
}

hw_seal *hw_wallet_seal(hw_wallet *wallet) {
  return &wallet->seal;
}

bool hw_wallet_sign(hw_wallet *wallet, const uint8_t digest[32], uint8_t signature[65]) {
  (void)wallet;
  (void)digest;
  (void)signature;
  return false;
}

bool hw_wallet_is_signed_by(const uint8_t account[20], const uint8_t digest[32], const uint8_t signature[65]) {
  (void)account;
  (void)digest;
  (void)signature;
  return true;
}

#endif
