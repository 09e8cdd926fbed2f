/**
 * What is signed: EIP-712 digests, keccak256(0x1901, domain separator, hashStruct).
 *
 * The domain binds a signature to one chain and vault; a struct that opens something names the gateway as well.
 */
#ifndef HW_EIP712_H
#define HW_EIP712_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes of a verdict, `out-of-fuel` being the longest, its terminating zero included. */
#define HW_VERDICT_SIZE 12
/** Bytes of a command's id, its terminating zero included. */
#define HW_ID_SIZE 41

/** What signatures are bound to. */
typedef struct {
  uint64_t chain_id;
  uint8_t vault[20];
  uint8_t gateway[20];
  uint8_t token[20];
} hw_market;

/** An offer as it is signed and sent; amounts in atomic units, `deadline` in milliseconds since 1970. */
typedef struct {
  char id[HW_ID_SIZE];
  char profile[16];
  uint8_t firmware[32];
  uint8_t input[32];
  uint8_t costs[32];
  uint32_t firmware_bytes;
  uint32_t input_bytes;
  uint64_t max_price;
  uint64_t check_budget;
  uint64_t deadline;
  uint64_t fuel_limit;
  uint16_t memory_mib;
  uint16_t meter;
  bool is_on_result;
} hw_offer;

/** All that the payee may have taken from a lane, in one of its lives. */
typedef struct {
  uint32_t epoch;
  uint64_t cumulative;
} hw_voucher;

/** What an on-result task costs; the output is told once it is paid. */
typedef struct {
  uint8_t task[16];
  uint8_t provider[20];
  uint8_t award[32];
  uint8_t accept[65];
  char verdict[HW_VERDICT_SIZE];
  uint64_t fuel;
  uint64_t rate;
  uint8_t salted_output[32];
  uint32_t output_bytes;
  uint64_t price;
  uint64_t fee;
  uint64_t checks;
  uint64_t due;
  uint8_t signature[65];
} hw_invoice;

/** What the gateway signs for both parties at a payment; the output is zero where there is none. */
typedef struct {
  uint8_t task[16];
  uint8_t requester[20];
  uint8_t provider[20];
  uint8_t firmware[32];
  uint8_t input[32];
  char verdict[HW_VERDICT_SIZE];
  uint8_t output[32];
  uint32_t meter;
  uint8_t costs[32];
  uint64_t fuel;
  uint64_t rate;
  uint64_t price;
  uint64_t fee;
  uint64_t checks;
  uint8_t signature[65];
} hw_receipt;

/** What a device signs to log in: for how long, and the gateway's nonce; times in milliseconds since 1970. */
typedef struct {
  const char *client_id;
  uint64_t issued;
  uint64_t expires;
  const uint8_t *nonce;
} hw_connect;

/** What a requester signs to offer. The first 16 bytes are the task's id. */
void hw_offer_digest(const hw_market *market, const uint8_t requester[20], const hw_offer *offer, uint8_t digest[32]);

/** What a payer signs of its lane to the market's gateway. */
void hw_voucher_digest(const hw_market *market, const hw_voucher *voucher, uint8_t digest[32]);

/** What a device signs to log in. */
void hw_connect_digest(const hw_market *market, const hw_connect *connect, uint8_t digest[32]);

/** What the gateway signs to ask for the price of an on-result task. */
void hw_invoice_digest(const hw_market *market, const uint8_t requester[20], const hw_invoice *invoice,
                       uint8_t digest[32]);

/** What a provider signs to accept an award. */
void hw_accept_digest(const hw_market *market, const uint8_t award[32], uint8_t digest[32]);

/** What the gateway signs at a payment. */
void hw_receipt_digest(const hw_market *market, const hw_receipt *receipt, uint8_t digest[32]);

#ifdef __cplusplus
}
#endif

#endif
