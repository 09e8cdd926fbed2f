#include "hw_crc32.h"

/* Bit by bit: a table costs more flash than a frame of 74 bytes costs time. */
uint32_t hw_crc32(const uint8_t *bytes, size_t count) {
  uint32_t crc = 0xffffffffu;
  while (count-- > 0) {
    crc ^= *bytes++;
    for (uint8_t bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1u) != 0 ? 0xedb88320u : 0);
  }
  return ~crc;
}
