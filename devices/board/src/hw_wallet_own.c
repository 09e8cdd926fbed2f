/** The wallet of a board that holds its own key: signatures by libsecp256k1, which Debian holds the source of. */
#if !defined(ARDUINO) || defined(HW_WALLET_OWN)

#include "hw_wallet.h"

#include "hw_bytes.h"
#include "hw_keccak.h"

#include <secp256k1.h>
#include <secp256k1_preallocated.h>
#include <secp256k1_recovery.h>
#include <string.h>

/** Bytes of the library's context; it says how many it wants when it is opened. */
#ifndef HW_WALLET_CONTEXT
#define HW_WALLET_CONTEXT 512
#endif

/** How long a login token is good for, milliseconds: at most ten minutes are taken. */
#define TOKEN_LIFE_MS 60000u

/** One for all wallets of a program: it holds tables and a blinding value, and no key. */
static union {
  uint64_t alignment;
  uint8_t bytes[HW_WALLET_CONTEXT];
} memory;
static secp256k1_context *context;

/* called by libsecp256k1 built with USE_EXTERNAL_DEFAULT_CALLBACKS: by our own mistake, never for what comes in */
void secp256k1_default_illegal_callback_fn(const char *message, void *unused);
void secp256k1_default_error_callback_fn(const char *message, void *unused);

void secp256k1_default_illegal_callback_fn(const char *message, void *unused) {
  (void)message;
  (void)unused;
  for (;;) continue;
}

void secp256k1_default_error_callback_fn(const char *message, void *unused) {
  secp256k1_default_illegal_callback_fn(message, unused);
}

bool hw_wallet_is_kept(void) {
  return false;
}

/** The last 20 bytes of the hash of a point without its first byte. */
static bool address_of(const secp256k1_pubkey *key, uint8_t address[20]) {
  uint8_t point[65];
  uint8_t hash[32];
  size_t length = sizeof point;
  if (!secp256k1_ec_pubkey_serialize(context, point, &length, key, SECP256K1_EC_UNCOMPRESSED)) return false;
  hw_keccak_of(point + 1, 64, hash);
  memcpy(address, hash + 12, 20);
  return true;
}

static bool open_context(void) {
  if (context != NULL) return true;
  if (secp256k1_context_preallocated_size(SECP256K1_CONTEXT_NONE) > sizeof memory) return false;
  context = secp256k1_context_preallocated_create(&memory, SECP256K1_CONTEXT_NONE);
  return context != NULL;
}

bool hw_wallet_open(hw_wallet *wallet, const hw_file *file) {
  secp256k1_pubkey key;
  uint8_t seed[32];
  if (!open_context() || !secp256k1_ec_seckey_verify(context, file->key)) return false;
  memcpy(wallet->secret, file->key, sizeof wallet->secret);
  /* blinds what a probe sees of the key; no signature depends on it */
  hw_keccak_of(wallet->secret, sizeof wallet->secret, seed);
  if (!secp256k1_context_randomize(context, seed)) return false;
  return secp256k1_ec_pubkey_create(context, &key, wallet->secret) && address_of(&key, wallet->address);
}

bool hw_wallet_sign(hw_wallet *wallet, const uint8_t digest[32], uint8_t signature[65]) {
  secp256k1_ecdsa_recoverable_signature made;
  int recovery = 0;
  if (!secp256k1_ecdsa_sign_recoverable(context, &made, digest, wallet->secret, NULL, NULL)) return false;
  secp256k1_ecdsa_recoverable_signature_serialize_compact(context, signature, &recovery, &made);
  signature[64] = (uint8_t)(27 + recovery);
  return recovery < 2;
}

bool hw_wallet_is_signed_by(const uint8_t account[20], const uint8_t digest[32], const uint8_t signature[65]) {
  secp256k1_ecdsa_recoverable_signature given;
  secp256k1_ecdsa_signature plain;
  secp256k1_pubkey key;
  uint8_t address[20];
  if (!open_context() || (signature[64] != 27 && signature[64] != 28)) return false;
  const int recovery = signature[64] - 27;
  if (!secp256k1_ecdsa_recoverable_signature_parse_compact(context, &given, signature, recovery)) return false;
  if (!secp256k1_ecdsa_recoverable_signature_convert(context, &plain, &given)) return false;
  /* a high s is somebody's twist of a signature, which the contract does not take */
  if (secp256k1_ecdsa_signature_normalize(context, NULL, &plain)) return false;
  if (!secp256k1_ecdsa_recover(context, &key, &given, digest)) return false;
  return address_of(&key, address) && memcmp(address, account, sizeof address) == 0;
}

static void put_client_id(char *text, const uint8_t address[20], const char *slot) {
  memcpy(text, "0x", 2);
  hw_hex_write(address, 20, text + 2);
  text[42] = '-';
  strcpy(text + 43, slot);
}

bool hw_wallet_login(hw_wallet *wallet, const hw_login *login, char token[HW_TOKEN_SIZE]) {
  char client_id[43 + 17];
  uint8_t digest[32];
  uint8_t signature[65];
  if (strlen(login->slot) > 16) return false;
  put_client_id(client_id, wallet->address, login->slot);
  const hw_connect connect = {
      .client_id = client_id,
      .issued = login->time,
      .expires = login->time + TOKEN_LIFE_MS,
      .nonce = login->gateway_nonce,
  };
  hw_connect_digest(login->market, &connect, digest);
  if (!hw_wallet_sign(wallet, digest, signature)) return false;
  memcpy(token, "v1.", 3);
  size_t length = 3;
  length += hw_decimal_write(connect.issued, token + length);
  token[length++] = '.';
  length += hw_decimal_write(connect.expires, token + length);
  token[length++] = '.';
  hw_hex_write(connect.nonce, 32, token + length);
  length += 64;
  token[length++] = '.';
  hw_hex_write(signature, sizeof signature, token + length);
  token[length + 130] = 0;
  return true;
}

hw_seal *hw_wallet_seal(hw_wallet *wallet) {
  (void)wallet;
  return NULL;
}

#endif
