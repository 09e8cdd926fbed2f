#include "hw_link.h"

#include <string.h>

#include "hw_compiler.h"
#include "hw_time.h"

/* Between two hellos, and between two signs of life: half of what the peer expects at least. */
#define PERIOD_MS 250
/* Periods in which nothing may be heard before the line counts as dead. */
#define MOST_SILENT 12
/* Who ends a session sooner than this waits before the next one, twice as long each time. */
#define SHORT_SESSION_MS 3000
#define FIRST_PAUSE_MS 100
#define LAST_PAUSE_MS 3200

/* How long to sleep while acknowledgements are awaited. */
#define POLL_MS 10

/* Fields of a hello, behind its number and length: version, session, little-endian, and mtu. */
#define VERSION 1
#define HELLO_LENGTH 1
#define HELLO_VERSION 2
#define HELLO_SESSION 3
#define HELLO_MTU 7

/* States. */
#define WAITING 0
#define ASKING 1
#define UP 2

/* What a frame without payload carries; also the zero that ends whatever stands on the line. */
static const uint8_t NOTHING[2] = {0, 0};

/* `payload` is a number, a length and bytes. */
static void say(hw_link *link, uint8_t type, const uint8_t *payload) {
  uint8_t wire[HW_FRAME_WIRE];
  uint8_t *frame = wire + 1;
  const uint16_t selective = link->inbound.here >> 1;
  const uint8_t length = payload[1];
  frame[HW_FRAME_KIND] = HW_FRAME_KIND_OF(type, HW_LINK_WINDOW);
  frame[HW_FRAME_TAG] = type == HW_FRAME_RESET ? link->reset_tag : link->hello[HELLO_SESSION];
  frame[HW_FRAME_SEQUENCE] = payload[0];
  frame[HW_FRAME_ACKNOWLEDGED] = link->inbound.wanted;
  frame[HW_FRAME_SELECTIVE] = (uint8_t)selective;
  frame[HW_FRAME_SELECTIVE + 1] = (uint8_t)(selective >> 8);
  memcpy(frame + HW_FRAME_PAYLOAD, payload + 2, length);
  link->is_ack_due = false;
  link->counters.frames_sent++;
  link->events->write(link->context, wire, hw_frame_seal(wire, (uint8_t)(HW_FRAME_PAYLOAD + length)));
}

static void say_hello(hw_link *link) {
  /* Ends whatever boot log or torn frame stands on the line, so that it cannot swallow the handshake. */
  link->events->write(link->context, NOTHING, 1);
  say(link, HW_FRAME_SYN, link->hello);
}

static void ask(hw_link *link) {
  memset(&link->outbound, 0, sizeof *link - offsetof(hw_link, outbound));
  if (++link->hello[HELLO_SESSION] == 0) link->hello[HELLO_SESSION + 1]++;
  link->state = ASKING;
  say_hello(link);
}

/* The session is over; a new one is asked for in `pause` ms. */
static void leave(hw_link *link, uint16_t pause) {
  link->state = WAITING;
  link->wake_at = link->now + pause;
  link->events->down(link->context);
}

/* The same, where the peer does not know it yet. */
static HW_NOINLINE void give_up(hw_link *link, uint16_t pause) {
  link->reset_tag = link->hello[HELLO_SESSION];
  link->is_reset_due = true;
  leave(link, pause);
}

/* The board's half of the handshake; false when the frame is no answer to it. */
static bool agree(hw_link *link, const uint8_t *frame) {
  const uint8_t *hello = frame + HW_FRAME_PAYLOAD - HELLO_VERSION;
  if (link->state == WAITING) return false;
  for (uint8_t at = HELLO_VERSION; at < HELLO_MTU; at++) {
    if (hello[at] != link->hello[at]) return false;
  }
  /* The answer to a repeated syn. */
  if (link->state == UP) return true;
  link->state = UP;
  link->outbound.mtu = hello[HELLO_MTU] < HW_LINK_MTU ? hello[HELLO_MTU] : HW_LINK_MTU;
  link->outbound.timeout = HW_LINK_FIRST_TIMEOUT_MS;
  link->outbound.room = HW_FRAME_CREDIT(frame[HW_FRAME_KIND]);
  link->silent = 0;
  link->started_at = link->now;
  link->events->up(link->context);
  return true;
}

/* A data, ack or nak frame of this session; false when it makes no sense in it. */
static bool hear(hw_link *link, const uint8_t *frame, uint8_t count) {
  if (!hw_send_window_acknowledge(&link->outbound, frame, link->now)) return false;
  link->silent = 0;
  if (HW_FRAME_TYPE(frame[HW_FRAME_KIND]) != HW_FRAME_DATA) return true;
  link->is_ack_due = true;
  const bool is_kept = hw_receive_window_accept(&link->inbound, frame, count);
  const hw_received *next;
  /* A callback may end the session. */
  while (link->state == UP && (next = hw_receive_window_take(&link->inbound)) != NULL) {
    if (next->length == 0) {
      /* The end of the peer's stream: it is acknowledged, and the session reset. */
      give_up(link, 0);
    } else {
      link->events->receive(link->context, next->bytes, next->length);
    }
  }
  return is_kept;
}

