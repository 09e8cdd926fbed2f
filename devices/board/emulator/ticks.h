/** Time since the reset, and a wake-up call. */
#ifndef TICKS_H
#define TICKS_H

#include <stdint.h>

/** Starts counting. */
void ticks_start(void);

/** Milliseconds since the reset; wraps around after 2^32. */
uint32_t ticks_now(void);

/** Interrupts the processor after 1 to 60,000 milliseconds, once; the call before is forgotten. */
void ticks_wake_after(uint32_t milliseconds);

void ticks_interrupt(void);
void ticks_wake_interrupt(void);

#endif
