/**
 * The MQTT client over the link. Commands: 'b' start anew (first session id), 't' bytes off the line, 'c' connect (three
 * texts, each with a zero behind it), 's' subscribe (a text), 'p' publish (QoS, whether from a source, a text with a zero,
 * the payload), 'r' restart, 'f' flags. Records: 'w' bytes for the line, 'l' link up, 'C' connected, 'S' subscribed, 'm'
 * message begins (payload's length and topic), 'y' its bytes, 'e' its end, 'P' published, 'd' down, 'n' a call was refused,
 * '.' ms until the next tick. Each command ends with a tick.
 */
#include "hw_mqtt.h"

#include <stdlib.h>
#include <string.h>

#include "conversation.h"

/* Flags: connect and subscribe from within callbacks; publish back what comes; restart in the midst of a message. */
#define AUTOMATIC 1
#define ECHO 2
#define FICKLE 4

static hw_mqtt board;
static uint32_t now;
static uint8_t flags;
static int line;
static unsigned depth;
static uint8_t is_up;
static uint32_t left;
/* What publish was given stays here until it is done. */
static char *topic;
static uint8_t *payload;
static size_t payload_at;
static char *texts;
static uint8_t *echo;
static size_t echo_count;
static char echo_topic[HW_MQTT_TOPIC + 1];

static void note(bool is_taken) {
  if (!is_taken) answer('n', NULL, 0);
}

static void on_write(void *context, const uint8_t *bytes, size_t count) {
  must(context == &line && depth == 0, "nothing is written from within a callback");
  answer('w', bytes, count);
}

static void give(void *context, uint8_t *bytes, size_t count) {
  must(context == &line && count >= 1, "a source is asked for something");
  memcpy(bytes, payload + payload_at, count);
  payload_at += count;
}

static void on_link_up(void *context) {
  must(context == &line && is_up == 0, "link up comes after down");
  is_up = 1;
  depth++;
  answer('l', NULL, 0);
  if ((flags & AUTOMATIC) != 0) {
    note(hw_mqtt_connect(&board, "board", "user", "password"));
    must(!hw_mqtt_connect(&board, "board", "user", "password"), "connect is taken once");
    must(!hw_mqtt_subscribe(&board, "a/+"), "nothing is subscribed before connected");
  }
  depth--;
}

static void on_connected(void *context, uint8_t code) {
  must(context == &line && is_up == 1 && code <= 5, "connected comes once, with a code");
  is_up = 2;
  depth++;
  answer_number('C', code);
  if ((flags & AUTOMATIC) != 0 && code == 0) note(hw_mqtt_subscribe(&board, "a/+"));
  depth--;
}

static void on_subscribed(void *context, uint8_t code) {
  must(context == &line && is_up == 2, "subscribed comes in a session");
  answer_number('S', code);
}

static void on_begin(void *context, const char *name, size_t length, uint32_t payload_length) {
  must(context == &line && is_up == 2 && left == 0, "messages come one after the other");
  must(length >= 1 && length <= HW_MQTT_TOPIC, "a topic has a length");
  uint8_t record[4 + HW_MQTT_TOPIC];
  for (unsigned i = 0; i < 4; i++) record[i] = (uint8_t)(payload_length >> (8 * i));
  memcpy(record + 4, name, length);
  answer('m', record, 4 + length);
  left = payload_length;
  memcpy(echo_topic, name, length);
  echo_topic[length] = 0;
  echo_count = 0;
  depth++;
  if ((flags & FICKLE) != 0 && name[0] == 'Z') hw_mqtt_restart(&board, now);
  depth--;
}

static void on_bytes(void *context, const uint8_t *bytes, size_t count) {
  must(context == &line && is_up == 2 && count >= 1 && count <= left, "no more payload than announced");
  left -= (uint32_t)count;
  answer('y', bytes, count);
  if ((flags & ECHO) != 0 && echo_count + count < 65536) {
    memcpy(echo + echo_count, bytes, count);
    echo_count += count;
  }
  if ((flags & FICKLE) != 0 && bytes[0] == 'X') {
    depth++;
    hw_mqtt_restart(&board, now);
    depth--;
  }
}

