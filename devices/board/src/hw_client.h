/**
 * A board that hires: from the line to the answer, with either wallet.
 *
 * It logs in (or pairs, when it has no file and its wallet can), hears the terms, signs a voucher that covers the
 * order, offers it, hands over the bytes that the gateway asks for, takes the answer, pays an invoice that is right,
 * and pulls the output. What was promised is in the store before it is said, so that after a reboot the very same is
 * said again and nothing is paid twice. A program calls hw_client_take with what comes off the line and
 * hw_client_tick when it says so; the rest is events.
 */
#ifndef HW_CLIENT_H
#define HW_CLIENT_H

#include "hw_message.h"
#include "hw_mqtt.h"
#include "hw_platform.h"
#include "hw_saved.h"
#include "hw_wallet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes of the longest message that is written: an offer with its manifest has up to 1.3 KiB. */
#ifndef HW_CLIENT_MESSAGE
#define HW_CLIENT_MESSAGE 2048
#endif

/** Bytes of an output asked for at a time, 1..32768; the client holds as many. */
#ifndef HW_CLIENT_CHUNK
#define HW_CLIENT_CHUNK 512
#endif

/** Requests for bytes that wait for an answer; the gateway asks for at most four chunks of each blob at a time. */
#ifndef HW_CLIENT_ASKED
#define HW_CLIENT_ASKED 8
#endif

#if HW_CLIENT_MESSAGE < HW_FILE_SIZE || HW_CLIENT_MESSAGE < 1024
#error "HW_CLIENT_MESSAGE must hold a file, and an offer without a manifest"
#endif
#if HW_CLIENT_CHUNK < 1 || HW_CLIENT_CHUNK > 32768
#error "HW_CLIENT_CHUNK must be 1 to 32768"
#endif

typedef struct {
  /** Who the board is where it has no file yet: letters, digits and _.:- , 1 to 64 of them each. */
  const char *manufacturer;
  const char *serial_number;
  const char *model;
  /** 1 to 16 letters and digits: tells the device's connections apart. */
  const char *slot;
  /**
   * Most atomic units that may be with the gateway unspent; 0: no limit. An order that would take more is refused as
   * `exposure_limit`. What was spent before the board started is taken at the gateway's word; from then on it takes a
   * receipt. An own wallet signs no more than its orders add up to, whatever this is.
   */
  uint64_t exposure_limit;
} hw_client_options;

/** One piece of work to be done. Texts must stay where they are until the order is done. */
typedef struct {
  uint8_t firmware[32];
  uint8_t input[32];
  uint32_t firmware_bytes;
  uint32_t input_bytes;
  /** Most that the run may cost, and what is set aside for second opinions, atomic units. */
  uint64_t max_price;
  uint64_t check_budget;
  uint64_t fuel_limit;
  /** How long after it is offered the answer is due, milliseconds. */
  uint32_t due_ms;
  uint16_t memory_mib;
  /** Paid against an invoice and not beforehand. */
  bool is_on_result;
  /** `task/1` or `wasi-stdio/1`. */
  const char *profile;
  /** The manifest's JSON text, or NULL. */
  const char *manifest;
  size_t manifest_length;
} hw_order;

typedef struct {
  void *context;
  /** A pairing file has come and is saved; the gateway is being told. */
  void (*paired)(void *context);
  /** The terms are here: after a login, and again whenever the lane has changed. */
  void (*ready)(void *context, const hw_terms *terms);
  /** The gateway has the order: its task, 16 bytes. */
  void (*offered)(void *context, const uint8_t task[16]);
  /** An invoice was right and is paid: its price, and all that is now signed, atomic units. */
  void (*invoice_paid)(void *context, uint64_t price, uint64_t total);
  /**
   * The order has ended. `is_proven`: a receipt came that fits. After a reboot it may be told once more, until `done`.
   */
  void (*answered)(void *context, const hw_answer *answer, bool is_proven);
  /** Bytes of the output, in order from its start; whether they are right shows at the end. */
  void (*output)(void *context, uint32_t offset, const uint8_t *bytes, size_t count);
  /** All of the output came, and it has the hash that was paid for or not. */
  void (*output_end)(void *context, bool is_whole);
  /** The order is closed, also in the store; the next one may be given. */
  void (*done)(void *context);
  /**
   * Something was refused: by the gateway, with its code, or here before anything was signed, with the code that the
   * gateway would give. Where it has ended the order, `done` follows. `wrong_invoice`, `wrong_answer`: the gateway is
   * not to be trusted.
   */
  void (*refused)(void *context, const char *code, const char *hint);
} hw_client_events;

