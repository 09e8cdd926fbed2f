/**
 * The board's end of the reliable serial link: an unreliable line of bytes in, one lossless stream per session out.
 *
 * The protocol is that of src/link/serial/reliable.ts, with which this talks. Nothing is allocated: a `hw_link` holds
 * all there is.
 *
 * Frames go to the line only from within hw_link_take and hw_link_tick. Whatever else is called only notes what to do,
 * so every function but those two and hw_link_start may be called from any callback. After hw_link_send or
 * hw_link_restart from elsewhere call hw_link_tick before sleeping. One thread: an interrupt only fills a buffer.
 *
 * Times are milliseconds of any clock that runs on; it may wrap around at 2^32.
 */
#ifndef HW_LINK_H
#define HW_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hw_frame.h"
#include "hw_receive_window.h"
#include "hw_send_window.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What the link calls. All must be set, and outlive the link. */
typedef struct {
  void *context;
  /** Bytes for the line: a whole frame, or a single zero. May block. Must not call the link. */
  void (*write)(void *context, const uint8_t *bytes, size_t count);
  /** The stream's bytes, in order, each once. They must be taken. */
  void (*receive)(void *context, const uint8_t *bytes, size_t count);
  /** A session has begun: both streams start anew. */
  void (*up)(void *context);
  /** The session has ended; what was not acknowledged may or may not have arrived. */
  void (*down)(void *context);
} hw_link_events;

/** Counters since the start; they wrap around. */
typedef struct {
  /** Frames written, of every type, repetitions included. */
  uint32_t frames_sent;
  /** Data frames written again. */
  uint32_t frames_resent;
  /** Whole frames received. */
  uint32_t frames_received;
  /** Runs of bytes between two zeros that were not a frame. */
  uint32_t bad_frames;
  /** The bytes of those: noise, log text, broken frames. */
  uint32_t discarded_bytes;
  /** Whole frames that were here already, of another session, or that make no sense in this one. */
  uint32_t refused_frames;
} hw_link_counters;

#define HW_LINK_HELLO_BYTES 6

/** The link. Its members are its own; only `counters` is for others to read. */
typedef struct {
  uint8_t state;
  /** What to say before take or tick returns, and the session that a reset is for. */
  bool is_ack_due;
  bool is_nak_due;
  bool is_reset_due;
  uint8_t reset_tag;
  /** Heartbeats since the peer was heard. */
  uint8_t silent;
  /** The payload of a syn, as hello.ts has it, behind its number and length. */
  uint8_t hello[2 + HW_LINK_HELLO_BYTES];
  uint16_t pause;
  const hw_link_events *events;
  /** What the events get: theirs, or that of a layer above which has constant events. */
  void *context;
  uint32_t now;
  uint32_t started_at;
  /** When to ask for a session again, or to show a sign of life. */
  uint32_t wake_at;
  hw_link_counters counters;
  hw_frame_reader reader;
  hw_send_window outbound;
  hw_receive_window inbound;
} hw_link;

/**
 * Begins: the first tick asks for a session. Also after a restart of the program, whatever `link` held.
 *
 * @param events must outlive the link
 * @param first_session_id one that no start of the last minutes has used: of a boot counter n, n * 0x9e3779b1. Later
 *   sessions of this start count on from it
 */
void hw_link_start(hw_link *link, const hw_link_events *events, uint32_t first_session_id, uint32_t now_ms);

/** Takes bytes off the line, in pieces of any size, and answers what they brought. Not from a callback. */
void hw_link_take(hw_link *link, const uint8_t *bytes, size_t count, uint32_t now_ms);

/**
 * Queues bytes of the stream. They go out with the next take or tick.
 *
 * @return how many were taken, HW_LINK_SEND_WINDOW * HW_LINK_MTU at most; 0 without a session
 */
size_t hw_link_send(hw_link *link, const uint8_t *bytes, size_t count);

/**
 * Sends and repeats what is due. Not from a callback.
 *
 * @return milliseconds until it wants to be called again; earlier and later calls do no harm
 */
uint32_t hw_link_tick(hw_link *link, uint32_t now_ms);

/**
 * Gives the session up, telling the peer, and asks for a new one: at once, but after a pause that grows from 0.1 to
 * 3.2 s where sessions ended so are shorter than 3 s. `down` is called from within. Without a session it does nothing.
 */
void hw_link_restart(hw_link *link, uint32_t now_ms);

#ifdef __cplusplus
}
#endif

#endif