static void on_end(void *context) {
  must(context == &line && is_up == 2 && left == 0, "a message ends when it is whole");
  depth++;
  answer('e', NULL, 0);
  if ((flags & ECHO) != 0) note(hw_mqtt_publish(&board, echo_topic, echo, echo_count, 1));
  if ((flags & FICKLE) != 0 && echo_topic[0] == 'Y') hw_mqtt_restart(&board, now);
  depth--;
}

static void on_published(void *context) {
  must(context == &line && is_up == 2, "published comes in a session");
  answer('P', NULL, 0);
}

static void on_down(void *context) {
  must(context == &line && is_up != 0, "down comes after link up");
  is_up = 0;
  left = 0;
  answer('d', NULL, 0);
  must(!hw_mqtt_connect(&board, "x", "y", "z") && !hw_mqtt_publish(&board, "x", NULL, 0, 0), "nothing is taken when down");
  hw_mqtt_restart(&board, now);
}

static void start(uint32_t session) {
  static const hw_mqtt_events events = {
      &line, on_link_up, on_connected, on_subscribed, on_begin, on_bytes, on_end, on_published, on_down,
  };
  memset(&board, 0xa5, sizeof board);
  is_up = 0;
  left = 0;
  hw_mqtt_start(&board, &events, on_write, &line, session, now);
}

static char *copy(const uint8_t *bytes, size_t count) {
  char *made = malloc(count + 1);
  must(made != NULL, "memory is left");
  memcpy(made, bytes, count + 1);
  return made;
}

static void publish(const command *next) {
  const char *name = (const char *)next->bytes + 2;
  const size_t name_length = strlen(name);
  const size_t count = next->length - 3 - name_length;
  char *new_topic = copy(next->bytes + 2, name_length);
  uint8_t *new_payload = malloc(count > 0 ? count : 1);
  memcpy(new_payload, next->bytes + 3 + name_length, count);
  const bool is_taken =
      next->bytes[1] != 0 ? hw_mqtt_publish_from(&board, new_topic, give, &line, (uint32_t)count, next->bytes[0])
                          : hw_mqtt_publish(&board, new_topic, new_payload, count, next->bytes[0]);
  note(is_taken);
  if (is_taken) {
    free(topic);
    free(payload);
    topic = new_topic;
    payload = new_payload;
    payload_at = 0;
  } else {
    free(new_topic);
    free(new_payload);
  }
}

static void connect_or_subscribe(const command *next) {
  char *copied = copy(next->bytes, next->length);
  const char *second = copied + strlen(copied) + 1;
  const bool is_taken = next->what == 's' ? hw_mqtt_subscribe(&board, copied)
                                          : hw_mqtt_connect(&board, copied, second, second + strlen(second) + 1);
  note(is_taken);
  if (is_taken) free(texts);
  if (is_taken) texts = copied;
  if (!is_taken) free(copied);
}

static void obey(const command *next) {
  switch (next->what) {
    case 'b':
      start(number_at(next->bytes));
      break;
    case 't': {
      uint8_t *bytes = malloc(next->length);
      if (next->length > 0) memcpy(bytes, next->bytes, next->length);
      hw_mqtt_take(&board, bytes, next->length, now);
      free(bytes);
      break;
    }
    case 'c':
    case 's':
      connect_or_subscribe(next);
      break;
    case 'p':
      publish(next);
      break;
    case 'r':
      hw_mqtt_restart(&board, now);
      break;
    case 'f':
      flags = next->bytes[0];
      break;
    default:
      break;
  }
}

int main(void) {
  command next;
  echo = malloc(65536);
  start(1);
  while (next_command(&next)) {
    now = next.now;
    obey(&next);
    end_answer(hw_mqtt_tick(&board, now));
  }
  free(echo);
  free(topic);
  free(payload);
  free(texts);
  return 0;
}
