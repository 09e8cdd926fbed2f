#include "hw_mqtt.h"

#include <string.h>

#include "hw_compiler.h"
#include "hw_time.h"

#define PING_MS (HW_MQTT_KEEP_ALIVE * 500ul)

/* First bytes of control packets, 2.2. */
#define CONNECT 0x10
#define CONNACK 0x20
#define PUBLISH 0x30
#define PUBLISH_QOS_1 0x32
#define PUBACK 0x40
#define SUBSCRIBE 0x82
#define SUBACK 0x90
#define PINGREQ 0xc0
#define PINGRESP 0xd0
#define DUP 0x08

/* Username, password, clean session: 3.1.2.3. */
#define FLAGS 0xc2

#define LAST_RETURN_CODE 5

/* States. In CONNECTING nothing but CONNACK may come: after one that refuses, nothing. */
#define DOWN 0
#define LINK_UP 1
#define CONNECTING 2
#define CONNECTED 3

/* What the next byte that comes in is. */
#define KIND 0
#define LENGTH 1
#define BODY 2
#define TOPIC 3
#define PAYLOAD 4

/* Of a PUBLISH's first byte: also how many bytes its id has. */
#define HAS_ID 0x02
#define QOS_1 1
#define LARGEST_LEFT 268435455u

/* Makes the packet's next bytes, and sends those that are not sent yet. */
static void make(hw_mqtt *client, const uint8_t *bytes, uint32_t length) {
  hw_mqtt_packet *packet = &client->out;
  const uint32_t from = packet->made;
  packet->made += length;
  while (packet->sent >= from && packet->sent < packet->made) {
    const uint8_t *next = &packet->byte;
    size_t count = 1;
    if (bytes != NULL) {
      next = bytes + (packet->sent - from);
      count = packet->made - packet->sent;
    } else if (!packet->has_byte) {
      packet->source(packet->source_context, &packet->byte, 1);
      packet->has_byte = true;
    }
    count = hw_link_send(&client->link, next, count);
    if (count == 0) return;
    packet->has_byte = false;
    packet->sent += (uint32_t)count;
  }
}

static void make_number(hw_mqtt *client, uint32_t value) {
  const uint8_t bytes[] = {(uint8_t)(value >> 8), (uint8_t)value};
  make(client, bytes, sizeof bytes);
}

/* All but the fixed header. */
static void make_body(hw_mqtt *client) {
  const hw_mqtt_packet *packet = &client->out;
  const uint8_t kind = client->out_kind;
  if (kind == CONNECT) {
    static const uint8_t fixed[] = {
        0, 4, 'M', 'Q', 'T', 'T', 4, FLAGS, HW_MQTT_KEEP_ALIVE >> 8, HW_MQTT_KEEP_ALIVE & 0xff,
    };
    make(client, fixed, sizeof fixed);
  }
  /* SUBSCRIBE has its id in front of the text, PUBLISH behind it. */
  if (kind == SUBSCRIBE) make_number(client, client->packet_id);
  for (uint8_t i = 0; i < HW_MQTT_TEXTS; i++) {
    const char *text = packet->texts[i];
    if (text == NULL) continue;
    const uint32_t length = (uint32_t)strlen(text);
    make_number(client, length);
    make(client, (const uint8_t *)text, length);
  }
  if (kind == PUBLISH_QOS_1) make_number(client, client->packet_id);
  make(client, packet->rest, packet->rest_length);
}

/* Gives the packet to the link as far as there is room. */
static void push(hw_mqtt *client) {
  hw_mqtt_packet *packet = &client->out;
  const uint32_t sent = packet->sent;
  /* Nothing is sent while the bytes after the fixed header are counted (2.2.3). */
  packet->sent = UINT32_MAX;
  packet->made = 0;
  make_body(client);
  uint32_t left = packet->made;
  packet->sent = sent;
  packet->made = 0;
  make(client, &client->out_kind, 1);
  do {
    const uint8_t digit = (uint8_t)(left < 0x80 ? left : left | 0x80);
    make(client, &digit, 1);
    left >>= 7;
  } while (left > 0);
  make_body(client);
  client->is_out_sent = packet->sent == packet->made;
}

