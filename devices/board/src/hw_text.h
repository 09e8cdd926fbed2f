/** Writes JSON into a buffer of a fixed size: what does not fit is left out, and the writer says so. */
#ifndef HW_TEXT_H
#define HW_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  char *text;
  size_t size;
  size_t length;
  /** Something did not fit: the text is of no use. */
  bool is_cut;
} hw_text;

/** Begins to write into `size` bytes. */
void hw_text_begin(hw_text *text, char *buffer, size_t size);

/** Writes characters as they are. */
void hw_text_raw(hw_text *text, const char *characters, size_t count);

/** Opens an object, which is a member's value when `key` is not NULL. */
void hw_text_open(hw_text *text, const char *key);

/** Closes an object. */
void hw_text_close(hw_text *text);

/** Begins a member: the comma where it needs one, its name and the colon. Keys are plain ASCII. */
void hw_text_key(hw_text *text, const char *key);

/** A member with a string; characters that JSON escapes become `?`: none of ours has any. */
void hw_text_string(hw_text *text, const char *key, const char *value);

/** A member with a number. */
void hw_text_number(hw_text *text, const char *key, uint64_t value);

/** A member with an amount: a number in a string. */
void hw_text_amount(hw_text *text, const char *key, uint64_t value);

/** A member with bytes: `0x` and hexadecimal, in a string. */
void hw_text_hex(hw_text *text, const char *key, const uint8_t *bytes, size_t count);

/** A member that is null. */
void hw_text_null(hw_text *text, const char *key);

#ifdef __cplusplus
}
#endif

#endif
