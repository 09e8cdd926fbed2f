/** Files and arguments of the machine that the emulator runs on (Arm, Semihosting for AArch32 and AArch64, 2.2). */
#ifndef SEMIHOSTING_H
#define SEMIHOSTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What follows the program's name on the emulator's command line; "" where nothing does. */
const char *semihosting_argument(void);

/** Reads a file; its length, or -1 where there is none or it is longer than `size`. */
int32_t semihosting_read(const char *path, uint8_t *buffer, size_t size);

/** Writes a new file over whatever is there; false where that failed. */
bool semihosting_write(const char *path, const uint8_t *bytes, size_t length);

/** Puts one file in another one's place, at once; false where that failed. */
bool semihosting_rename(const char *from, const char *to);

/** Ends the emulator; its exit code is 0 where all was well, else 1. */
__attribute__((noreturn)) void semihosting_exit(bool is_well);

#endif
