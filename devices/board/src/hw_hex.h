/** Bytes as text: hexadecimal in lower case, base64 (RFC 4648 section 4), and whole numbers in decimal. */
#ifndef HW_HEX_H
#define HW_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Writes two digits for each byte, without a terminating zero. */
void hw_hex_write(const uint8_t *bytes, size_t count, char *text);

/** Reads exactly `count` bytes of hexadecimal, either case; false for any other length or character. */
bool hw_hex_read(const char *text, size_t length, uint8_t *bytes, size_t count);

/** As hw_hex_read, with `0x` before it. */
bool hw_hex_read_prefixed(const char *text, size_t length, uint8_t *bytes, size_t count);

/** Writes 1 to 3 bytes as four characters of base64, filled up with `=`. */
void hw_base64_group(const uint8_t *bytes, size_t count, char text[4]);

/** Decodes base64 that comes in pieces. */
typedef struct {
  uint32_t bits;
  uint8_t digits;
  uint8_t pads;
} hw_base64;

/** Begins to decode. */
void hw_base64_begin(hw_base64 *decoder);

/** Takes one character: how many bytes came of it (0 to 3, written to `bytes`), or -1 for text that is not base64. */
int hw_base64_take(hw_base64 *decoder, char character, uint8_t bytes[3]);

/** Whether what came was whole groups of four. */
bool hw_base64_end(const hw_base64 *decoder);

/** Reads a whole number without sign or leading zero; false for anything else, and for one above 2^64 - 1. */
bool hw_decimal_read(const char *text, size_t length, uint64_t *value);

/** Writes a number in decimal with a terminating zero; returns its length, at most 20. */
size_t hw_decimal_write(uint64_t value, char text[21]);

#ifdef __cplusplus
}
#endif

#endif
