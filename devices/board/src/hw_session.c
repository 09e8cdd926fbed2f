#include "hw_session.h"

#include "hw_blobs.h"
#include "hw_bytes.h"
#include "hw_hiring.h"
#include "hw_name.h"

#include <string.h>

/** Longest pause before CONNECT after a refused login: the gateway waits five seconds for it. */
#define MOST_PAUSE_MS 4000u
#define FIRST_PAUSE_MS 500u
/** From CONNECT to the terms. */
#define LOGIN_MS 15000u
/** A board whose file was never confirmed asks to be paired for so long, and then tries the file again. */
#define PAIRING_MS 30000u

void hw_session_log(const hw_client *client, const char *line) {
  if (client->platform->log != NULL) client->platform->log(client->platform->context, line);
}

static void enter(hw_client *client, hw_session_state state) {
  client->state = (uint8_t)state;
  client->state_at = client->now;
}

bool hw_session_take_file(hw_client *client, const char *text, size_t length) {
  hw_reader_begin(&client->reader, HW_READS_FILE, &client->in, NULL, 0);
  hw_reader_feed(&client->reader, text, length);
  if (!hw_reader_end(&client->reader)) return false;
  const hw_file *file = &client->in.file;
  if (!hw_name_is_short(file->manufacturer, file->serial_number)) return false;
  if (!hw_wallet_open(&client->wallet, file)) return false;
  client->file = *file;
  client->has_file = true;
  return true;
}

hw_text hw_session_text(hw_client *client) {
  hw_text text;
  hw_text_begin(&text, client->message, sizeof client->message - HW_SEAL_SIZE);
  return text;
}

/** What seals the session, or NULL while it is not logged in or signs its messages. */
static hw_seal *seal_of(hw_client *client) {
  const bool is_in = client->state == HW_SESSION_OPEN || client->state == HW_SESSION_LOGGING_IN;
  return is_in ? hw_wallet_seal(&client->wallet) : NULL;
}

static bool say(hw_client *client, const char *level, const hw_text *text, uint8_t qos) {
  if (text->is_cut || client->is_saying) return false;
  size_t length = text->length;
  hw_seal *seal = seal_of(client);
  if (seal != NULL) {
    hw_seal_say(seal, level);
    hw_seal_say_bytes(seal, client->message, length);
    hw_seal_said(seal, (uint8_t *)client->message + length);
    length += HW_SEAL_SIZE;
  }
  client->is_saying =
      hw_mqtt_publish(&client->mqtt, hw_name_topic(client, level), (const uint8_t *)client->message, length, qos);
  return client->is_saying;
}

bool hw_session_say(hw_client *client, const char *level, const hw_text *text) {
  return say(client, level, text, 1);
}

bool hw_session_say_from(hw_client *client, const char *level, hw_mqtt_source source, uint32_t length) {
  if (client->is_saying) return false;
  hw_seal *seal = seal_of(client);
  if (seal != NULL) hw_seal_say(seal, level);
  const uint32_t whole = length + (seal != NULL ? HW_SEAL_SIZE : 0u);
  client->is_saying = hw_mqtt_publish_from(&client->mqtt, hw_name_topic(client, level), source, client, whole, 1);
  return client->is_saying;
}

static void say_login(hw_client *client, const char *token) {
  hw_text text = hw_session_text(client);
  hw_write_login(&text, client->wallet.address, client->options.slot, token);
  (void)hw_session_say(client, "login", &text);
}

static void say_pair(hw_client *client, const uint8_t *proof) {
  hw_text text = hw_session_text(client);
  const hw_client_options *options = &client->options;
  hw_write_pair(&text, options->manufacturer, options->serial_number, options->model, proof);
  /* the pairing file may come before an acknowledgement, and it comes into the same memory */
  (void)say(client, "pair", &text, proof == NULL ? 0 : 1);
}

static void answer_challenge(hw_client *client) {
  const hw_challenge *challenge = &client->challenge;
  char token[HW_TOKEN_SIZE];
  hw_login login = {.market = &client->file.market, .slot = client->options.slot, .time = challenge->time};
  client->is_challenged = false;
  memcpy(login.gateway_nonce, challenge->nonce, sizeof login.gateway_nonce);
  memset(login.board_nonce, 0, sizeof login.board_nonce);
  hw_put_u32(login.board_nonce, client->boot.boots);
  hw_put_u32(login.board_nonce + 4, client->sessions);
  memcpy(login.board_nonce + 8, client->wallet.address, 8);
  if (!hw_wallet_login(&client->wallet, &login, token)) return;
  say_login(client, token);
  enter(client, HW_SESSION_LOGGING_IN);
}

void hw_session_speak(hw_client *client) {
  if (client->is_saying) return;
  if (client->state == HW_SESSION_ASKING && client->is_challenged) answer_challenge(client);
  if (client->state == HW_SESSION_OPEN && !hw_hiring_say(client)) (void)hw_blobs_say(client);
}

