/** The receiving half of selective repeat: holds the frames that came before the one that is next in order. */
#ifndef HW_RECEIVE_WINDOW_H
#define HW_RECEIVE_WINDOW_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "hw_frame.h"

/** Frames to receive out of order, 1..16. The gateway never has more than this under way. */
#ifndef HW_LINK_WINDOW
#define HW_LINK_WINDOW 8
#endif

#if HW_LINK_WINDOW < 1 || HW_LINK_WINDOW > HW_FRAME_WINDOW_LIMIT
#error "HW_LINK_WINDOW must be 1..16"
#endif

/** A frame's slot is its sequence number modulo this: sequence numbers wrap around at a power of two. */
#if HW_LINK_WINDOW > 8
#define HW_RECEIVE_SLOTS 16
#elif HW_LINK_WINDOW > 4
#define HW_RECEIVE_SLOTS 8
#elif HW_LINK_WINDOW > 2
#define HW_RECEIVE_SLOTS 4
#else
#define HW_RECEIVE_SLOTS HW_LINK_WINDOW
#endif

/** A frame's payload. */
typedef struct {
  uint8_t length;
  uint8_t bytes[HW_LINK_MTU];
} hw_received;

/** All of one session; zeros are its beginning. */
typedef struct {
  /** The next sequence number wanted. */
  uint8_t wanted;
  /** Bit i: the frame `wanted + i` is here. */
  uint16_t here;
  hw_received slots[HW_RECEIVE_SLOTS];
} hw_receive_window;

/** Keeps the payload of a data frame of `count` bytes, its check included; false when it is here already or too far. */
static inline bool hw_receive_window_accept(hw_receive_window *window, const uint8_t *frame, uint8_t count) {
  const uint8_t sequence = frame[HW_FRAME_SEQUENCE];
  const uint8_t ahead = (uint8_t)(sequence - window->wanted);
  if (ahead >= HW_LINK_WINDOW || (window->here >> ahead & 1) != 0) return false;
  window->here = (uint16_t)(window->here | 1u << ahead);
  hw_received *slot = &window->slots[sequence % HW_RECEIVE_SLOTS];
  slot->length = (uint8_t)(count - HW_FRAME_PAYLOAD - HW_FRAME_CHECK_BYTES);
  memcpy(slot->bytes, frame + HW_FRAME_PAYLOAD, slot->length);
  return true;
}

/** Removes and returns what is next in order, or NULL when that is not here; valid until the next accept. */
static inline const hw_received *hw_receive_window_take(hw_receive_window *window) {
  if ((window->here & 1) == 0) return NULL;
  window->here >>= 1;
  return &window->slots[window->wanted++ % HW_RECEIVE_SLOTS];
}

#endif
