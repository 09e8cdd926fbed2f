/** A board's flash on a machine with files: a folder for the store, and a folder of jobs. */
#ifndef FOLDER_H
#define FOLDER_H

#include "hw_client.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Reads a file of at most `size` bytes whole: its length, or -1. */
long folder_read(const char *folder, const char *name, void *bytes, size_t size);

/** Puts bytes into a file, all of them or, when the machine stops, none. */
bool folder_write(const char *folder, const char *name, const void *bytes, size_t length);

/**
 * Reads job `number` of a folder: `<number>.job` has one `name value` to a line: `firmware`, `input` and `manifest`
 * (files beside it), `maxPrice`, `checkBudget`, `fuelLimit`, `dueMs`, `memoryMiB`, `profile`, `payment`. False where
 * there is no such job, or it cannot be read. What the order points to is good until the next call.
 */
bool folder_job(const char *folder, unsigned number, hw_order *order);

/** Bytes of the current job's firmware or input, as hw_platform's read_blob. */
size_t folder_blob(const uint8_t hash[32], uint32_t offset, uint8_t *bytes, size_t count);

#endif
