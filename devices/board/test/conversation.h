/**
 * A test program's talk with its test: commands on standard input, records on standard output.
 *
 * A command is one byte that says what, the time in ms (32 bits), a length (32 bits) and bytes. Each is answered by any
 * number of records, one byte, a length (32 bits) and bytes, and at last by the record '.'. All numbers little-endian.
 */
#ifndef CONVERSATION_H
#define CONVERSATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  uint8_t what;
  uint32_t now;
  uint32_t length;
  /** Followed by a zero that is not counted. Valid until the next command. */
  uint8_t *bytes;
} command;

/** The next command; false at the end of the input. A program that is at work on one for 30 s is ended by a signal. */
bool next_command(command *next);

/** Notes a record of the answer. */
void answer(char what, const void *bytes, size_t length);

/** Notes a record that holds a number. */
void answer_number(char what, uint32_t number);

/** Sends the answer, with the record '.' and its number. */
void end_answer(uint32_t number);

/** Reads a number of 32 bits. */
uint32_t number_at(const uint8_t *bytes);

/** Ends the program with a message where something that must hold does not. */
void must(bool holds, const char *what);

#endif
