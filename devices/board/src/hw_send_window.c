#include "hw_send_window.h"

#include "hw_compiler.h"
#include "hw_time.h"

/* On top of twice the newest round trip: UARTs behind USB deliver in bursts. */
#define SLACK_MS 20
#define LONGEST_TIMEOUT_MS 1000

static HW_NOINLINE hw_flight *flight_at(hw_send_window *window, unsigned sequence) {
  return &window->flights[sequence % HW_LINK_SEND_WINDOW];
}

static bool is_later(uint16_t a, uint16_t b) { return (int16_t)(uint16_t)(a - b) > 0; }

static void set_timeout(hw_send_window *window, uint32_t ms) {
  window->timeout = (uint16_t)(ms < LONGEST_TIMEOUT_MS ? ms : LONGEST_TIMEOUT_MS);
}

/* Whatever was last sent as this transmission or an earlier one, and is still out, is repeated. */
static HW_NOINLINE void condemn(hw_send_window *window, uint16_t newest) {
  window->is_armed = false;
  if (is_later(newest, window->lost)) window->lost = newest;
}

size_t hw_send_window_put(hw_send_window *window, const uint8_t *bytes, size_t count) {
  size_t taken = 0;
  for (; taken < count; taken++) {
    unsigned sequence = (unsigned)window->base + window->filled - 1;
    hw_flight *flight = flight_at(window, sequence);
    if (window->filled == window->sent || flight->payload.length == window->mtu) {
      if (window->filled == HW_LINK_SEND_WINDOW) break;
      window->filled++;
      flight = flight_at(window, ++sequence);
      flight->payload.sequence = (uint8_t)sequence;
      flight->payload.length = 0;
    }
    flight->payload.bytes[flight->payload.length++] = bytes[taken];
  }
  return taken;
}

static hw_flight *chosen(hw_send_window *window) {
  for (uint8_t i = 0; i < HW_LINK_SEND_WINDOW; i++) {
    hw_flight *flight = &window->flights[i];
    if (flight->is_out && !is_later(flight->sent_as, window->lost)) return flight;
  }
  if (window->sent == window->filled || window->sent >= window->room) return NULL;
  return flight_at(window, (unsigned)window->base + window->sent++);
}

const hw_flight *hw_send_window_next(hw_send_window *window, uint32_t now_ms) {
  if (window->is_armed && hw_is_past(now_ms, window->repeat_at)) {
    set_timeout(window, 2u * window->timeout);
    /* Everything that the peer is not known to hold. */
    condemn(window, window->ordinal);
  }
  hw_flight *flight = chosen(window);
  if (flight != NULL) {
    flight->is_repeated = flight->is_out;
    flight->is_out = true;
    flight->sent_as = ++window->ordinal;
    flight->sent_at = (uint16_t)now_ms;
  } else if (!window->is_armed && window->sent > 0) {
    window->is_armed = true;
    window->repeat_at = now_ms + window->timeout;
  }
  return flight;
}

bool hw_send_window_acknowledge(hw_send_window *window, const uint8_t *frame, uint32_t now_ms) {
  const uint8_t count = (uint8_t)(frame[HW_FRAME_ACKNOWLEDGED] - window->base);
  if (count > window->sent) return false;
  const uint32_t selective = (uint32_t)(frame[HW_FRAME_SELECTIVE] | frame[HW_FRAME_SELECTIVE + 1] << 8);
  /* A bit for each flight from `base` on. */
  const uint32_t arrived = ((selective << 1 | 1) << count) - 1;
  uint16_t oldest = window->ordinal;
  for (uint8_t i = 0; i < HW_LINK_SEND_WINDOW; i++) {
    hw_flight *flight = &window->flights[i];
    if (!flight->is_out) continue;
    if ((arrived >> (uint8_t)(flight->payload.sequence - window->base) & 1) == 0) {
      if (is_later(oldest, flight->sent_as)) oldest = flight->sent_as;
      continue;
    }
    flight->is_out = false;
    condemn(window, (uint16_t)(flight->sent_as - 1));
    /* Of what was repeated nobody knows which transmission is answered (Karn and Partridge). */
    if (!flight->is_repeated) set_timeout(window, 2u * (uint16_t)(now_ms - flight->sent_at) + SLACK_MS);
  }
  window->base = frame[HW_FRAME_ACKNOWLEDGED];
  window->sent = (uint8_t)(window->sent - count);
  window->filled = (uint8_t)(window->filled - count);
  window->room = HW_FRAME_CREDIT(frame[HW_FRAME_KIND]);
  /* What was broken is most likely the oldest that is out. Only likely: one flipped bit can break two frames. */
  if (HW_FRAME_TYPE(frame[HW_FRAME_KIND]) == HW_FRAME_NAK) condemn(window, oldest);
  return true;
}
