/**
 * JSON as it comes (RFC 8259), piece by piece, in fixed memory: no text is kept but the token under way.
 *
 * Whatever comes, it ends: in tokens that a value was made of, or in a refusal that stays. Strings must be UTF-8. An
 * escaped half of a surrogate pair without its other half becomes U+FFFD.
 */
#ifndef HW_JSON_H
#define HW_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Most objects and arrays inside one another, at most 32. */
#ifndef HW_JSON_DEPTH
#define HW_JSON_DEPTH 16
#endif

/** Bytes of text held at a time, 32 to 60000: a longer string comes in parts, a longer key is cut. */
#ifndef HW_JSON_TEXT
#define HW_JSON_TEXT 136
#endif

#if HW_JSON_DEPTH > 32 || HW_JSON_TEXT < 32 || HW_JSON_TEXT > 60000
#error "HW_JSON_DEPTH or HW_JSON_TEXT is out of its range"
#endif

/** Most characters of a number; one of more is refused. */
#define HW_JSON_NUMBER_SIZE 32

typedef enum {
  HW_JSON_OBJECT,
  HW_JSON_OBJECT_END,
  HW_JSON_ARRAY,
  HW_JSON_ARRAY_END,
  HW_JSON_KEY,
  /** The beginning or middle of a string that is not all here yet. */
  HW_JSON_STRING_PART,
  /** A string, or the last part of one. */
  HW_JSON_STRING,
  HW_JSON_NUMBER,
  HW_JSON_TRUE,
  HW_JSON_FALSE,
  HW_JSON_NULL
} hw_json_token;

/** Takes a token; `text` has no terminating zero and is gone after the call. */
typedef void (*hw_json_take)(void *context, hw_json_token token, const char *text, size_t length);

typedef struct {
  hw_json_take take;
  void *context;
  /** One bit to a level, the innermost lowest: 1 for an object. */
  uint32_t nest;
  uint8_t depth;
  uint8_t state;
  /** Digits of an escape, or bytes of a character, that are still to come. */
  uint8_t left;
  /** Bounds of the character's next byte. */
  uint8_t low;
  uint8_t high;
  bool is_key;
  uint16_t unit;
  /** The first half of a surrogate pair; 0: none. */
  uint16_t surrogate;
  uint16_t length;
  /** What is still to come of true, false or null. */
  const char *literal;
  char text[HW_JSON_TEXT];
} hw_json;

/** Begins a text. */
void hw_json_begin(hw_json *json, hw_json_take take, void *context);

/** Takes more of the text; false once it cannot be JSON any more. */
bool hw_json_feed(hw_json *json, const void *bytes, size_t count);

/** Ends the text: whether it was one value, all of it. */
bool hw_json_end(hw_json *json);

#ifdef __cplusplus
}
#endif

#endif
