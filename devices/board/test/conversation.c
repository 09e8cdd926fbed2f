#define _POSIX_C_SOURCE 200809L

#include "conversation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COMMAND_BYTES 9u
#define LONGEST_WORK_SECONDS 30

static uint8_t *input;
static size_t input_size;
static uint8_t *output;
static size_t output_size;
static size_t output_count;

static void put_number(uint8_t *bytes, uint32_t number) {
  for (unsigned i = 0; i < 4; i++) bytes[i] = (uint8_t)(number >> (8 * i));
}

uint32_t number_at(const uint8_t *bytes) {
  return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

void must(bool holds, const char *what) {
  if (holds) return;
  fprintf(stderr, "does not hold: %s\n", what);
  abort();
}

static uint8_t *at_least(uint8_t *buffer, size_t *size, size_t wanted) {
  if (wanted <= *size) return buffer;
  *size = 2 * wanted;
  uint8_t *larger = realloc(buffer, *size);
  must(larger != NULL, "memory is left");
  return larger;
}

static bool read_all(uint8_t *bytes, size_t count) {
  while (count > 0) {
    const ssize_t got = read(STDIN_FILENO, bytes, count);
    if (got <= 0) return false;
    bytes += got;
    count -= (size_t)got;
  }
  return true;
}

bool next_command(command *next) {
  uint8_t head[COMMAND_BYTES];
  alarm(0);
  if (!read_all(head, sizeof head)) return false;
  next->what = head[0];
  next->now = number_at(head + 1);
  next->length = number_at(head + 5);
  input = at_least(input, &input_size, (size_t)next->length + 1);
  if (!read_all(input, next->length)) return false;
  input[next->length] = 0;
  next->bytes = input;
  alarm(LONGEST_WORK_SECONDS);
  return true;
}

void answer(char what, const void *bytes, size_t length) {
  output = at_least(output, &output_size, output_count + 5 + length);
  output[output_count] = (uint8_t)what;
  put_number(output + output_count + 1, (uint32_t)length);
  if (length > 0) memcpy(output + output_count + 5, bytes, length);
  output_count += 5 + length;
}

void answer_number(char what, uint32_t number) {
  uint8_t bytes[4];
  put_number(bytes, number);
  answer(what, bytes, sizeof bytes);
}

void end_answer(uint32_t number) {
  answer_number('.', number);
  size_t at = 0;
  while (at < output_count) {
    const ssize_t put = write(STDOUT_FILENO, output + at, output_count - at);
    must(put > 0, "the test listens");
    at += (size_t)put;
  }
  output_count = 0;
}