static void connect(hw_client *client) {
  hw_name_connection(client);
  enter(client, HW_SESSION_CONNECTING);
  (void)hw_mqtt_connect(&client->mqtt, client->client_id, client->username,
                        client->is_pairing ? "pair" : "challenge");
}

static void on_link_up(void *context) {
  hw_client *client = context;
  client->sessions++;
  if (client->login_pause > 0) enter(client, HW_SESSION_PAUSED);
  else connect(client);
}

static void on_connected(void *context, uint8_t return_code) {
  hw_client *client = context;
  if (return_code != 0) {
    hw_session_log(client, "CONNECT was refused");
    hw_session_turned_away(client);
    return;
  }
  enter(client, HW_SESSION_SUBSCRIBING);
  (void)hw_mqtt_subscribe(&client->mqtt, hw_name_topic(client, client->is_pairing ? "pairing" : "+"));
}

static void on_subscribed(void *context, uint8_t code) {
  hw_client *client = context;
  if (code > 1) {
    hw_session_log(client, "the subscription was refused");
    hw_session_turned_away(client);
  } else if (client->is_pairing) {
    enter(client, HW_SESSION_PAIRING);
    say_pair(client, NULL);
  } else {
    enter(client, HW_SESSION_ASKING);
    say_login(client, NULL);
  }
}

static void on_published(void *context) {
  hw_client *client = context;
  client->is_saying = false;
  if (client->state == HW_SESSION_PROVING) {
    /* the gateway has the proof and all that goes with it: from here on the secret is the board's name */
    client->is_pairing = false;
    hw_mqtt_restart(&client->mqtt, client->now);
  }
  hw_session_speak(client);
}

static void on_down(void *context) {
  hw_client *client = context;
  enter(client, HW_SESSION_DOWN);
  client->is_saying = false;
  client->is_challenged = false;
  client->reads = HW_READS_NOTHING;
  client->is_hearing_text = false;
  client->is_hearing_sealed = false;
  client->has_terms = false;
  hw_hiring_down(client);
  hw_blobs_down(client);
}

void hw_session_welcomed(hw_client *client) {
  enter(client, HW_SESSION_OPEN);
  client->login_pause = 0;
  if (client->boot.is_confirmed != 0) return;
  client->boot.is_confirmed = 1;
  (void)hw_session_save_boot(client);
}

bool hw_session_save_boot(hw_client *client) {
  return hw_saved_keep(client->platform, HW_SLOT_BOOT, &client->boot.head, HW_BOOT_FORMAT, sizeof client->boot);
}

void hw_session_turned_away(hw_client *client) {
  const uint32_t pause = client->login_pause == 0 ? FIRST_PAUSE_MS : 2 * client->login_pause;
  client->login_pause = pause < MOST_PAUSE_MS ? pause : MOST_PAUSE_MS;
  /* a file that has never let us in may be from a pairing whose proof was lost */
  if (client->boot.is_confirmed == 0 && hw_wallet_is_kept()) client->is_pairing = !client->is_pairing;
  hw_mqtt_restart(&client->mqtt, client->now);
}

/** The pairing file is the payload itself, which is in `message`. */
static void paired(hw_client *client, size_t length) {
  const hw_platform *platform = client->platform;
  uint8_t proof[32];
  if (client->state != HW_SESSION_PAIRING || client->is_saying) return;
  if (!hw_session_take_file(client, client->message, length) ||
      strcmp(client->file.manufacturer, client->options.manufacturer) != 0 ||
      strcmp(client->file.serial_number, client->options.serial_number) != 0) {
    hw_session_log(client, "the pairing file is not for this board");
    client->has_file = false;
    return;
  }
  if (!platform->save(platform->context, HW_SLOT_FILE, client->message, length) || !hw_hiring_load(client)) {
    hw_session_log(client, "the pairing file cannot be saved");
    return;
  }
  hw_seal_proof(client->wallet.secret, client->file.market.gateway, client->wallet.address, proof);
  enter(client, HW_SESSION_PROVING);
  say_pair(client, proof);
  if (client->events.paired != NULL) client->events.paired(client->events.context);
}

static void refused(hw_client *client, const hw_refusal *refusal) {
  if (client->state == HW_SESSION_LOGGING_IN || client->state == HW_SESSION_ASKING) {
    hw_hiring_tell(client, refusal->code, refusal->hint);
    hw_session_turned_away(client);
  } else if (strcmp(refusal->topic, "blob-get") == 0) {
    hw_blobs_refused(client);
  } else {
    hw_hiring_refused(client, refusal);
  }
}

static void heard(hw_client *client, hw_reads reads) {
  switch (reads) {
    case HW_READS_CHALLENGE:
      client->challenge = client->in.challenge;
      client->is_challenged = true;
      break;
    case HW_READS_ACK: hw_hiring_acked(client, &client->in.ack); break;
    case HW_READS_REFUSAL: refused(client, &client->in.refusal); break;
    case HW_READS_ANSWER: hw_hiring_answered(client, &client->in.answer); break;
    case HW_READS_INVOICE: hw_hiring_invoiced(client, &client->in.invoice); break;
    case HW_READS_RECEIPT: hw_hiring_receipted(client, &client->in.receipt); break;
    case HW_READS_BLOB_GET: hw_blobs_asked(client, &client->in.blob_get); break;
    case HW_READS_BLOB_DATA: hw_blobs_heard(client, &client->in.blob_data); break;
    default: break;
  }
}

