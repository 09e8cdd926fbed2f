/**
 * The sending half of selective repeat: bytes in, numbered payloads out, each repeated until acknowledged.
 *
 * A line keeps order, so loss can be proven: each transmission has a number, and the acknowledgement of one proves the
 * loss of all earlier ones that are not acknowledged. src/link/serial/send-window.ts does the same with more care.
 */
#ifndef HW_SEND_WINDOW_H
#define HW_SEND_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hw_frame.h"

/** Frames to hold until they are acknowledged: 1, 2, 4, 8 or 16. With HW_LINK_MTU it is how much may be queued. */
#ifndef HW_LINK_SEND_WINDOW
#define HW_LINK_SEND_WINDOW 8
#endif

/** First acknowledgement timeout in milliseconds, 20..1000, until round trips are measured. */
#ifndef HW_LINK_FIRST_TIMEOUT_MS
#define HW_LINK_FIRST_TIMEOUT_MS 300
#endif

#if HW_LINK_SEND_WINDOW < 1 || HW_LINK_SEND_WINDOW > 16 || (HW_LINK_SEND_WINDOW & (HW_LINK_SEND_WINDOW - 1)) != 0
#error "HW_LINK_SEND_WINDOW must be 1, 2, 4, 8 or 16"
#endif

/** One payload, from the first byte queued until its acknowledgement. */
typedef struct {
  /** Whether it was sent and the peer is not known to hold it. */
  bool is_out;
  /** Whether it was sent more than once. */
  bool is_repeated;
  /** Number of its newest transmission. */
  uint16_t sent_as;
  /** Low half of the time. */
  uint16_t sent_at;
  hw_payload payload;
} hw_flight;

/** All of one session; zeros are its beginning, but for `mtu`, `room` and `timeout`. */
typedef struct {
  /** Sequence number of the oldest flight. */
  uint8_t base;
  /** Flights sent at least once; flights in all. */
  uint8_t sent;
  uint8_t filled;
  /** Flights that the peer has room for, from `base` on. */
  uint8_t room;
  /** Largest payload that the peer takes. */
  uint8_t mtu;
  bool is_armed;
  /** Number of the newest transmission, and of the newest that counts as lost, with all before it. */
  uint16_t ordinal;
  uint16_t lost;
  /** How long to wait for an acknowledgement, in milliseconds. */
  uint16_t timeout;
  uint32_t repeat_at;
  /** A flight's place is its sequence number modulo the window. */
  hw_flight flights[HW_LINK_SEND_WINDOW];
} hw_send_window;

/** Queues bytes, as many as there is room for, and returns how many. */
size_t hw_send_window_put(hw_send_window *window, const uint8_t *bytes, size_t count);

/** The next flight to send, repetitions first; or NULL when there is nothing or no room. Sees to the timeout. */
const hw_flight *hw_send_window_next(hw_send_window *window, uint32_t now_ms);

/** Takes in a frame's acknowledgement fields; false when they acknowledge what was never sent. */
bool hw_send_window_acknowledge(hw_send_window *window, const uint8_t *frame, uint32_t now_ms);

#endif
