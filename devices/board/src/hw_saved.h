/** What a board keeps over a power cut: what it has signed, and the order that is open. */
#ifndef HW_SAVED_H
#define HW_SAVED_H

#include "hw_eip712.h"
#include "hw_platform.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Change with the layouts: no client starts on what a build with another one has saved. */
#define HW_SAVED_FORMAT 0x48570002u
#define HW_BOOT_FORMAT 0x48420001u

/** What every record begins with. */
typedef struct {
  uint32_t format;
  /** CRC-32 of the record in which this is zero: what money depends on is not read out of a store that decays. */
  uint32_t check;
} hw_saved_head;

/** What was in a slot. */
typedef enum {
  HW_SAVED_NOTHING,
  /** Another build's, or damaged: nothing in the record is to be used. */
  HW_SAVED_UNREADABLE,
  HW_SAVED_WHOLE
} hw_saved_found;

typedef enum {
  /** No order is open. */
  HW_SAVED_IDLE,
  /** An order may be with the gateway; whatever it needs is signed. */
  HW_SAVED_OPEN,
  /** Its invoice is signed for. */
  HW_SAVED_PAID
} hw_saved_state;

/** In HW_SLOT_ORDER. */
typedef struct {
  hw_saved_head head;
  /** The number of the order that is open, or of the next one. */
  uint32_t job;
  /** Whose totals these are. */
  uint8_t gateway[20];
  uint8_t device[20];
  /** The lane's life, and all that was ever signed in it, atomic units. */
  uint32_t epoch;
  uint32_t state;
  uint64_t total;
  hw_offer offer;
  /** Of an order that is paid on result: what its answer has to be. */
  hw_invoice invoice;
} hw_saved;

/** In HW_SLOT_BOOT. */
typedef struct {
  hw_saved_head head;
  uint32_t boots;
  /** A login with the file that is here has succeeded. */
  uint32_t is_confirmed;
} hw_boot;

/** Saves a record of `size` bytes, its head included; false when the store did not take it. */
bool hw_saved_keep(const hw_platform *platform, uint8_t slot, hw_saved_head *record, uint32_t format, size_t size);

/** Reads a record of `size` bytes, its head included. */
hw_saved_found hw_saved_take(const hw_platform *platform, uint8_t slot, hw_saved_head *record, uint32_t format,
                             size_t size);

#ifdef __cplusplus
}
#endif

#endif
