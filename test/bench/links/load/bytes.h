/* Bytes that come and go, files, and where a packet ends. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND 1000000000ULL

struct buffer {
  uint8_t *bytes;
  size_t from, to, room;
};

static void fail(const char *format, ...) {
  va_list words;
  va_start(words, format);
  fputs("load: ", stderr);
  vfprintf(stderr, format, words);
  fputs("\n", stderr);
  va_end(words);
  exit(1);
}

static uint64_t now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return (uint64_t)at.tv_sec * SECOND + (uint64_t)at.tv_nsec;
}

static void *enlarged(void *old, size_t bytes) {
  void *block = realloc(old, bytes);
  if (!block) fail("no memory");
  return block;
}

static void make_room(struct buffer *b, size_t bytes) {
  if (b->room - b->to >= bytes) return;
  if (b->from > 0) memmove(b->bytes, b->bytes + b->from, b->to - b->from);
  b->to -= b->from;
  b->from = 0;
  if (b->room - b->to >= bytes) return;
  b->room = (b->to + bytes) * 2;
  b->bytes = enlarged(b->bytes, b->room);
}

static void add(struct buffer *b, const void *bytes, size_t length) {
  make_room(b, length);
  memcpy(b->bytes + b->to, bytes, length);
  b->to += length;
}

static struct buffer file_of(const char *name) {
  struct buffer content = {0};
  FILE *file = fopen(name, "rb");
  if (!file) fail("cannot open %s", name);
  for (size_t got = 1; got > 0; content.to += got) {
    make_room(&content, 1 << 16);
    got = fread(content.bytes + content.to, 1, content.room - content.to, file);
  }
  fclose(file);
  return content;
}

/* The length of the packet that begins there, or 0 where its end is not there yet. Sets where its body begins. */
static size_t packet_at(const uint8_t *at, size_t available, size_t *body) {
  size_t length = 0;
  for (size_t byte = 1; byte < available && byte < 5; byte++) {
    length |= (size_t)(at[byte] & 127) << (7 * (byte - 1));
    if (at[byte] & 128) continue;
    *body = byte + 1;
    return available >= *body + length ? *body + length : 0;
  }
  return 0;
}
