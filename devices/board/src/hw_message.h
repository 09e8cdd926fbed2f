/**
 * The messages between a board and its gateway: read while they come, into structs of a fixed size, and written.
 *
 * What a reader is not told to expect it skips; a member of another type than the protocol's, a number or an amount
 * above 2^64 - 1, and a member that is missing make the message unreadable. Bytes are hexadecimal on the wire.
 */
#ifndef HW_MESSAGE_H
#define HW_MESSAGE_H

#include "hw_eip712.h"
#include "hw_hex.h"
#include "hw_json.h"
#include "hw_text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if HW_JSON_TEXT < 132
#error "HW_JSON_TEXT must hold a signature: 0x and 130 digits"
#endif

/** Bytes of a name that is a topic level, its terminating zero included. */
#define HW_NAME_SIZE 65
/** Bytes of the longest path of a member, `terms.lane.voucher.cumulative` being the longest that is read. */
#define HW_PATH_SIZE 48

/** The pairing file or the connection file. */
typedef struct {
  char manufacturer[HW_NAME_SIZE];
  char serial_number[HW_NAME_SIZE];
  hw_market market;
  /** In the pairing file: the device's address and the secret shared with the gateway. */
  uint8_t device[20];
  uint8_t secret[32];
  /** In the connection file: the device's private key. Whichever is not there is zero. */
  uint8_t key[32];
} hw_file;

typedef struct {
  uint8_t nonce[32];
  uint64_t time;
} hw_challenge;

/** How the lane from the device to the gateway stands. Amounts in atomic units. */
typedef struct {
  uint32_t epoch;
  uint64_t deposit;
  uint64_t total;
  uint64_t settled;
  /** Unix seconds; 0 while it is open. */
  uint64_t close_at;
  uint64_t credit;
  uint64_t held;
  uint64_t owed;
  /** The newest voucher's total and signature, all zero while there is none. */
  hw_voucher voucher;
  uint8_t voucher_signature[65];
} hw_lane;

/** What a device is told before it signs anything. */
typedef struct {
  /** Gateway time, milliseconds since 1970; 0: these are no terms. */
  uint64_t time;
  hw_market market;
  uint8_t costs[32];
  uint64_t max_fuel;
  uint16_t meter;
  hw_lane lane;
} hw_terms;

typedef struct {
  /** The id of the command that is taken; of terms, the nonce of the login without 0x. */
  char id[66];
  /** Zero where it is not about a task. */
  uint8_t task[16];
  hw_terms terms;
} hw_ack;

typedef struct {
  char id[66];
  char topic[16];
  char code[32];
  /** Cut where it is longer. */
  char hint[96];
} hw_refusal;

/** How a task has ended. */
typedef struct {
  uint8_t task[16];
  char state[12];
  /** Cut where it is longer. */
  char reason[64];
  /** Empty where no run was paid for. */
  char verdict[HW_VERDICT_SIZE];
  /** Zero where there is none. */
  uint8_t output[32];
  uint32_t output_bytes;
  uint64_t fuel;
  /** Opens the invoice; zero for a prepaid task. */
  uint8_t salt[32];
  uint64_t spent;
  uint64_t credit;
  /** Zero where nobody ran it. */
  uint8_t provider[20];
} hw_answer;

typedef struct {
  char from[8];
  uint8_t hash[32];
  uint32_t offset;
  uint32_t length;
} hw_blob_get;

typedef struct {
  char from[8];
  uint8_t hash[32];
  uint32_t offset;
  uint32_t total;
  /** How many bytes came; those that fit are where the reader was told to put them. */
  uint32_t count;
} hw_blob_data;

/** One message that came down, or a file. */
typedef union {
  hw_file file;
  hw_challenge challenge;
  hw_ack ack;
  hw_refusal refusal;
  hw_answer answer;
  hw_invoice invoice;
  hw_receipt receipt;
  hw_blob_get blob_get;
  hw_blob_data blob_data;
} hw_message;

/** What is read of a message: the last level of its topic, or a file. */
typedef enum {
  HW_READS_NOTHING,
  HW_READS_FILE,
  HW_READS_CHALLENGE,
  HW_READS_ACK,
  HW_READS_REFUSAL,
  HW_READS_ANSWER,
  HW_READS_INVOICE,
  HW_READS_RECEIPT,
  HW_READS_BLOB_GET,
  HW_READS_BLOB_DATA
} hw_reads;

typedef struct {
  hw_json json;
  hw_message *message;
  hw_reads reads;
  /** Where a blob's bytes go. */
  uint8_t *bytes;
  uint32_t bytes_size;
  hw_base64 base64;
  /** The fields that came, by their place in the table. */
  uint32_t seen;
  bool is_bad;
  /** More parts of a string have come than the first. */
  bool is_long;
  uint8_t path_length;
  uint8_t opened[HW_JSON_DEPTH + 1];
  char path[HW_PATH_SIZE];
} hw_reader;

/** Which message comes on a topic, by its last level; HW_READS_NOTHING for one that a requester need not read. */
hw_reads hw_reads_of(const char *level);

/**
 * Begins to read a message into `message`.
 *
 * @param bytes - where a blob's bytes go, `bytes_size` of them; NULL and 0 where none are expected
 */
void hw_reader_begin(hw_reader *reader, hw_reads reads, hw_message *message, uint8_t *bytes, uint32_t bytes_size);

/** Takes more of the message. */
void hw_reader_feed(hw_reader *reader, const void *bytes, size_t count);

/** Ends the message: whether it was whole and right. */
bool hw_reader_end(hw_reader *reader);

/** `login`: asks for a challenge, or answers it with a token. */
void hw_write_login(hw_text *text, const uint8_t device[20], const char *slot, const char *token);

/** `pair`: a board without a file says who it is; `proof` of 32 bytes, or NULL. */
void hw_write_pair(hw_text *text, const char *manufacturer, const char *serial_number, const char *model,
                   const uint8_t *proof);

/** `voucher`: signed, or a draft when `signature` is NULL. */
void hw_write_voucher(hw_text *text, const char *id, const hw_market *market, const hw_voucher *voucher,
                      const uint8_t *signature);

/** `offer`: signed, or a draft when `signature` is NULL; `manifest` is JSON text, or NULL. */
void hw_write_offer(hw_text *text, const hw_offer *offer, const char *manifest, size_t manifest_length,
                    const uint8_t *signature);

/** `blob-get`: asks for bytes. */
void hw_write_blob_get(hw_text *text, const uint8_t hash[32], uint32_t offset, uint32_t length);

/** `blob-data` up to its bytes, which follow in base64; then comes `"}`. */
void hw_write_blob_data(hw_text *text, const uint8_t hash[32], uint32_t offset, uint32_t total);

#ifdef __cplusplus
}
#endif

#endif
