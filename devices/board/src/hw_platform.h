/**
 * What the library needs of the board it runs on: a clock, a line, a little store, and the bytes that it may be asked
 * for.
 *
 * Nothing here is called from an interrupt, and nothing is called again before it has returned.
 */
#ifndef HW_PLATFORM_H
#define HW_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The pairing file or the connection file: JSON text of at most HW_FILE_SIZE bytes. */
#define HW_SLOT_FILE 0u
/**
 * The open order and the totals that were signed: binary, written before anything is said that they stand for. Without
 * it the next order is the first again, and the total is what the gateway can prove.
 */
#define HW_SLOT_ORDER 1u
/**
 * How often the board has started: binary. Erase it together with the file, never alone: a kept wallet's session is
 * told from those before by this count.
 */
#define HW_SLOT_BOOT 2u

/** Most bytes of the pairing file or the connection file. */
#ifndef HW_FILE_SIZE
#define HW_FILE_SIZE 1024
#endif

typedef struct {
  void *context;
  /** Milliseconds since some moment, rising; wraps at 2^32. */
  uint32_t (*now_ms)(void *context);
  /** Puts bytes on the line; may block until there is room. */
  void (*write)(void *context, const uint8_t *bytes, size_t count);
  /**
   * Reads what was last saved in a slot into `bytes`: its length, or -1 where there is nothing or it is longer than
   * `size`.
   */
  int32_t (*load)(void *context, uint8_t slot, void *bytes, size_t size);
  /**
   * Keeps bytes in a slot: when it returns true they outlive a power cut. After a power cut in the middle the slot
   * has the old bytes or the new ones, never a mixture.
   */
  bool (*save)(void *context, uint8_t slot, const void *bytes, size_t length);
  /** One line for whoever watches the console, without its end; may be NULL. No secret is ever in it. */
  void (*log)(void *context, const char *text);
  /**
   * Reads bytes of task firmware or an input by their SHA-256, from flash: how many were read, `count` unless the
   * blob ends before or is not here.
   */
  size_t (*read_blob)(void *context, const uint8_t hash[32], uint32_t offset, uint8_t *bytes, size_t count);
} hw_platform;

#ifdef __cplusplus
}
#endif

#endif
