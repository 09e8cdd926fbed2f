/**
 * An MQTT 3.1.1 client over the reliable serial link: clean sessions, QoS 0 and 1 both ways, no payload buffers.
 *
 * What is sent stays with the caller until it is done (`connected`, `subscribed`, `published` or `down`); of what is
 * received the payload is handed over piece by piece. Section numbers are those of the OASIS standard "MQTT Version
 * 3.1.1". A peer that breaks it loses the session: `down`, then a new one.
 *
 * Packets go out only from within hw_mqtt_take and hw_mqtt_tick: whatever else is called only notes what to do, so
 * connect, subscribe, publish and restart may be called from every callback. After calling one from elsewhere call
 * hw_mqtt_tick before sleeping. Nothing is repeated across sessions: after `down` the caller says again what matters.
 */
#ifndef HW_MQTT_H
#define HW_MQTT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hw_link.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Longest topic that is handed over, in bytes, 1..255: longer ones are cut. */
#ifndef HW_MQTT_TOPIC
#define HW_MQTT_TOPIC 96
#endif

/**
 * QoS 1 messages that may be received before their acknowledgements are sent, 1..60. A broker that sends more without
 * waiting loses the session; the gateway stops at 20.
 */
#ifndef HW_MQTT_ACKS
#define HW_MQTT_ACKS 20
#endif

/**
 * Seconds, 2..65535: the broker ends a session in which no packet is finished for 1.5 times as long, so it must be enough
 * for the longest message at the line's speed. Half of it passes between two pings; the link itself notices a dead line.
 */
#ifndef HW_MQTT_KEEP_ALIVE
#define HW_MQTT_KEEP_ALIVE 60
#endif

/** What the client calls. All must be set, and outlive the client. */
typedef struct {
  void *context;
  /** A session of the link has begun: call hw_mqtt_connect. */
  void (*link_up)(void *context);
  /** The answer to CONNECT: 0 when accepted, 1..5 when not (3.2.2.3); then nothing but `down` follows. */
  void (*connected)(void *context, uint8_t return_code);
  /** The answer to SUBSCRIBE: the QoS granted, or 0x80. */
  void (*subscribed)(void *context, uint8_t code);
  /**
   * A message begins.
   *
   * @param topic not terminated; valid until message_end
   * @param topic_length 1..HW_MQTT_TOPIC
   * @param payload_length bytes that follow in message_bytes
   */
  void (*message_begin)(void *context, const char *topic, size_t topic_length, uint32_t payload_length);
  /** The payload's next bytes, 1 or more. */
  void (*message_bytes)(void *context, const uint8_t *bytes, size_t count);
  /** The message is whole. A QoS 1 message is acknowledged when this returns. Without this call it never was. */
  void (*message_end)(void *context);
  /** The message of hw_mqtt_publish is with the link (QoS 0), or acknowledged (QoS 1). The next may be published. */
  void (*published)(void *context);
  /** The session is over, with all that was under way in it, a message half received too. */
  void (*down)(void *context);
} hw_mqtt_events;

/**
 * A payload that is made while it is sent: gives its next `count` bytes, 1 or more. Called in order, until `length`
 * bytes were given or the session is down; must not call the client.
 */
typedef void (*hw_mqtt_source)(void *context, uint8_t *bytes, size_t count);

#define HW_MQTT_TEXTS 3

/** A packet that goes out. It is made anew each time that the link has room, and what was sent of it is skipped. */
typedef struct {
  /** A byte of the source for which the link had no room; of a SUBSCRIBE, the QoS. */
  bool has_byte;
  uint8_t byte;
  const char *texts[HW_MQTT_TEXTS];
  /** What follows the texts: the source's where `rest` is NULL. */
  const uint8_t *rest;
  uint32_t rest_length;
  hw_mqtt_source source;
  void *source_context;
  /** Bytes that are with the link, and bytes made so far this time. */
  uint32_t sent;
  uint32_t made;
} hw_mqtt_packet;

/** The client. Its members are its own; only `link.counters` is for others to read. */
typedef struct {
  uint8_t state;
  /** The first byte of the packet that goes out, until it is done: answered, where it has an answer; 0 for none. */
  uint8_t out_kind;
  /** Whether all of that is with the link. */
  bool is_out_sent;
  /** The packet that comes in: what its next byte is, and its first byte. */
  uint8_t step;
  uint8_t kind;
  uint8_t topic_count;
  uint8_t small_count;
  uint16_t packet_id;
  /** Its newest four bytes in front of the payload. */
  uint32_t last;
  /** Bytes until the next step; while its length comes in, bits of that so far. */
  uint32_t need;
  /** Bytes of payload; before that is known, of the whole. */
  uint32_t left;
  uint32_t ping_at;
  const hw_mqtt_events *events;
  void (*write)(void *context, const uint8_t *bytes, size_t count);
  void *write_context;
  hw_mqtt_packet out;
  /** Acknowledgements and pings. */
  uint8_t small[4 * HW_MQTT_ACKS];
  char topic[HW_MQTT_TOPIC];
  hw_link link;
} hw_mqtt;

/**
 * Begins: the first tick asks for a session of the link.
 *
 * @param events must outlive the client
 * @param write bytes for the line, as in hw_link_events; called with `write_context`
 * @param first_session_id as in hw_link_start
 */
void hw_mqtt_start(hw_mqtt *client, const hw_mqtt_events *events,
                   void (*write)(void *context, const uint8_t *bytes, size_t count), void *write_context,
                   uint32_t first_session_id, uint32_t now_ms);

/** Takes bytes off the line, in pieces of any size, and answers what they brought. Not from a callback. */
void hw_mqtt_take(hw_mqtt *client, const uint8_t *bytes, size_t count, uint32_t now_ms);

/**
 * Sends what is due. Not from a callback.
 *
 * @return milliseconds until it wants to be called again; earlier and later calls do no harm
 */
uint32_t hw_mqtt_tick(hw_mqtt *client, uint32_t now_ms);

/**
 * Sends CONNECT with a clean session and no will. Once a session, from `link_up` on; the texts must stay until
 * `connected` or `down`.
 *
 * @param client_id 1..65535 bytes
 * @param username 0..65535 bytes
 * @param password 0..65535 bytes
 * @return false without a session of the link, or when it was called in this one before
 */
bool hw_mqtt_connect(hw_mqtt *client, const char *client_id, const char *username, const char *password);

/**
 * Subscribes at QoS 1. The text must stay until `subscribed` or `down`.
 *
 * @param filter 1..65535 bytes
 * @return false before `connected`, and while a subscribe or publish is under way
 */
bool hw_mqtt_subscribe(hw_mqtt *client, const char *filter);

/**
 * Publishes one message; topic and payload must stay until `published` or `down`, one of which always comes.
 *
 * @param topic 1..65535 bytes
 * @param length up to 268,000,000 bytes
 * @param qos 0 or 1
 * @return false before `connected`, and while a subscribe or publish is under way
 */
bool hw_mqtt_publish(hw_mqtt *client, const char *topic, const uint8_t *payload, size_t length, uint8_t qos);

/** As hw_mqtt_publish, with a payload that `source` makes as the link has room for it. */
bool hw_mqtt_publish_from(hw_mqtt *client, const char *topic, hw_mqtt_source source, void *source_context,
                          uint32_t length, uint8_t qos);

/** Ends the session without DISCONNECT; `down` is called from within. The link pauses as in hw_link_restart. */
void hw_mqtt_restart(hw_mqtt *client, uint32_t now_ms);

#ifdef __cplusplus
}
#endif

#endif
