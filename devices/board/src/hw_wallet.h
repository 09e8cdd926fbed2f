/**
 * What lets a board pay: one header, two implementations, of which a program links one.
 *
 * hw_wallet_own.c: the board holds the key and signs by EIP-712. hw_wallet_kept.c: the gateway holds the key and
 * signs what the board says, within a cap; the board holds a secret, logs in by HMAC-SHA-256 and seals all that it
 * says.
 */
#ifndef HW_WALLET_H
#define HW_WALLET_H

#include "hw_eip712.h"
#include "hw_message.h"
#include "hw_seal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Room for a login token of either wallet, its terminating zero included. */
#define HW_TOKEN_SIZE 256

/** What a login is made of besides the wallet. */
typedef struct {
  const hw_market *market;
  /** 1 to 16 letters and digits: tells the device's connections apart. */
  const char *slot;
  /** Of the challenge: gateway time, milliseconds since 1970. */
  uint64_t time;
  /** Of the challenge. */
  uint8_t gateway_nonce[32];
  /** Never the same twice for one secret; the own wallet does not use it. */
  uint8_t board_nonce[16];
} hw_login;

typedef struct {
  uint8_t address[20];
  /** The private key, or the secret shared with the gateway. */
  uint8_t secret[32];
  /** Of the kept wallet's session; idle in the own one. */
  hw_seal seal;
} hw_wallet;

/** Whether the gateway keeps the key: such a wallet pairs when it has no file yet, and what it says is signed there. */
bool hw_wallet_is_kept(void);

/**
 * Opens the wallet that a file describes: the connection file with its key for the own one, the pairing file with its
 * secret for the kept one. False when the file is for the other, or its key is none.
 */
bool hw_wallet_open(hw_wallet *wallet, const hw_file *file);

/** Writes the token that answers a challenge, with a terminating zero; false when it cannot be signed. */
bool hw_wallet_login(hw_wallet *wallet, const hw_login *login, char token[HW_TOKEN_SIZE]);

/** What seals the session that was last logged in to, or NULL where messages are signed one by one. */
hw_seal *hw_wallet_seal(hw_wallet *wallet);

/**
 * Signs a digest: r, s (low), v (27 or 28), the same for the same digest (RFC 6979). False where the gateway signs: the
 * message then goes out without a signature.
 */
bool hw_wallet_sign(hw_wallet *wallet, const uint8_t digest[32], uint8_t signature[65]);

/** Whether the account signed the digest. A kept wallet takes its sealed session's word for it. */
bool hw_wallet_is_signed_by(const uint8_t account[20], const uint8_t digest[32], const uint8_t signature[65]);

#ifdef __cplusplus
}
#endif

#endif