/* Gives a frame to whom it concerns; false when that is nobody. */
static bool route(hw_link *link, const uint8_t *frame, uint8_t count) {
  const uint8_t type = HW_FRAME_TYPE(frame[HW_FRAME_KIND]);
  const uint8_t tag = frame[HW_FRAME_TAG];
  if (type == HW_FRAME_SYNACK) return agree(link, frame);
  if (link->state == UP && tag == link->hello[HELLO_SESSION]) {
    if (type <= HW_FRAME_NAK) return hear(link, frame, count);
    if (type != HW_FRAME_RESET) return false;
    leave(link, 0);
    return true;
  }
  /* Who is asking for a session has said so already. */
  if (type <= HW_FRAME_NAK && link->state != ASKING) {
    link->reset_tag = tag;
    link->is_reset_due = true;
  }
  return false;
}

/* Sends what the frames so far, the timers and the queue call for. */
static void settle(hw_link *link) {
  if (link->state == UP) {
    const hw_flight *flight;
    while ((flight = hw_send_window_next(&link->outbound, link->now)) != NULL) {
      if (flight->is_repeated) link->counters.frames_resent++;
      say(link, HW_FRAME_DATA, &flight->payload.sequence);
    }
    if (link->is_nak_due) say(link, HW_FRAME_NAK, NOTHING);
  }
  if (link->is_ack_due) say(link, HW_FRAME_ACK, NOTHING);
  if (link->is_reset_due) say(link, HW_FRAME_RESET, NOTHING);
  link->is_nak_due = false;
  link->is_reset_due = false;
}

/* One heartbeat: gives a sign of life, and gives up on a peer that gives none. */
static void beat(hw_link *link) {
  if (++link->silent > MOST_SILENT) {
    give_up(link, 0);
    return;
  }
  link->is_ack_due = true;
}

void hw_link_start(hw_link *link, const hw_link_events *events, uint32_t first_session_id, uint32_t now_ms) {
  memset(link, 0, sizeof *link);
  link->events = events;
  link->context = events->context;
  link->hello[HELLO_LENGTH] = HW_LINK_HELLO_BYTES;
  link->hello[HELLO_VERSION] = VERSION;
  /* One is added before it is said. */
  first_session_id--;
  for (uint8_t at = HELLO_SESSION; at < HELLO_MTU; at++, first_session_id >>= 8) {
    link->hello[at] = (uint8_t)first_session_id;
  }
  link->hello[HELLO_MTU] = HW_LINK_MTU;
  link->wake_at = now_ms;
}

void hw_link_take(hw_link *link, const uint8_t *bytes, size_t count, uint32_t now_ms) {
  hw_frame_reader *reader = &link->reader;
  bool has_found = false;
  link->now = now_ms;
  for (; count > 0; count--) {
    const uint8_t byte = *bytes++;
    if (byte != 0) {
      if (reader->run < sizeof reader->bytes) reader->bytes[reader->run] = byte;
      reader->run++;
      continue;
    }
    if (reader->run == 0) continue;
    const uint8_t length = hw_frame_unseal(reader);
    has_found = true;
    link->is_nak_due = length == 0;
    if (length == 0) {
      link->counters.bad_frames++;
      link->counters.discarded_bytes += reader->run;
    } else {
      link->counters.frames_received++;
      if (!route(link, reader->bytes + 1, length)) link->counters.refused_frames++;
    }
    reader->run = 0;
  }
  if (has_found) settle(link);
}

size_t hw_link_send(hw_link *link, const uint8_t *bytes, size_t count) {
  return link->state == UP ? hw_send_window_put(&link->outbound, bytes, count) : 0;
}

uint32_t hw_link_tick(hw_link *link, uint32_t now_ms) {
  link->now = now_ms;
  if (hw_is_past(now_ms, link->wake_at)) {
    link->wake_at = now_ms + PERIOD_MS;
    if (link->state == UP) {
      beat(link);
    } else if (link->state == ASKING) {
      say_hello(link);
    } else {
      ask(link);
    }
  }
  settle(link);
  return link->outbound.is_armed ? POLL_MS : link->wake_at - now_ms;
}

void hw_link_restart(hw_link *link, uint32_t now_ms) {
  if (link->state != UP) return;
  link->now = now_ms;
  link->pause = now_ms - link->started_at < SHORT_SESSION_MS ? (uint16_t)(2 * link->pause + FIRST_PAUSE_MS) : 0;
  if (link->pause > LAST_PAUSE_MS) link->pause = LAST_PAUSE_MS;
  give_up(link, link->pause);
}
