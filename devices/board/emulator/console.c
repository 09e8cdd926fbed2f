#include "console.h"

#include "mps2.h"

void console_open(void) {
  MPS2_UART1->divider = 16;
  MPS2_UART1->control = MPS2_UART_TX_ON;
}

static void put(char letter) {
  while ((MPS2_UART1->state & MPS2_UART_TX_FULL) != 0) continue;
  MPS2_UART1->data = (uint8_t)letter;
}

static void print(const char *text) {
  while (*text != '\0') put(*text++);
}

static void print_hex(uint8_t byte) {
  static const char DIGITS[] = "0123456789abcdef";
  put(DIGITS[byte >> 4]);
  put(DIGITS[byte & 15]);
}

static void print_quoted(const char *text) {
  put('"');
  for (; *text != '\0'; text++) {
    if ((uint8_t)*text < 0x20) {
      print("\\u00");
      print_hex((uint8_t)*text);
    } else {
      if (*text == '"' || *text == '\\') put('\\');
      put(*text);
    }
  }
  put('"');
}

static void print_decimal(uint64_t number) {
  char digits[21];
  size_t at = sizeof digits - 1;
  digits[at] = '\0';
  do {
    digits[--at] = (char)('0' + number % 10u);
    number /= 10u;
  } while (number > 0);
  print(digits + at);
}

static void print_name(const char *name) {
  put(',');
  print_quoted(name);
  put(':');
}

void console_begin(const char *kind) {
  print("{\"kind\":");
  print_quoted(kind);
}

void console_text(const char *name, const char *text) {
  print_name(name);
  print_quoted(text);
}

void console_number(const char *name, uint64_t number) {
  print_name(name);
  print_decimal(number);
}

void console_amount(const char *name, uint64_t amount) {
  print_name(name);
  put('"');
  print_decimal(amount);
  put('"');
}

void console_hex(const char *name, const uint8_t *bytes, size_t count) {
  print_name(name);
  print("\"0x");
  for (size_t at = 0; at < count; at++) print_hex(bytes[at]);
  put('"');
}

void console_flag(const char *name, bool is_set) {
  print_name(name);
  print(is_set ? "true" : "false");
}

void console_null(const char *name) {
  print_name(name);
  print("null");
}

void console_end(void) {
  print("}\n");
}

void console_crash(void) {
  print("\n{\"kind\":\"crashed\"}\n");
}