/** A request of the gateway's for bytes of the open order. */
typedef struct {
  uint32_t offset;
  /** 1..32768; 0: this place is free. */
  uint32_t length;
  bool is_input;
} hw_asked;

/** What goes out while it is made: a chunk of a blob, between the head in `message` and the end of its object. */
typedef struct {
  const uint8_t *hash;
  uint32_t offset;
  uint32_t left;
  uint32_t head_length;
  uint32_t head_at;
  uint8_t step;
  uint8_t piece_at;
  uint8_t piece_length;
  uint8_t piece[64];
} hw_chunk;

/** A client; nothing in it is anybody else's business. */
typedef struct {
  const hw_platform *platform;
  hw_client_options options;
  hw_client_events events;
  hw_mqtt_events mqtt_events;
  hw_mqtt mqtt;
  uint32_t now;

  /** Who it is, what it can pay with, and what must survive a power cut. */
  hw_file file;
  hw_wallet wallet;
  hw_boot boot;
  hw_saved saved;
  bool has_file;
  bool is_pairing;
  uint8_t task[16];

  /** The session: where it stands, when its next step is overdue, and what it says and hears. */
  uint8_t state;
  uint32_t sessions;
  uint32_t state_at;
  uint32_t login_pause;
  bool is_saying;
  /** The challenge is here, and waits until what asked for it is acknowledged. */
  bool is_challenged;
  hw_challenge challenge;
  bool is_hearing_sealed;
  bool is_hearing_text;
  hw_reads reads;
  uint32_t body_left;
  uint8_t seal_count;
  uint8_t seal_bytes[HW_SEAL_SIZE];
  hw_reader reader;
  hw_message in;
  char client_id[136];
  char username[43];
  char topic[160];
  char message[HW_CLIENT_MESSAGE];
  hw_chunk chunk;

  /** The lane as the gateway tells it, and what may be drawn on. */
  hw_terms terms;
  bool has_terms;
  bool is_based;
  uint32_t terms_at;
  uint64_t free;
  uint64_t confirmed;
  uint64_t explained;
  /** More was signed than the store knows, which is older: the open order may be what it was for. */
  bool has_forgotten;

  /** The order in hand. */
  hw_order order;
  hw_receipt receipt;
  bool has_order;
  bool has_receipt;
  bool is_acked;
  bool is_waiting_told;
  /** The voucher, or the offer, is to be said; it was said at `said_at` and is not answered. */
  bool is_voucher_due;
  bool is_offer_due;
  bool is_answer_awaited;
  uint32_t said_at;

  /** Bytes on their way out and in. */
  hw_asked asked[HW_CLIENT_ASKED];
  bool is_pulling;
  bool is_get_due;
  uint8_t silences;
  uint32_t got_at;
  uint32_t output_offset;
  uint32_t output_total;
  uint8_t output_hash[32];
  hw_sha256 output_sha;
  uint8_t output_chunk[HW_CLIENT_CHUNK];
} hw_client;

/**
 * Starts: reads the store, counts the boot, and begins to ask for a session on the line. `events` and `options` are
 * copied; the texts they point to, and `platform`, must stay. False, and nothing is started, when the names or the
 * slot are too long, when the file is not for this wallet, or there is none and the wallet cannot pair, and when the
 * store is damaged or another build's, or takes nothing.
 */
bool hw_client_start(hw_client *client, const hw_platform *platform, const hw_client_options *options,
                     const hw_client_events *events);

/** Takes bytes off the line, any number, cut anywhere. Not from an event. */
void hw_client_take(hw_client *client, const uint8_t *bytes, size_t count);

/** Does what is due; milliseconds until it wants to be called again, unless bytes come before. Not from an event. */
uint32_t hw_client_tick(hw_client *client);

/**
 * The number of the job that is due, from 0: the open order's, also after a reboot, or that of the next one. It grows
 * by one with each `done`.
 */
uint32_t hw_client_job(const hw_client *client);

/**
 * Has one piece of work done, now or as soon as there are terms. After a reboot, give the order of hw_client_job
 * again: one that is open goes on as it was offered. False while another one is open: nothing has happened then. May
 * be called from an event; from elsewhere, call hw_client_tick before sleeping.
 */
bool hw_client_hire(hw_client *client, const hw_order *order);

#ifdef __cplusplus
}
#endif

#endif
