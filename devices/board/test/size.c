/**
 * What is left of a program without the library: libc's memcpy, memset and strlen, and one object of each kind.
 *
 * The linker is told to keep the library's functions or not; the difference is what they cost. The objects are in a
 * section of their own, which tells the RAM.
 */
#include <string.h>

#include "hw_mqtt.h"

volatile size_t input;
char text[8];
char other[8];

int main(void) {
  memcpy(text, other, input);
  memset(text, 0, input);
  return (int)strlen(text);
}

/* Kept only on request. */
hw_link size_of_link;
hw_mqtt size_of_mqtt;
