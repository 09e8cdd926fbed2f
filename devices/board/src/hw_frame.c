#include "hw_frame.h"

#include "hw_crc32.h"

/* A frame fits one block, so no code is 0xff, and a zero belongs where each code stands. */
uint8_t hw_frame_unseal(hw_frame_reader *reader) {
  const uint32_t count = reader->run;
  uint32_t at = 0;
  if (count < 1 + HW_FRAME_PAYLOAD + HW_FRAME_CHECK_BYTES || count > sizeof reader->bytes) return 0;
  while (at < count) {
    const uint8_t code = reader->bytes[at];
    reader->bytes[at] = 0;
    at += code;
  }
  if (at != count || hw_crc32(reader->bytes + 1, count - 1) != HW_CRC32_RESIDUE) return 0;
  return (uint8_t)(count - 1);
}

size_t hw_frame_seal(uint8_t *wire, uint8_t count) {
  uint32_t check = hw_crc32(wire + 1, count);
  uint8_t at = (uint8_t)(count + 1);
  for (uint8_t i = 0; i < HW_FRAME_CHECK_BYTES; i++, check >>= 8) wire[at++] = (uint8_t)check;
  const uint8_t end = at;
  /* It fits one block: each zero becomes the distance to the next, the byte in front the distance to the first. */
  uint8_t next = end;
  wire[0] = 0;
  wire[end] = 0;
  while (at-- > 0) {
    if (wire[at] != 0) continue;
    wire[at] = (uint8_t)(next - at);
    next = at;
  }
  return (size_t)end + 1;
}
