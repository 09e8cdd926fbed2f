/** Bytes, and numbers in them: most significant first, whatever the machine's own order. */
#ifndef HW_BYTES_H
#define HW_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Writes a number into 4 bytes. */
void hw_put_u32(uint8_t bytes[4], uint32_t value);

/** Writes a number into 8 bytes. */
void hw_put_u64(uint8_t bytes[8], uint64_t value);

/** The number in 4 bytes. */
uint32_t hw_get_u32(const uint8_t bytes[4]);

/** Whether all bytes are zero: what stands for nothing. */
bool hw_is_zero(const uint8_t *bytes, size_t count);

#ifdef __cplusplus
}
#endif

#endif
