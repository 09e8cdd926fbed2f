#include "hw_hex.h"

void hw_hex_write(const uint8_t *bytes, size_t count, char *text) {
  static const char DIGITS[] = "0123456789abcdef";
  for (size_t i = 0; i < count; i++) {
    *text++ = DIGITS[bytes[i] >> 4];
    *text++ = DIGITS[bytes[i] & 15u];
  }
}

static int digit_of(char character) {
  if (character >= '0' && character <= '9') return character - '0';
  if (character >= 'a' && character <= 'f') return character - 'a' + 10;
  if (character >= 'A' && character <= 'F') return character - 'A' + 10;
  return -1;
}

bool hw_hex_read(const char *text, size_t length, uint8_t *bytes, size_t count) {
  if (length != 2 * count) return false;
  for (size_t i = 0; i < count; i++) {
    const int high = digit_of(text[2 * i]);
    const int low = digit_of(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    bytes[i] = (uint8_t)(16 * high + low);
  }
  return true;
}

bool hw_hex_read_prefixed(const char *text, size_t length, uint8_t *bytes, size_t count) {
  return length >= 2 && text[0] == '0' && text[1] == 'x' && hw_hex_read(text + 2, length - 2, bytes, count);
}

void hw_base64_group(const uint8_t *bytes, size_t count, char text[4]) {
  static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const uint32_t second = count > 1 ? bytes[1] : 0u;
  const uint32_t third = count > 2 ? bytes[2] : 0u;
  const uint32_t bits = ((uint32_t)bytes[0] << 16) | (second << 8) | third;
  text[0] = DIGITS[bits >> 18];
  text[1] = DIGITS[(bits >> 12) & 63u];
  text[2] = DIGITS[(bits >> 6) & 63u];
  text[3] = DIGITS[bits & 63u];
  if (count < 3) text[3] = '=';
  if (count < 2) text[2] = '=';
}

void hw_base64_begin(hw_base64 *decoder) {
  decoder->bits = 0;
  decoder->digits = 0;
  decoder->pads = 0;
}

static int sextet_of(char character) {
  if (character >= 'A' && character <= 'Z') return character - 'A';
  if (character >= 'a' && character <= 'z') return character - 'a' + 26;
  if (character >= '0' && character <= '9') return character - '0' + 52;
  if (character == '+') return 62;
  return character == '/' ? 63 : -1;
}

int hw_base64_take(hw_base64 *decoder, char character, uint8_t bytes[3]) {
  if (character == '=') {
    if (decoder->digits + decoder->pads < 2 || decoder->pads == 2) return -1;
    decoder->pads++;
    decoder->bits <<= 6;
  } else {
    const int sextet = sextet_of(character);
    if (sextet < 0 || decoder->pads > 0) return -1;
    decoder->bits = (decoder->bits << 6) | (uint32_t)sextet;
    decoder->digits++;
  }
  if (decoder->digits + decoder->pads < 4) return 0;
  const int count = 3 - decoder->pads;
  for (int i = 0; i < count; i++) bytes[i] = (uint8_t)(decoder->bits >> (16 - 8 * i));
  decoder->digits = 0;
  decoder->bits = 0;
  /* what is filled up is the end: whatever else comes is refused by the pads that stay */
  return count;
}

bool hw_base64_end(const hw_base64 *decoder) {
  return decoder->digits == 0;
}

bool hw_decimal_read(const char *text, size_t length, uint64_t *value) {
  if (length == 0 || length > 20 || (length > 1 && text[0] == '0')) return false;
  uint64_t sum = 0;
  for (size_t i = 0; i < length; i++) {
    if (text[i] < '0' || text[i] > '9') return false;
    const uint64_t digit = (uint64_t)(text[i] - '0');
    if (sum > (UINT64_MAX - digit) / 10u) return false;
    sum = sum * 10u + digit;
  }
  *value = sum;
  return true;
}

size_t hw_decimal_write(uint64_t value, char text[21]) {
  char reversed[20];
  size_t length = 0;
  do {
    reversed[length++] = (char)('0' + (int)(value % 10u));
    value /= 10u;
  } while (value > 0);
  for (size_t i = 0; i < length; i++) text[i] = reversed[length - 1 - i];
  text[length] = 0;
  return length;
}
