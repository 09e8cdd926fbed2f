/** What outlives a reset: numbered slots, each a file in the folder that the emulator's command line names. */
#ifndef STORE_H
#define STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Reads slot 0..9; its length, or -1 where it is empty or longer than `size`. */
int32_t store_load(uint8_t slot, uint8_t *buffer, size_t size);

/** Replaces slot 0..9, all of it or nothing; false where that failed. */
bool store_save(uint8_t slot, const uint8_t *bytes, size_t length);

#endif
