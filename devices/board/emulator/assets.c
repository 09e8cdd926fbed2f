#include "assets.h"

#include <string.h>

#include "mps2.h"

enum { TAG_BOARD = 1, TAG_FIRMWARE = 2, TAG_MANIFEST = 3, TAG_TERMS = 4, TAG_INPUT = 5 };

enum { HASH = 32 };

typedef struct {
  uint32_t tag;
  uint32_t length;
  const uint8_t *bytes;
} record;

static uint64_t number_at(const uint8_t *at, uint32_t bytes) {
  uint64_t number = 0;
  while (bytes > 0) {
    bytes--;
    number = number << 8 | at[bytes];
  }
  return number;
}

static uint32_t word_at(const uint8_t *at) {
  return (uint32_t)number_at(at, 4);
}

static bool is_there(void) {
  return memcmp(MPS2_ASSETS, "HWA1", 4) == 0;
}

/** Steps to the next record, from 0; false behind the last one. */
static bool next_record(uint32_t *offset, record *one) {
  if (*offset == 0) *offset = 8;
  if (!is_there() || *offset >= word_at(MPS2_ASSETS + 4)) return false;
  const uint8_t *at = MPS2_ASSETS + *offset;
  one->tag = word_at(at);
  one->length = word_at(at + 4);
  one->bytes = at + 8;
  *offset += 8 + (one->length + 3) / 4 * 4;
  return true;
}

bool assets_open(hw_client_options *options) {
  uint32_t offset = 0;
  record one;
  if (!next_record(&offset, &one) || one.tag != TAG_BOARD) return false;
  const char *texts[4];
  const char *at = (const char *)one.bytes + 12;
  for (uint32_t text = 0; text < 4; text++) {
    texts[text] = at;
    at += strlen(at) + 1;
  }
  options->exposure_limit = number_at(one.bytes, 8);
  options->manufacturer = texts[0];
  options->serial_number = texts[1];
  options->model = texts[2];
  options->slot = texts[3];
  return true;
}

uint32_t assets_tries(void) {
  uint32_t offset = 0;
  record one;
  return next_record(&offset, &one) && one.tag == TAG_BOARD ? word_at(one.bytes + 8) : 1;
}

uint32_t assets_jobs(void) {
  uint32_t count = 0;
  record one;
  for (uint32_t offset = 0; next_record(&offset, &one);) {
    if (one.tag == TAG_INPUT) count++;
  }
  return count;
}

static void take_terms(hw_order *order, const uint8_t *bytes) {
  order->max_price = number_at(bytes, 8);
  order->check_budget = number_at(bytes + 8, 8);
  order->fuel_limit = number_at(bytes + 16, 8);
  order->due_ms = word_at(bytes + 24);
  order->memory_mib = (uint16_t)number_at(bytes + 28, 2);
  order->is_on_result = bytes[30] != 0;
  order->profile = bytes[31] == 0 ? "task/1" : "wasi-stdio/1";
}

bool assets_order(uint32_t job, hw_order *order) {
  uint32_t before = 0;
  record one;
  memset(order, 0, sizeof *order);
  for (uint32_t offset = 0; next_record(&offset, &one);) {
    if (one.tag == TAG_FIRMWARE) {
      memcpy(order->firmware, one.bytes, HASH);
      order->firmware_bytes = one.length - HASH;
    } else if (one.tag == TAG_MANIFEST) {
      order->manifest = (const char *)one.bytes;
      order->manifest_length = one.length;
    } else if (one.tag == TAG_TERMS) {
      take_terms(order, one.bytes);
    } else if (one.tag == TAG_INPUT && before++ == job) {
      memcpy(order->input, one.bytes, HASH);
      order->input_bytes = one.length - HASH;
      return true;
    }
  }
  return false;
}

size_t assets_read(const uint8_t hash[32], uint32_t offset, uint8_t *bytes, size_t count) {
  record one;
  for (uint32_t at = 0; next_record(&at, &one);) {
    const bool is_blob = one.tag == TAG_FIRMWARE || one.tag == TAG_INPUT;
    if (!is_blob || memcmp(one.bytes, hash, HASH) != 0) continue;
    const uint32_t length = one.length - HASH;
    if (offset >= length) return 0;
    const size_t left = length - offset;
    const size_t read = count < left ? count : left;
    memcpy(bytes, one.bytes + HASH + offset, read);
    return read;
  }
  return 0;
}
