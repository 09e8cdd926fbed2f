/**
 * What of the Cortex-M3 and of Arm's MPS2 board (AN385) the firmware uses.
 *
 * Arm DDI 0403E (ARMv7-M), Arm DDI 0479C (CMSDK, 4.3: the UART), Arm DAI 0385D (the board).
 */
#ifndef MPS2_H
#define MPS2_H

#include <stdint.h>

/** A UART of Arm's Cortex-M System Design Kit. */
typedef struct {
  volatile uint32_t data;
  volatile uint32_t state;
  volatile uint32_t control;
  volatile uint32_t interrupts; /* read: which are pending; write 1: they are not any more */
  volatile uint32_t divider;    /* of the 25 MHz clock; 16 at least */
} mps2_uart;

/** A timer of the same: it counts down to 0. */
typedef struct {
  volatile uint32_t control;
  volatile uint32_t value;
  volatile uint32_t reload;
  volatile uint32_t interrupts;
} mps2_timer;

#define MPS2_TIMER0 ((mps2_timer *)0x40000000u)

#define MPS2_TIMER_ON 1u
#define MPS2_TIMER_INTERRUPT 8u

#define MPS2_UART0 ((mps2_uart *)0x40004000u)
#define MPS2_UART1 ((mps2_uart *)0x40005000u)

#define MPS2_UART_TX_FULL 1u
#define MPS2_UART_RX_FULL 2u
#define MPS2_UART_TX_ON 1u
#define MPS2_UART_RX_ON 2u
#define MPS2_UART_TX_PENDING 1u
#define MPS2_UART_RX_PENDING 2u
#define MPS2_UART_TX_INTERRUPT 4u
#define MPS2_UART_RX_INTERRUPT 8u

#define MPS2_CLOCK_HZ 25000000u

#define MPS2_SYSTICK_CONTROL (*(volatile uint32_t *)0xE000E010u)
#define MPS2_SYSTICK_RELOAD (*(volatile uint32_t *)0xE000E014u)
#define MPS2_SYSTICK_VALUE (*(volatile uint32_t *)0xE000E018u)
#define MPS2_PENDING (*(volatile uint32_t *)0xE000ED04u)
#define MPS2_SYSTICK_PENDING (1u << 26)
#define MPS2_NVIC_ENABLE (*(volatile uint32_t *)0xE000E100u)

/** Positions in the interrupt controller. */
#define MPS2_UART0_RX_LINE 0u
#define MPS2_UART0_TX_LINE 1u
#define MPS2_TIMER0_LINE 8u

/** 16 MB beside the firmware's own memory, where the emulator puts the assets. */
#define MPS2_ASSETS ((const uint8_t *)0x21000000u)

#endif
