#include "hw_name.h"

#include <string.h>

static const char ROOT[] = "hirewire/v1/";

static char *put(char *end, const char *text) {
  const size_t length = strlen(text);
  memcpy(end, text, length + 1);
  return end + length;
}

bool hw_name_is_short(const char *manufacturer, const char *serial_number) {
  return strlen(ROOT) + strlen(manufacturer) + 1 + strlen(serial_number) + strlen("/blob-data") <= HW_MQTT_TOPIC;
}

const char *hw_name_topic(hw_client *client, const char *level) {
  const hw_client_options *options = &client->options;
  char *end = put(client->topic, ROOT);
  end = put(end, client->is_pairing ? options->manufacturer : client->file.manufacturer);
  end = put(end, "/");
  end = put(end, client->is_pairing ? options->serial_number : client->file.serial_number);
  end = put(end, "/");
  put(end, level);
  return client->topic;
}

void hw_name_level(char level[HW_LEVEL_SIZE], const char *topic, size_t length) {
  size_t at = length;
  while (at > 0 && topic[at - 1] != '/') at--;
  const size_t count = length - at;
  level[0] = 0;
  if (count == 0 || count >= HW_LEVEL_SIZE) return;
  memcpy(level, topic + at, count);
  level[count] = 0;
}

void hw_name_connection(hw_client *client) {
  char *end = client->client_id;
  if (client->is_pairing) {
    end = put(end, "pair-");
    end = put(end, client->options.manufacturer);
    end = put(end, "-");
    put(end, client->options.serial_number);
    put(client->username, "pair");
    return;
  }
  memcpy(client->username, "0x", 2);
  hw_hex_write(client->wallet.address, 20, client->username + 2);
  client->username[42] = 0;
  end = put(end, client->username);
  end = put(end, "-");
  put(end, client->options.slot);
}
