#include "hw_json.h"

enum {
  VALUE,
  FIRST_ITEM,
  FIRST_KEY,
  NEXT_KEY,
  COLON,
  AFTER,
  STRING,
  CHARACTER,
  ESCAPE,
  UNICODE,
  LITERAL,
  MINUS,
  ZERO,
  WHOLE,
  POINT,
  FRACTION,
  EXPONENT,
  EXPONENT_SIGN,
  POWER,
  BROKEN
};

void hw_json_begin(hw_json *json, hw_json_take take, void *context) {
  json->take = take;
  json->context = context;
  json->nest = 0;
  json->depth = 0;
  json->state = VALUE;
  json->surrogate = 0;
  json->length = 0;
}

static void tell(hw_json *json, hw_json_token token) {
  json->take(json->context, token, json->text, json->length);
  json->length = 0;
}

static void keep(hw_json *json, uint32_t byte) {
  if (json->length == HW_JSON_TEXT) {
    if (json->is_key) return;
    tell(json, HW_JSON_STRING_PART);
  }
  json->text[json->length++] = (char)byte;
}

/** A code point as UTF-8. */
static void keep_character(hw_json *json, uint32_t point) {
  if (point < 0x80) {
    keep(json, point);
    return;
  }
  if (point < 0x800) {
    keep(json, 0xc0u | (point >> 6));
  } else {
    if (point < 0x10000) {
      keep(json, 0xe0u | (point >> 12));
    } else {
      keep(json, 0xf0u | (point >> 18));
      keep(json, 0x80u | ((point >> 12) & 63u));
    }
    keep(json, 0x80u | ((point >> 6) & 63u));
  }
  keep(json, 0x80u | (point & 63u));
}

/** Whatever follows half a surrogate pair and is not the other half. */
static void drop_surrogate(hw_json *json) {
  if (json->surrogate == 0) return;
  json->surrogate = 0;
  keep_character(json, 0xfffd);
}

static void take_unit(hw_json *json) {
  const uint16_t unit = json->unit;
  if (json->surrogate != 0 && unit >= 0xdc00 && unit <= 0xdfff) {
    const uint32_t high = (uint32_t)json->surrogate - 0xd800u;
    json->surrogate = 0;
    keep_character(json, 0x10000u + (high << 10) + ((uint32_t)unit - 0xdc00u));
    return;
  }
  drop_surrogate(json);
  if (unit >= 0xd800 && unit <= 0xdbff) json->surrogate = unit;
  else keep_character(json, unit >= 0xdc00 && unit <= 0xdfff ? 0xfffdu : unit);
}

/** The first byte of a character of several. Unicode 15, table 3-7. */
static uint8_t begin_character(hw_json *json, uint8_t byte) {
  json->low = 0x80;
  json->high = 0xbf;
  if (byte < 0xc2 || byte > 0xf4) return BROKEN;
  json->left = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
  if (byte == 0xe0) json->low = 0xa0;
  if (byte == 0xed) json->high = 0x9f;
  if (byte == 0xf0) json->low = 0x90;
  if (byte == 0xf4) json->high = 0x8f;
  keep(json, byte);
  return CHARACTER;
}

static uint8_t in_string(hw_json *json, uint8_t byte) {
  if (byte == '\\') return ESCAPE;
  drop_surrogate(json);
  if (byte == '"') {
    tell(json, json->is_key ? HW_JSON_KEY : HW_JSON_STRING);
    return json->is_key ? COLON : AFTER;
  }
  if (byte < 0x20) return BROKEN;
  if (byte >= 0x80) return begin_character(json, byte);
  keep(json, byte);
  return STRING;
}

static uint8_t in_character(hw_json *json, uint8_t byte) {
  if (byte < json->low || byte > json->high) return BROKEN;
  keep(json, byte);
  json->low = 0x80;
  json->high = 0xbf;
  return --json->left == 0 ? STRING : CHARACTER;
}

static uint8_t in_escape(hw_json *json, uint8_t byte) {
  static const char NAMES[] = "\"\\/bfnrt";
  static const char MEANINGS[] = "\"\\/\b\f\n\r\t";
  if (byte == 'u') {
    json->left = 4;
    json->unit = 0;
    return UNICODE;
  }
  for (unsigned i = 0; i < sizeof NAMES - 1; i++) {
    if (byte != (uint8_t)NAMES[i]) continue;
    drop_surrogate(json);
    keep(json, (uint8_t)MEANINGS[i]);
    return STRING;
  }
  return BROKEN;
}

static uint8_t in_unicode(hw_json *json, uint8_t byte) {
  unsigned digit = 0;
  if (byte >= '0' && byte <= '9') digit = (unsigned)byte - '0';
  else if (byte >= 'a' && byte <= 'f') digit = (unsigned)byte - 'a' + 10u;
  else if (byte >= 'A' && byte <= 'F') digit = (unsigned)byte - 'A' + 10u;
  else return BROKEN;
  json->unit = (uint16_t)(json->unit * 16u + digit);
  if (--json->left > 0) return UNICODE;
  take_unit(json);
  return STRING;
}

static uint8_t open_nest(hw_json *json, bool is_object) {
  if (json->depth == HW_JSON_DEPTH) return BROKEN;
  json->depth++;
  json->nest = (json->nest << 1) | (is_object ? 1u : 0u);
  tell(json, is_object ? HW_JSON_OBJECT : HW_JSON_ARRAY);
  return is_object ? FIRST_KEY : FIRST_ITEM;
}

