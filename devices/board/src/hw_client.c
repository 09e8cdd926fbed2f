#include "hw_client.h"

#include "hw_blobs.h"
#include "hw_hiring.h"
#include "hw_name.h"
#include "hw_session.h"

#include <string.h>

/** Spreads the session ids of one boot and the next. */
#define SESSION_STRIDE UINT32_C(0x9e3779b1)

/** False for a count that cannot be read: one that began anew would say again what was said in other sessions. */
static bool count_boot(hw_client *client) {
  hw_boot *boot = &client->boot;
  const hw_saved_found found =
      hw_saved_take(client->platform, HW_SLOT_BOOT, &boot->head, HW_BOOT_FORMAT, sizeof *boot);
  if (found == HW_SAVED_UNREADABLE) return false;
  if (found == HW_SAVED_NOTHING) memset(boot, 0, sizeof *boot);
  /* the file that was confirmed is erased */
  if (!client->has_file) boot->is_confirmed = 0;
  boot->boots++;
  return hw_session_save_boot(client);
}

/** Takes the file of the store, if there is one; false when it is of no use. */
static bool load_file(hw_client *client) {
  const hw_platform *platform = client->platform;
  const int32_t length = platform->load(platform->context, HW_SLOT_FILE, client->message, HW_FILE_SIZE);
  if (length >= 0) return hw_session_take_file(client, client->message, (size_t)length);
  client->is_pairing = true;
  return hw_wallet_is_kept();
}

bool hw_client_start(hw_client *client, const hw_platform *platform, const hw_client_options *options,
                     const hw_client_events *events) {
  memset(client, 0, sizeof *client);
  client->platform = platform;
  client->options = *options;
  client->events = *events;
  client->now = platform->now_ms(platform->context);
  if (strlen(options->slot) == 0 || strlen(options->slot) > 16) return false;
  if (!hw_name_is_short(options->manufacturer, options->serial_number)) return false;
  if (!load_file(client) || !hw_hiring_load(client) || !count_boot(client)) return false;
  hw_session_begin(client);
  hw_mqtt_start(&client->mqtt, &client->mqtt_events, platform->write, platform->context,
                client->boot.boots * SESSION_STRIDE, client->now);
  return true;
}

void hw_client_take(hw_client *client, const uint8_t *bytes, size_t count) {
  client->now = client->platform->now_ms(client->platform->context);
  hw_mqtt_take(&client->mqtt, bytes, count, client->now);
}

uint32_t hw_client_tick(hw_client *client) {
  client->now = client->platform->now_ms(client->platform->context);
  hw_hiring_tick(client);
  const uint32_t session = hw_session_tick(client);
  const uint32_t blobs = hw_blobs_tick(client);
  hw_session_speak(client);
  const uint32_t line = hw_mqtt_tick(&client->mqtt, client->now);
  const uint32_t ours = session < blobs ? session : blobs;
  return ours < line ? ours : line;
}

uint32_t hw_client_job(const hw_client *client) {
  return client->saved.job;
}

bool hw_client_hire(hw_client *client, const hw_order *order) {
  return hw_hiring_take(client, order);
}
