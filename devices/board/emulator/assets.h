/**
 * What the board hires with: the image beside the program, which ../assets.ts has made and describes.
 */
#ifndef ASSETS_H
#define ASSETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hw_client.h"

/** Reads who the board is; false where there is no image. */
bool assets_open(hw_client_options *options);

/** How often a job is offered at most. */
uint32_t assets_tries(void);

/** How many jobs there are. */
uint32_t assets_jobs(void);

/** The order of job 0..; false where there is no such job. */
bool assets_order(uint32_t job, hw_order *order);

/** Bytes of the firmware or an input by its SHA-256: how many were read, fewer than `count` where it ends, or is not here. */
size_t assets_read(const uint8_t hash[32], uint32_t offset, uint8_t *bytes, size_t count);

#endif