static uint8_t close_nest(hw_json *json, bool is_object) {
  if (json->depth == 0 || ((json->nest & 1u) == 1u) != is_object) return BROKEN;
  json->depth--;
  json->nest >>= 1;
  tell(json, is_object ? HW_JSON_OBJECT_END : HW_JSON_ARRAY_END);
  return AFTER;
}

static uint8_t begin_string(hw_json *json, bool is_key) {
  json->is_key = is_key;
  return STRING;
}

static uint8_t begin_literal(hw_json *json, const char *rest) {
  json->literal = rest;
  return LITERAL;
}

static uint8_t begin_value(hw_json *json, uint8_t byte) {
  json->is_key = false;
  switch (byte) {
    case '{': return open_nest(json, true);
    case '[': return open_nest(json, false);
    case '"': return begin_string(json, false);
    case 't': return begin_literal(json, "rue");
    case 'f': return begin_literal(json, "alse");
    case 'n': return begin_literal(json, "ull");
    default: break;
  }
  if (byte != '-' && (byte < '0' || byte > '9')) return BROKEN;
  keep(json, byte);
  return byte == '-' ? MINUS : byte == '0' ? ZERO : WHOLE;
}

static uint8_t in_literal(hw_json *json, uint8_t byte) {
  if (byte != (uint8_t)*json->literal) return BROKEN;
  if (*++json->literal != 0) return LITERAL;
  /* told apart by their last letters: true and false end alike, and the one before differs */
  tell(json, byte == 'l' ? HW_JSON_NULL : json->literal[-2] == 'u' ? HW_JSON_TRUE : HW_JSON_FALSE);
  return AFTER;
}

/** Where a number goes with one more character; BROKEN where it cannot. RFC 8259, section 6. */
static uint8_t number_after(uint8_t state, uint8_t byte) {
  const bool is_digit = byte >= '0' && byte <= '9';
  const bool is_power = byte == 'e' || byte == 'E';
  switch (state) {
    case MINUS: return !is_digit ? BROKEN : byte == '0' ? ZERO : WHOLE;
    case ZERO: return byte == '.' ? POINT : is_power ? EXPONENT : BROKEN;
    case WHOLE: return is_digit ? WHOLE : byte == '.' ? POINT : is_power ? EXPONENT : BROKEN;
    case POINT: return is_digit ? FRACTION : BROKEN;
    case FRACTION: return is_digit ? FRACTION : is_power ? EXPONENT : BROKEN;
    case EXPONENT:
      if (byte == '+' || byte == '-') return EXPONENT_SIGN;
      return is_digit ? POWER : BROKEN;
    default: return is_digit ? POWER : BROKEN;
  }
}

static bool is_whole_number(uint8_t state) {
  return state == ZERO || state == WHOLE || state == FRACTION || state == POWER;
}

static bool is_blank(uint8_t byte) {
  return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static uint8_t after_value(hw_json *json, uint8_t byte) {
  if (byte == '}') return close_nest(json, true);
  if (byte == ']') return close_nest(json, false);
  if (byte != ',' || json->depth == 0) return BROKEN;
  return (json->nest & 1u) == 1u ? NEXT_KEY : VALUE;
}

static uint8_t between(hw_json *json, uint8_t byte) {
  if (is_blank(byte)) return json->state;
  switch (json->state) {
    case FIRST_ITEM: return byte == ']' ? close_nest(json, false) : begin_value(json, byte);
    case FIRST_KEY:
      if (byte == '}') return close_nest(json, true);
      return byte == '"' ? begin_string(json, true) : BROKEN;
    case NEXT_KEY: return byte == '"' ? begin_string(json, true) : BROKEN;
    case COLON: return byte == ':' ? VALUE : BROKEN;
    case AFTER: return after_value(json, byte);
    default: return begin_value(json, byte);
  }
}

static uint8_t in_number(hw_json *json, uint8_t byte) {
  const uint8_t next = number_after(json->state, byte);
  if (next == BROKEN) {
    if (!is_whole_number(json->state)) return BROKEN;
    tell(json, HW_JSON_NUMBER);
    json->state = AFTER;
    return between(json, byte);
  }
  if (json->length == HW_JSON_NUMBER_SIZE) return BROKEN;
  keep(json, byte);
  return next;
}

static uint8_t step(hw_json *json, uint8_t byte) {
  switch (json->state) {
    case STRING: return in_string(json, byte);
    case CHARACTER: return in_character(json, byte);
    case ESCAPE: return in_escape(json, byte);
    case UNICODE: return in_unicode(json, byte);
    case LITERAL: return in_literal(json, byte);
    case BROKEN: return BROKEN;
    default: return json->state >= MINUS ? in_number(json, byte) : between(json, byte);
  }
}

bool hw_json_feed(hw_json *json, const void *bytes, size_t count) {
  const uint8_t *from = bytes;
  for (size_t i = 0; i < count && json->state != BROKEN; i++) json->state = step(json, from[i]);
  return json->state != BROKEN;
}

bool hw_json_end(hw_json *json) {
  if (is_whole_number(json->state)) {
    tell(json, HW_JSON_NUMBER);
    json->state = AFTER;
  }
  const bool is_whole = json->state == AFTER && json->depth == 0;
  json->state = BROKEN;
  return is_whole;
}
