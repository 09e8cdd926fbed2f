#include "hw_blobs.h"

#include "hw_hiring.h"
#include "hw_session.h"

#include <string.h>

/** Silences in a row after which the output counts as not to be had. */
#define MOST_SILENCES 12u
/** Bytes of a blob that are encoded at a time: 64 characters of base64. */
#define PIECE_BYTES 48u
/** Most bytes that a request may be for. */
#define MOST_LENGTH 32768u

/** Where a chunk stands that is on its way out. */
enum { BODY, TAIL, SEAL };

static const uint8_t *hash_of(const hw_client *client, bool is_input) {
  return is_input ? client->order.input : client->order.firmware;
}

static uint32_t size_of(const hw_client *client, bool is_input) {
  return is_input ? client->order.input_bytes : client->order.firmware_bytes;
}

void hw_blobs_asked(hw_client *client, const hw_blob_get *get) {
  if (!client->has_order || strcmp(get->from, "gateway") != 0) return;
  const bool is_input = memcmp(get->hash, client->order.firmware, 32) != 0;
  if (is_input && memcmp(get->hash, client->order.input, 32) != 0) return;
  const uint32_t size = size_of(client, is_input);
  if (get->length == 0 || get->length > MOST_LENGTH || (get->offset >= size && get->offset > 0)) return;
  const hw_asked asked = {.offset = get->offset, .length = get->length, .is_input = is_input};
  hw_asked *place = NULL;
  for (unsigned i = 0; i < HW_CLIENT_ASKED; i++) {
    hw_asked *other = &client->asked[i];
    if (other->length == 0) {
      if (place == NULL) place = other;
    } else if (other->offset == asked.offset && other->is_input == asked.is_input) {
      return;
    }
  }
  /* one that finds no place is asked for again */
  if (place != NULL) *place = asked;
}

/** The next piece of a chunk that goes out. */
static void next_piece(hw_client *client) {
  hw_chunk *chunk = &client->chunk;
  hw_seal *seal = hw_wallet_seal(&client->wallet);
  chunk->piece_at = 0;
  if (chunk->step == BODY && chunk->left > 0) {
    uint8_t bytes[PIECE_BYTES];
    const hw_platform *platform = client->platform;
    const uint32_t count = chunk->left < PIECE_BYTES ? chunk->left : PIECE_BYTES;
    /* what cannot be read goes out as zeros: the length is said already, and the hash tells */
    memset(bytes, 0, sizeof bytes);
    (void)platform->read_blob(platform->context, chunk->hash, chunk->offset, bytes, count);
    for (uint32_t at = 0; at < count; at += 3)
      hw_base64_group(bytes + at, count - at < 3 ? count - at : 3, (char *)chunk->piece + at / 3 * 4);
    chunk->offset += count;
    chunk->left -= count;
    chunk->piece_length = (uint8_t)((count + 2) / 3 * 4);
  } else if (chunk->step == BODY) {
    memcpy(chunk->piece, "\"}", 2);
    chunk->piece_length = 2;
    chunk->step = TAIL;
  } else {
    chunk->step = SEAL;
    chunk->piece_length = HW_SEAL_SIZE;
    if (seal != NULL) hw_seal_said(seal, chunk->piece);
    return;
  }
  if (seal != NULL) hw_seal_say_bytes(seal, chunk->piece, chunk->piece_length);
}

/** The head of the chunk: it stands in the message. How many bytes were given. */
static size_t give_head(hw_client *client, uint8_t *bytes, size_t count) {
  hw_chunk *chunk = &client->chunk;
  const size_t rest = chunk->head_length - chunk->head_at;
  const size_t part = count < rest ? count : rest;
  memcpy(bytes, client->message + chunk->head_at, part);
  chunk->head_at += (uint32_t)part;
  return part;
}

static void give(void *context, uint8_t *bytes, size_t count) {
  hw_client *client = context;
  hw_chunk *chunk = &client->chunk;
  const size_t head = give_head(client, bytes, count);
  bytes += head;
  count -= head;
  while (count > 0) {
    if (chunk->piece_at == chunk->piece_length) next_piece(client);
    const size_t rest = (size_t)chunk->piece_length - chunk->piece_at;
    const size_t part = count < rest ? count : rest;
    memcpy(bytes, chunk->piece + chunk->piece_at, part);
    chunk->piece_at = (uint8_t)(chunk->piece_at + part);
    bytes += part;
    count -= part;
  }
}