static void flush(hw_mqtt *client) {
  hw_mqtt_packet *packet = &client->out;
  for (;;) {
    if (packet->sent == 0 || client->is_out_sent) {
      const size_t taken = hw_link_send(&client->link, client->small, client->small_count);
      client->small_count = (uint8_t)(client->small_count - taken);
      for (uint8_t i = 0; i < client->small_count; i++) client->small[i] = client->small[i + taken];
      if (client->small_count > 0) return;
    }
    if (client->out_kind == 0 || client->is_out_sent) return;
    push(client);
    if (!client->is_out_sent) return;
    if (client->out_kind != PUBLISH) continue;
    client->out_kind = 0;
    client->events->published(client->events->context);
  }
}

/* Queues a packet of up to four bytes; false when too many wait. */
static HW_NOINLINE bool say_small(hw_mqtt *client, uint8_t kind, uint8_t length, uint32_t id) {
  if (client->small_count > sizeof client->small - 4) return false;
  uint8_t *small = client->small + client->small_count;
  small[0] = kind;
  small[1] = length;
  small[2] = (uint8_t)(id >> 8);
  small[3] = (uint8_t)id;
  client->small_count = (uint8_t)(client->small_count + 2 + length);
  return true;
}

static bool end_message(hw_mqtt *client) {
  client->step = KIND;
  client->events->message_end(client->events->context);
  return (client->kind & HAS_ID) == 0 || say_small(client, PUBACK, 2, client->last);
}

/* The answer to the packet that was sent. */
static bool take_answer(hw_mqtt *client) {
  const hw_mqtt_events *events = client->events;
  const uint8_t kind = client->kind;
  const uint8_t code = (uint8_t)client->last;
  const uint16_t id = (uint16_t)(kind == SUBACK ? client->last >> 8 : client->last);
  client->step = KIND;
  client->out_kind = 0;
  if (kind == CONNACK) {
    /* A clean session is never present, so the byte in front of the code is zero (3.2.2.2). */
    if (id > LAST_RETURN_CODE) return false;
    if (id == 0) client->state = CONNECTED;
    events->connected(events->context, code);
    return true;
  }
  if (id != client->packet_id) return false;
  if (kind == PUBACK) {
    events->published(events->context);
  } else {
    events->subscribed(events->context, code);
  }
  return true;
}

/* The first byte of a packet; false where it may not come now. */
static bool take_kind(hw_mqtt *client, uint8_t byte) {
  client->kind = byte;
  client->left = 0;
  client->need = 0;
  client->topic_count = 0;
  client->step = LENGTH;
  const uint8_t answered = client->out_kind & 0xf0;
  if (client->is_out_sent && answered != 0 && byte == answered + 0x10) return true;
  if (client->state != CONNECTED) return false;
  /* QoS 2 was not asked for, and QoS 0 is never a duplicate (3.3.1.1). The last bit says retained. */
  return byte == PINGRESP || (byte & 0xfc) == PUBLISH || (byte & 0xfe) == (PUBLISH_QOS_1 | DUP);
}

static bool is_publish(const hw_mqtt *client) { return (client->kind & 0xf0) == PUBLISH; }

/* Takes in a byte that is not payload; false when the peer broke the protocol. */
static HW_NOINLINE bool parse(hw_mqtt *client, uint8_t byte) {
  if (client->step == KIND) return take_kind(client, byte);
  client->last = client->last << 8 | byte;
  if (client->step == LENGTH) {
    client->left |= (uint32_t)(byte & 0x7f) << client->need;
    client->need += 7;
    if (byte > 0x7f) return client->need < 28;
    client->step++;
    client->need = 2;
    if (is_publish(client)) return true;
    if (client->kind == SUBACK) client->need = 3;
    if (client->kind == PINGRESP) client->step = KIND;
    if (client->kind == PINGRESP) client->need = 0;
    return client->left == client->need;
  }
  const uint8_t id_length = client->kind & HAS_ID;
  if (client->step == TOPIC && client->need > id_length && client->topic_count < HW_MQTT_TOPIC) {
    client->topic[client->topic_count++] = (char)byte;
  }
  if (--client->need > 0) return true;
  if (!is_publish(client)) return take_answer(client);
  const uint16_t value = (uint16_t)client->last;
  client->step++;
  if (client->step == TOPIC) {
    client->need = (uint32_t)value + id_length;
    client->left -= 2 + client->need;
    return value != 0 && client->left <= LARGEST_LEFT;
  }
  if (value == 0 && id_length > 0) return false;
  client->events->message_begin(client->events->context, client->topic, client->topic_count, client->left);
  return true;
}

