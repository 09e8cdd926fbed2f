#include "hw_bytes.h"

void hw_put_u32(uint8_t bytes[4], uint32_t value) {
  for (unsigned i = 0; i < 4; i++) bytes[i] = (uint8_t)(value >> (24 - 8 * i));
}

void hw_put_u64(uint8_t bytes[8], uint64_t value) {
  hw_put_u32(bytes, (uint32_t)(value >> 32));
  hw_put_u32(bytes + 4, (uint32_t)value);
}

uint32_t hw_get_u32(const uint8_t bytes[4]) {
  uint32_t value = 0;
  for (unsigned i = 0; i < 4; i++) value = (value << 8) | bytes[i];
  return value;
}

bool hw_is_zero(const uint8_t *bytes, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (bytes[i] != 0) return false;
  return true;
}