static bool say_chunk(hw_client *client, hw_asked *asked) {
  hw_chunk *chunk = &client->chunk;
  const uint32_t size = size_of(client, asked->is_input);
  const uint32_t rest = size - asked->offset;
  memset(chunk, 0, sizeof *chunk);
  chunk->hash = hash_of(client, asked->is_input);
  chunk->offset = asked->offset;
  chunk->left = asked->length < rest ? asked->length : rest;
  chunk->step = BODY;
  hw_text text = hw_session_text(client);
  hw_write_blob_data(&text, chunk->hash, asked->offset, size);
  chunk->head_length = (uint32_t)text.length;
  asked->length = 0;
  const uint32_t length = chunk->head_length + (chunk->left + 2) / 3 * 4 + 2;
  if (text.is_cut || !hw_session_say_from(client, "blob-data", give, length)) return false;
  hw_seal *seal = hw_wallet_seal(&client->wallet);
  if (seal != NULL) hw_seal_say_bytes(seal, client->message, chunk->head_length);
  return true;
}

/** Bytes of the chunk that is wanted next; an empty output has none. */
static uint32_t wanted(const hw_client *client) {
  const uint32_t rest = client->output_total - client->output_offset;
  return rest < HW_CLIENT_CHUNK ? rest : HW_CLIENT_CHUNK;
}

static bool say_get(hw_client *client) {
  hw_text text = hw_session_text(client);
  hw_write_blob_get(&text, client->output_hash, client->output_offset, wanted(client));
  if (!hw_session_say(client, "blob-get", &text)) return false;
  client->is_get_due = false;
  client->got_at = client->now;
  return true;
}

bool hw_blobs_say(hw_client *client) {
  if (client->is_pulling && client->is_get_due) return say_get(client);
  for (unsigned i = 0; i < HW_CLIENT_ASKED; i++)
    if (client->asked[i].length > 0) return client->has_order && say_chunk(client, &client->asked[i]);
  return false;
}

static void end_pull(hw_client *client, bool is_whole) {
  client->is_pulling = false;
  if (client->events.output_end != NULL) client->events.output_end(client->events.context, is_whole);
  hw_hiring_close(client);
}

static void check_output(hw_client *client) {
  uint8_t digest[32];
  hw_sha256_end(&client->output_sha, digest);
  end_pull(client, hw_same_bytes(digest, client->output_hash, sizeof digest));
}

void hw_blobs_pull(hw_client *client, const uint8_t hash[32], uint32_t total) {
  memcpy(client->output_hash, hash, sizeof client->output_hash);
  client->output_total = total;
  client->output_offset = 0;
  client->silences = 0;
  client->is_pulling = true;
  client->is_get_due = true;
  hw_sha256_begin(&client->output_sha);
  if (total == 0) check_output(client);
}

void hw_blobs_heard(hw_client *client, const hw_blob_data *chunk) {
  const bool is_wanted = client->is_pulling && strcmp(chunk->from, "gateway") == 0 &&
                         memcmp(chunk->hash, client->output_hash, sizeof chunk->hash) == 0 &&
                         chunk->offset == client->output_offset && chunk->total == client->output_total &&
                         chunk->count == wanted(client);
  if (!is_wanted) return;
  client->silences = 0;
  hw_sha256_take(&client->output_sha, client->output_chunk, chunk->count);
  if (client->events.output != NULL)
    client->events.output(client->events.context, chunk->offset, client->output_chunk, chunk->count);
  client->output_offset += chunk->count;
  client->is_get_due = true;
  if (client->output_offset == client->output_total) check_output(client);
}

void hw_blobs_refused(hw_client *client) {
  if (client->is_pulling && ++client->silences >= MOST_SILENCES) end_pull(client, false);
}

void hw_blobs_forget(hw_client *client) {
  for (unsigned i = 0; i < HW_CLIENT_ASKED; i++) client->asked[i].length = 0;
}

void hw_blobs_down(hw_client *client) {
  hw_blobs_forget(client);
  client->is_get_due = client->is_pulling;
}

uint32_t hw_blobs_tick(hw_client *client) {
  if (!client->is_pulling || client->is_get_due || !client->has_terms) return UINT32_MAX;
  const uint32_t passed = client->now - client->got_at;
  if (passed < HW_BLOBS_QUIET_MS) return HW_BLOBS_QUIET_MS - passed;
  client->is_get_due = true;
  hw_blobs_refused(client);
  return 0;
}
