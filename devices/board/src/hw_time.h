/** Milliseconds of a clock that wraps around at 2^32. */
#ifndef HW_TIME_H
#define HW_TIME_H

#include <stdbool.h>
#include <stdint.h>

/** Whether `now_ms` is `at_ms` or later: right while the two are less than 24 days apart. */
static inline bool hw_is_past(uint32_t now_ms, uint32_t at_ms) { return now_ms - at_ms < 0x80000000u; }

#endif
