/** UART 1, on which the firmware tells what happens: one JSON object a line. */
#ifndef CONSOLE_H
#define CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void console_open(void);

/** Begins a line: {"kind":"...". */
void console_begin(const char *kind);

/** Members of the line that was begun. */
void console_text(const char *name, const char *text);
void console_number(const char *name, uint64_t number);
/** As decimal text, which is how amounts are written. */
void console_amount(const char *name, uint64_t amount);
/** As text "0x...". */
void console_hex(const char *name, const uint8_t *bytes, size_t count);
void console_flag(const char *name, bool is_set);
void console_null(const char *name);

/** Ends the line. */
void console_end(void);

/** Tells of the firmware's own mistake, whatever line was begun. */
void console_crash(void);

#endif
