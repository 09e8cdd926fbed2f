#include "line.h"

#include <stdbool.h>

#include "mps2.h"
#include "ticks.h"

/** Of one sleep. */
#define MOST_MS 1000u
#define BAUD 115200u
/** A power of two. */
#define RING 1024u

static volatile uint8_t ring[RING];
/** Counts of bytes; they wrap around together. */
static volatile uint32_t put;
static volatile uint32_t taken;

void line_open(void) {
  MPS2_UART0->divider = MPS2_CLOCK_HZ / BAUD;
  MPS2_UART0->control =
      MPS2_UART_TX_ON | MPS2_UART_RX_ON | MPS2_UART_TX_INTERRUPT | MPS2_UART_RX_INTERRUPT;
  MPS2_NVIC_ENABLE = 1u << MPS2_UART0_RX_LINE | 1u << MPS2_UART0_TX_LINE;
}

void line_receive_interrupt(void) {
  /* First of all: a byte that comes from now on interrupts again. */
  MPS2_UART0->interrupts = MPS2_UART_RX_PENDING;
  while ((MPS2_UART0->state & MPS2_UART_RX_FULL) != 0) {
    if (put - taken == RING) {
      /* The byte stays where it is until there is room: see line_read. */
      MPS2_UART0->control &= ~MPS2_UART_RX_INTERRUPT;
      break;
    }
    ring[put % RING] = (uint8_t)MPS2_UART0->data;
    put++;
  }
}

void line_send_interrupt(void) {
  MPS2_UART0->interrupts = MPS2_UART_TX_PENDING;
}

size_t line_read(uint8_t *bytes, size_t size) {
  size_t count = 0;
  while (count < size && taken != put) {
    bytes[count] = ring[taken % RING];
    count++;
    taken++;
  }
  if ((MPS2_UART0->control & MPS2_UART_RX_INTERRUPT) == 0) {
    __asm__ volatile("cpsid i" ::: "memory");
    MPS2_UART0->control |= MPS2_UART_RX_INTERRUPT;
    line_receive_interrupt();
    __asm__ volatile("cpsie i" ::: "memory");
  }
  return count;
}

/** With interrupts masked one that comes in between still wakes the processor (ARMv7-M, B1.5.18). */
static void sleep_unless(bool (*is_over)(void)) {
  __asm__ volatile("cpsid i" ::: "memory");
  if (!is_over()) __asm__ volatile("dsb\n wfi" ::: "memory");
  __asm__ volatile("cpsie i\n isb" ::: "memory");
}

static bool has_come(void) {
  return put != taken;
}

static bool can_send(void) {
  return (MPS2_UART0->state & MPS2_UART_TX_FULL) == 0;
}

void line_sleep(uint32_t milliseconds) {
  ticks_wake_after(milliseconds < MOST_MS ? milliseconds : MOST_MS);
  sleep_unless(has_come);
}

void line_write(const uint8_t *bytes, size_t count) {
  for (size_t at = 0; at < count; at++) {
    while (!can_send()) sleep_unless(can_send);
    MPS2_UART0->data = bytes[at];
  }
}
