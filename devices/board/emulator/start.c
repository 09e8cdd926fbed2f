/** From reset to main: memory as C expects it, and the table of exceptions (ARMv7-M, B1.5.3). */
#include <stdint.h>

#include "console.h"
#include "line.h"
#include "semihosting.h"
#include "ticks.h"

extern uint32_t data_source[], data_begin[], data_end[], bss_begin[], bss_end[], stack_top[];

int main(void);
void reset(void);

void reset(void) {
  const uint32_t *from = data_source;
  for (uint32_t *to = data_begin; to < data_end;) *to++ = *from++;
  for (uint32_t *to = bss_begin; to < bss_end;) *to++ = 0;
  (void)main();
  semihosting_exit(true);
}

/** A fault is the firmware's own mistake: it is told, and the emulator ends with an error. */
static void crash(void) {
  console_crash();
  semihosting_exit(false);
}

typedef void (*handler)(void);

__attribute__((section(".vectors"), used)) static const struct {
  const uint32_t *stack;
  handler exceptions[15];
  handler interrupts[9];
} vectors = {
    stack_top,
    {reset, crash, crash, crash, crash, crash, 0, 0, 0, 0, crash, crash, 0, crash, ticks_interrupt},
    {line_receive_interrupt, line_send_interrupt, 0, 0, 0, 0, 0, 0, ticks_wake_interrupt},
};
