/**
 * One frame of the serial link, to and from bytes: COBS around a header, a payload and a CRC-32.
 *
 * The layout is that of src/link/serial/frame.ts. A frame is at most 250 bytes before stuffing, so it fits one COBS
 * block and is stuffed where it stands.
 */
#ifndef HW_FRAME_H
#define HW_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Largest payload of one frame, in bytes, 6..240: a UART that buffers 64 bytes wants 40. The same in every source. */
#ifndef HW_LINK_MTU
#define HW_LINK_MTU 64
#endif

/** Largest payload that any end may have. */
#define HW_FRAME_MTU_LIMIT 240
/** Most data frames that may be unacknowledged: what the selective bitmap can describe. */
#define HW_FRAME_WINDOW_LIMIT 16

#if HW_LINK_MTU < 6 || HW_LINK_MTU > HW_FRAME_MTU_LIMIT
#error "HW_LINK_MTU must be 6..240: the handshake's payload has 6 bytes"
#endif

/** Where a frame's fields are. */
#define HW_FRAME_KIND 0
#define HW_FRAME_TAG 1
#define HW_FRAME_SEQUENCE 2
#define HW_FRAME_ACKNOWLEDGED 3
#define HW_FRAME_SELECTIVE 4
#define HW_FRAME_PAYLOAD 6

#define HW_FRAME_CHECK_BYTES 4
/** Most bytes of a frame before stuffing. */
#define HW_FRAME_BYTES (HW_FRAME_PAYLOAD + HW_LINK_MTU + HW_FRAME_CHECK_BYTES)
/** Most bytes of a frame on the line: one of stuffing in front, and the zero that ends it. */
#define HW_FRAME_WIRE (1 + HW_FRAME_BYTES + 1)

/** The two parts of HW_FRAME_KIND. */
#define HW_FRAME_TYPE(kind) ((uint8_t)((kind)&7u))
#define HW_FRAME_CREDIT(kind) ((uint8_t)((kind) >> 3))
#define HW_FRAME_KIND_OF(type, credit) ((uint8_t)((type) | (credit) << 3))

/** Types. */
#define HW_FRAME_DATA 1
#define HW_FRAME_ACK 2
#define HW_FRAME_NAK 3
#define HW_FRAME_SYN 4
#define HW_FRAME_SYNACK 5
#define HW_FRAME_RESET 6

/** What a frame carries, and its number. */
typedef struct {
  uint8_t sequence;
  uint8_t length;
  uint8_t bytes[HW_LINK_MTU];
} hw_payload;

/** The bytes since the last zero on the line: a frame where the next one comes. Zeros are its beginning. */
typedef struct {
  /** How many, those that are too many to keep too. */
  uint32_t run;
  uint8_t bytes[1 + HW_FRAME_BYTES];
} hw_frame_reader;

/**
 * Undoes the stuffing of what was read and checks it.
 *
 * @return how many bytes the frame at `reader->bytes + 1` has, its check included; 0 when it is none
 */
uint8_t hw_frame_unseal(hw_frame_reader *reader);

/**
 * Adds check, stuffing and closing zero to a frame that stands at `wire + 1`.
 *
 * @param wire room for HW_FRAME_WIRE bytes
 * @param count header and payload, 6..6 + HW_LINK_MTU bytes
 * @return how many bytes of `wire` are to be sent
 */
size_t hw_frame_seal(uint8_t *wire, uint8_t count);

#endif
