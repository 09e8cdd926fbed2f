#include "ticks.h"

#include <stdbool.h>

#include "mps2.h"

/** Of the processor's own timer, which counts to 2^24. */
#define PERIOD_MS 500u
#define CLOCKS_PER_MS (MPS2_CLOCK_HZ / 1000u)

static volatile uint32_t periods;

void ticks_start(void) {
  MPS2_SYSTICK_RELOAD = PERIOD_MS * CLOCKS_PER_MS - 1u;
  MPS2_SYSTICK_VALUE = 0;
  /* enabled, with an interrupt, by the processor's clock */
  MPS2_SYSTICK_CONTROL = 7u;
  /* Until its first clock it shows 0, as at the end of a period: time would begin with one and then go back. */
  while (MPS2_SYSTICK_VALUE == 0) {
  }
  MPS2_NVIC_ENABLE = 1u << MPS2_TIMER0_LINE;
}

void ticks_interrupt(void) {
  periods++;
}

uint32_t ticks_now(void) {
  uint32_t count;
  uint32_t left;
  bool is_over;
  do {
    count = periods;
    left = MPS2_SYSTICK_VALUE;
    is_over = (MPS2_PENDING & MPS2_SYSTICK_PENDING) != 0;
  } while (count != periods);
  if (is_over) {
    /* a period has ended, and its interrupt is still to come */
    left = MPS2_SYSTICK_VALUE;
    count++;
  }
  return count * PERIOD_MS + (PERIOD_MS * CLOCKS_PER_MS - 1u - left) / CLOCKS_PER_MS;
}

void ticks_wake_after(uint32_t milliseconds) {
  MPS2_TIMER0->control = 0;
  MPS2_TIMER0->value = milliseconds * CLOCKS_PER_MS;
  MPS2_TIMER0->control = MPS2_TIMER_ON | MPS2_TIMER_INTERRUPT;
}

void ticks_wake_interrupt(void) {
  MPS2_TIMER0->control = 0;
  MPS2_TIMER0->interrupts = 1u;
}