/** Whether the session is so far that this may be heard: before a login nothing is sealed, and nothing is done. */
static bool may_hear(const hw_client *client, hw_reads reads) {
  if (client->state == HW_SESSION_LOGGING_IN || client->state == HW_SESSION_OPEN) return reads != HW_READS_CHALLENGE;
  return reads == HW_READS_CHALLENGE || reads == HW_READS_REFUSAL;
}

static void on_message_begin(void *context, const char *topic, size_t topic_length, uint32_t payload_length) {
  hw_client *client = context;
  char level[HW_LEVEL_SIZE];
  hw_name_level(level, topic, topic_length);
  client->reads = hw_reads_of(level);
  if (!may_hear(client, client->reads)) client->reads = HW_READS_NOTHING;
  client->is_hearing_text = client->state == HW_SESSION_PAIRING && strcmp(level, "pairing") == 0 &&
                            payload_length <= HW_FILE_SIZE && !client->is_saying;
  client->body_left = payload_length;
  client->seal_count = 0;
  hw_seal *seal = seal_of(client);
  /* a login that is refused has no keys to be refused with */
  const bool is_plain = client->state == HW_SESSION_LOGGING_IN && client->reads == HW_READS_REFUSAL;
  client->is_hearing_sealed = seal != NULL && !is_plain;
  if (client->is_hearing_sealed) {
    hw_seal_hear(seal, level);
    client->body_left = payload_length > HW_SEAL_SIZE ? payload_length - HW_SEAL_SIZE : 0;
  }
  if (client->is_hearing_text) client->chunk.head_length = 0;
  hw_reader_begin(&client->reader, client->reads, &client->in, client->output_chunk, sizeof client->output_chunk);
}

static void on_message_bytes(void *context, const uint8_t *bytes, size_t count) {
  hw_client *client = context;
  const size_t body = count < client->body_left ? count : client->body_left;
  client->body_left -= (uint32_t)body;
  if (client->is_hearing_sealed) hw_seal_hear_bytes(hw_wallet_seal(&client->wallet), bytes, body);
  if (client->reads != HW_READS_NOTHING) hw_reader_feed(&client->reader, bytes, body);
  if (client->is_hearing_text) {
    memcpy(client->message + client->chunk.head_length, bytes, body);
    client->chunk.head_length += (uint32_t)body;
  }
  for (size_t i = body; i < count && client->seal_count < HW_SEAL_SIZE; i++)
    client->seal_bytes[client->seal_count++] = bytes[i];
}

static void on_message_end(void *context) {
  hw_client *client = context;
  const hw_reads reads = client->reads;
  const bool is_sealed = client->is_hearing_sealed;
  client->is_hearing_sealed = false;
  client->reads = HW_READS_NOTHING;
  if (is_sealed) {
    hw_seal *seal = hw_wallet_seal(&client->wallet);
    if (client->seal_count < HW_SEAL_SIZE || !hw_seal_heard(seal, client->seal_bytes)) {
      hw_session_log(client, "a message with a bad seal: the session ends");
      hw_mqtt_restart(&client->mqtt, client->now);
      return;
    }
  }
  if (client->is_hearing_text) {
    client->is_hearing_text = false;
    paired(client, client->chunk.head_length);
  } else if (reads != HW_READS_NOTHING) {
    if (hw_reader_end(&client->reader)) heard(client, reads);
    else hw_session_log(client, "a message that cannot be read");
  }
  hw_session_speak(client);
}

void hw_session_begin(hw_client *client) {
  const hw_mqtt_events events = {
      .context = client,
      .link_up = on_link_up,
      .connected = on_connected,
      .subscribed = on_subscribed,
      .message_begin = on_message_begin,
      .message_bytes = on_message_bytes,
      .message_end = on_message_end,
      .published = on_published,
      .down = on_down,
  };
  client->mqtt_events = events;
}

uint32_t hw_session_tick(hw_client *client) {
  const uint32_t passed = client->now - client->state_at;
  uint32_t due = UINT32_MAX;
  switch (client->state) {
    case HW_SESSION_DOWN:
    case HW_SESSION_OPEN: break;
    case HW_SESSION_PAUSED: due = client->login_pause; break;
    case HW_SESSION_PAIRING: due = client->has_file ? PAIRING_MS : UINT32_MAX; break;
    default: due = LOGIN_MS; break;
  }
  if (due == UINT32_MAX) return UINT32_MAX;
  if (passed < due) return due - passed;
  if (client->state == HW_SESSION_PAUSED) {
    connect(client);
  } else {
    if (client->state == HW_SESSION_PAIRING) client->is_pairing = false;
    hw_mqtt_restart(&client->mqtt, client->now);
  }
  return 0;
}
