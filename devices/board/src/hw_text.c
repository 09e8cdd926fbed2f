#include "hw_text.h"

#include "hw_hex.h"

#include <string.h>

void hw_text_begin(hw_text *text, char *buffer, size_t size) {
  text->text = buffer;
  text->size = size;
  text->length = 0;
  text->is_cut = false;
}

void hw_text_raw(hw_text *text, const char *characters, size_t count) {
  if (text->is_cut || count > text->size - text->length) {
    text->is_cut = true;
    return;
  }
  memcpy(text->text + text->length, characters, count);
  text->length += count;
}

static void put(hw_text *text, const char *characters) {
  hw_text_raw(text, characters, strlen(characters));
}

void hw_text_open(hw_text *text, const char *key) {
  if (key != NULL) hw_text_key(text, key);
  put(text, "{");
}

void hw_text_close(hw_text *text) {
  put(text, "}");
}

void hw_text_key(hw_text *text, const char *key) {
  const bool is_first = text->length == 0 || text->text[text->length - 1] == '{';
  put(text, is_first ? "\"" : ",\"");
  put(text, key);
  put(text, "\":");
}

void hw_text_string(hw_text *text, const char *key, const char *value) {
  hw_text_key(text, key);
  put(text, "\"");
  for (; *value != 0; value++) {
    const bool is_plain = *value >= ' ' && *value <= '~' && *value != '"' && *value != '\\';
    hw_text_raw(text, is_plain ? value : "?", 1);
  }
  put(text, "\"");
}

void hw_text_number(hw_text *text, const char *key, uint64_t value) {
  char digits[21];
  hw_text_key(text, key);
  hw_text_raw(text, digits, hw_decimal_write(value, digits));
}

void hw_text_amount(hw_text *text, const char *key, uint64_t value) {
  char digits[21];
  hw_decimal_write(value, digits);
  hw_text_string(text, key, digits);
}

void hw_text_hex(hw_text *text, const char *key, const uint8_t *bytes, size_t count) {
  hw_text_key(text, key);
  put(text, "\"0x");
  for (size_t i = 0; i < count; i++) {
    char digits[2];
    hw_hex_write(bytes + i, 1, digits);
    hw_text_raw(text, digits, sizeof digits);
  }
  put(text, "\"");
}

void hw_text_null(hw_text *text, const char *key) {
  hw_text_key(text, key);
  put(text, "null");
}
