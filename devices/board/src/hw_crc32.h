/** CRC-32 of IEEE 802.3, as in zlib. */
#ifndef HW_CRC32_H
#define HW_CRC32_H

#include <stddef.h>
#include <stdint.h>

/** What hw_crc32 makes of any bytes that are followed by their own CRC-32, little-endian. */
#define HW_CRC32_RESIDUE 0x2144df1cu

/** The CRC-32 of `count` bytes: reflected 0xEDB88320, initial value and final xor 0xFFFFFFFF. */
uint32_t hw_crc32(const uint8_t *bytes, size_t count);

#endif
