/**
 * The link alone. Commands: 'b' start anew (first session id), 't' bytes off the line, 's' bytes for the stream, 'e' as
 * 's' and from now on all that is received goes back, 'r' restart, 'c' counters. Records: 'w' bytes for the line, 'r'
 * bytes of the stream, 'u' up, 'd' down, 'c' the counters, '.' ms until the next tick. Each command ends with a tick.
 */
#include "hw_link.h"

#include <stdlib.h>
#include <string.h>

#include "conversation.h"

static hw_link board;
static uint32_t now;
/* What is to be sent, and how much of it was. */
static uint8_t *queue;
static size_t queue_size;
static size_t queue_count;
static size_t queue_at;
static bool is_echo;
static unsigned depth;
static uint8_t is_up;

static void enqueue(const uint8_t *bytes, size_t count) {
  if (queue_at > 0) {
    memmove(queue, queue + queue_at, queue_count - queue_at);
    queue_count -= queue_at;
    queue_at = 0;
  }
  if (queue_count + count > queue_size) {
    queue_size = 2 * (queue_count + count);
    queue = realloc(queue, queue_size);
    must(queue != NULL, "memory is left");
  }
  if (count > 0) memcpy(queue + queue_count, bytes, count);
  queue_count += count;
}

static void feed(void) {
  const size_t taken = hw_link_send(&board, queue + queue_at, queue_count - queue_at);
  must(taken <= HW_LINK_SEND_WINDOW * HW_LINK_MTU, "send takes no more than there can be room for");
  queue_at += taken;
}

static void on_write(void *context, const uint8_t *bytes, size_t count) {
  must(context == &board && depth == 0, "nothing is written from within a callback");
  must(count >= 1 && count <= HW_FRAME_WIRE && bytes[count - 1] == 0, "what is written ends with a zero");
  must(memchr(bytes, 0, count) == bytes + count - 1, "a frame holds no zero but its last byte");
  answer('w', bytes, count);
}

static void on_receive(void *context, const uint8_t *bytes, size_t count) {
  must(context == &board && is_up == 1 && count >= 1 && count <= HW_LINK_MTU, "a session's bytes, at most an mtu");
  depth++;
  answer('r', bytes, count);
  if (is_echo) {
    enqueue(bytes, count);
    feed();
  }
  depth--;
}

static void on_up(void *context) {
  must(context == &board && is_up == 0, "up comes after down");
  is_up = 1;
  depth++;
  answer('u', NULL, 0);
  feed();
  depth--;
}

static void on_down(void *context) {
  must(context == &board && is_up == 1, "down comes after up");
  is_up = 0;
  answer('d', NULL, 0);
  must(hw_link_send(&board, (const uint8_t *)"x", 1) == 0, "nothing is taken when down");
  /* What was not acknowledged is lost with the session; this program says nothing again. */
  queue_at = queue_count;
  hw_link_restart(&board, now);
}

static void say_counters(void) {
  uint32_t counters[sizeof board.counters / sizeof(uint32_t)];
  memcpy(counters, &board.counters, sizeof counters);
  answer('c', counters, sizeof counters);
}

int main(void) {
  static const hw_link_events events = {&board, on_write, on_receive, on_up, on_down};
  command next;
  hw_link_start(&board, &events, 1, 0);
  while (next_command(&next)) {
    now = next.now;
    if (next.what == 'b') {
      memset(&board, 0xa5, sizeof board);
      is_up = 0;
      queue_at = queue_count;
      hw_link_start(&board, &events, number_at(next.bytes), now);
    } else if (next.what == 't') {
      /* A copy without room behind it, for the sanitizer. */
      uint8_t *bytes = malloc(next.length);
      if (next.length > 0) memcpy(bytes, next.bytes, next.length);
      hw_link_take(&board, bytes, next.length, now);
      free(bytes);
    } else if (next.what == 's' || next.what == 'e') {
      is_echo = is_echo || next.what == 'e';
      enqueue(next.bytes, next.length);
    } else if (next.what == 'r') {
      hw_link_restart(&board, now);
    } else if (next.what == 'c') {
      say_counters();
    }
    feed();
    end_answer(hw_link_tick(&board, now));
  }
  free(queue);
  return 0;
}
