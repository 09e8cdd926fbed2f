/** UART 0, which is the serial line to the gateway. */
#ifndef LINE_H
#define LINE_H

#include <stddef.h>
#include <stdint.h>

/** Opens the line at 115,200 baud. An emulated line is as fast as it can be. */
void line_open(void);

/** Sends bytes; waits until the UART has taken the last one. */
void line_write(const uint8_t *bytes, size_t count);

/** Takes what has come, `size` bytes at most; how many. */
size_t line_read(uint8_t *bytes, size_t size);

/** Sleeps for so many milliseconds, at least 1, or until a byte comes; not at all where bytes are waiting. */
void line_sleep(uint32_t milliseconds);

void line_receive_interrupt(void);
void line_send_interrupt(void);

#endif
