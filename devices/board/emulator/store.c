#include "store.h"

#include <string.h>

#include "semihosting.h"

/** "<folder>/slot-N" and what comes after it; an empty text where that is too long, or there is no folder. */
static void name_slot(char path[300], uint8_t slot, const char *ending) {
  static const char NAME[] = "/slot-";
  const char *folder = semihosting_argument();
  const size_t length = strlen(folder);
  path[0] = '\0';
  if (length == 0 || length + sizeof NAME + 1 + strlen(ending) > 300 || slot > 9) return;
  memcpy(path, folder, length);
  memcpy(path + length, NAME, sizeof NAME - 1);
  path[length + sizeof NAME - 1] = (char)('0' + slot);
  strcpy(path + length + sizeof NAME, ending);
}

int32_t store_load(uint8_t slot, uint8_t *buffer, size_t size) {
  char path[300];
  name_slot(path, slot, "");
  return semihosting_read(path, buffer, size);
}

bool store_save(uint8_t slot, const uint8_t *bytes, size_t length) {
  char path[300];
  char fresh[300];
  name_slot(path, slot, "");
  name_slot(fresh, slot, ".new");
  return semihosting_write(fresh, bytes, length) && semihosting_rename(fresh, path);
}