static void receive(void *context, const uint8_t *bytes, size_t count) {
  hw_mqtt *client = context;
  /* A callback may end the session. */
  while (count > 0 && client->state != DOWN) {
    uint32_t taken = 1;
    bool is_good = true;
    if (client->step == PAYLOAD) {
      taken = client->left < count ? client->left : (uint32_t)count;
      client->left -= taken;
      client->events->message_bytes(client->events->context, bytes, taken);
    } else {
      is_good = parse(client, *bytes);
    }
    if (is_good && client->step == PAYLOAD && client->left == 0 && client->state != DOWN) is_good = end_message(client);
    if (!is_good) hw_link_restart(&client->link, client->link.now);
    bytes += taken;
    count -= taken;
  }
  flush(client);
}

static void write(void *context, const uint8_t *bytes, size_t count) {
  const hw_mqtt *client = context;
  client->write(client->write_context, bytes, count);
}

static void up(void *context) {
  hw_mqtt *client = context;
  client->state = LINK_UP;
  client->step = KIND;
  client->small_count = 0;
  client->events->link_up(client->events->context);
}

static void down(void *context) {
  hw_mqtt *client = context;
  client->state = DOWN;
  client->out_kind = 0;
  client->events->down(client->events->context);
}

void hw_mqtt_start(hw_mqtt *client, const hw_mqtt_events *events,
                   void (*line)(void *context, const uint8_t *bytes, size_t count), void *write_context,
                   uint32_t first_session_id, uint32_t now_ms) {
  static const hw_link_events link_events = {NULL, write, receive, up, down};
  memset(client, 0, sizeof *client);
  client->events = events;
  client->write = line;
  client->write_context = write_context;
  client->ping_at = now_ms;
  hw_link_start(&client->link, &link_events, first_session_id, now_ms);
  client->link.context = client;
}

void hw_mqtt_take(hw_mqtt *client, const uint8_t *bytes, size_t count, uint32_t now_ms) {
  hw_link_take(&client->link, bytes, count, now_ms);
  hw_mqtt_tick(client, now_ms);
}

uint32_t hw_mqtt_tick(hw_mqtt *client, uint32_t now_ms) {
  if (hw_is_past(now_ms, client->ping_at)) {
    client->ping_at = now_ms + PING_MS;
    if (client->state == CONNECTED) say_small(client, PINGREQ, 0, 0);
  }
  flush(client);
  return hw_link_tick(&client->link, now_ms);
}

/* Begins a packet; NULL when it is not the time for it. */
static HW_NOINLINE hw_mqtt_packet *begin(hw_mqtt *client, uint8_t state, uint8_t kind, const char *text) {
  hw_mqtt_packet *packet = &client->out;
  if (client->state != state || client->out_kind != 0) return NULL;
  memset(packet, 0, sizeof *packet);
  client->is_out_sent = false;
  client->out_kind = kind;
  packet->texts[0] = text;
  /* Never 0. */
  client->packet_id = (uint16_t)((client->packet_id + 1) | 0x8000);
  return packet;
}

bool hw_mqtt_connect(hw_mqtt *client, const char *client_id, const char *username, const char *password) {
  hw_mqtt_packet *packet = begin(client, LINK_UP, CONNECT, client_id);
  if (packet == NULL) return false;
  packet->texts[1] = username;
  packet->texts[2] = password;
  client->state = CONNECTING;
  return true;
}

bool hw_mqtt_subscribe(hw_mqtt *client, const char *filter) {
  hw_mqtt_packet *packet = begin(client, CONNECTED, SUBSCRIBE, filter);
  if (packet == NULL) return false;
  packet->byte = QOS_1;
  packet->rest = &packet->byte;
  packet->rest_length = 1;
  return true;
}

bool hw_mqtt_publish_from(hw_mqtt *client, const char *topic, hw_mqtt_source source, void *source_context,
                          uint32_t length, uint8_t qos) {
  hw_mqtt_packet *packet = begin(client, CONNECTED, qos > 0 ? PUBLISH_QOS_1 : PUBLISH, topic);
  if (packet == NULL) return false;
  packet->source = source;
  packet->source_context = source_context;
  packet->rest_length = length;
  return true;
}

bool hw_mqtt_publish(hw_mqtt *client, const char *topic, const uint8_t *payload, size_t length, uint8_t qos) {
  if (!hw_mqtt_publish_from(client, topic, NULL, NULL, (uint32_t)length, qos)) return false;
  client->out.rest = payload;
  return true;
}

void hw_mqtt_restart(hw_mqtt *client, uint32_t now_ms) { hw_link_restart(&client->link, now_ms); }
