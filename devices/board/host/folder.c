#include "folder.h"

#include "hw_hex.h"
#include "hw_sha256.h"

#include <stdio.h>
#include <string.h>

/** Most bytes of a module or an input that this board holds. */
#define BLOB_SIZE (1u << 20)
/** Most bytes of a path. */
#define PATH_SIZE 512

typedef struct {
  uint8_t hash[32];
  size_t length;
  uint8_t bytes[BLOB_SIZE];
} blob;

static blob firmware;
static blob input;
static char manifest[2048];
static char profile[16];

static bool path_of(char path[PATH_SIZE], const char *folder, const char *name, const char *end) {
  const int length = snprintf(path, PATH_SIZE, "%s/%s%s", folder, name, end);
  return length > 0 && length < PATH_SIZE;
}

long folder_read(const char *folder, const char *name, void *bytes, size_t size) {
  char path[PATH_SIZE];
  if (!path_of(path, folder, name, "")) return -1;
  FILE *file = fopen(path, "rb");
  if (file == NULL) return -1;
  const size_t length = fread(bytes, 1, size, file);
  const bool is_whole = ferror(file) == 0 && fgetc(file) == EOF;
  fclose(file);
  return is_whole ? (long)length : -1;
}

bool folder_write(const char *folder, const char *name, const void *bytes, size_t length) {
  char path[PATH_SIZE];
  char fresh[PATH_SIZE];
  if (!path_of(path, folder, name, "") || !path_of(fresh, folder, name, ".new")) return false;
  FILE *file = fopen(fresh, "wb");
  if (file == NULL) return false;
  const bool is_written = fwrite(bytes, 1, length, file) == length;
  return fclose(file) == 0 && is_written && rename(fresh, path) == 0;
}

static bool read_whole(const char *folder, const char *name, blob *into) {
  const long length = folder_read(folder, name, into->bytes, sizeof into->bytes);
  if (length < 0) return false;
  hw_sha256 sha;
  hw_sha256_begin(&sha);
  hw_sha256_take(&sha, into->bytes, (size_t)length);
  hw_sha256_end(&sha, into->hash);
  into->length = (size_t)length;
  return true;
}

static bool take_line(const char *folder, const char *name, const char *value, hw_order *order) {
  uint64_t number = 0;
  const bool is_number = hw_decimal_read(value, strlen(value), &number);
  if (strcmp(name, "firmware") == 0) return read_whole(folder, value, &firmware);
  if (strcmp(name, "input") == 0) return read_whole(folder, value, &input);
  if (strcmp(name, "manifest") == 0) {
    const long length = folder_read(folder, value, manifest, sizeof manifest);
    order->manifest = manifest;
    order->manifest_length = length < 0 ? 0 : (size_t)length;
    return length > 0;
  }
  if (strcmp(name, "profile") == 0) return snprintf(profile, sizeof profile, "%s", value) < (int)sizeof profile;
  if (strcmp(name, "payment") == 0) {
    order->is_on_result = strcmp(value, "result") == 0;
    return true;
  }
  if (!is_number) return false;
  if (strcmp(name, "maxPrice") == 0) order->max_price = number;
  else if (strcmp(name, "checkBudget") == 0) order->check_budget = number;
  else if (strcmp(name, "fuelLimit") == 0) order->fuel_limit = number;
  else if (strcmp(name, "dueMs") == 0) order->due_ms = (uint32_t)number;
  else if (strcmp(name, "memoryMiB") == 0) order->memory_mib = (uint16_t)number;
  else return false;
  return true;
}

bool folder_job(const char *folder, unsigned number, hw_order *order) {
  char text[4096];
  char name[32];
  snprintf(name, sizeof name, "%u.job", number);
  const long length = folder_read(folder, name, text, sizeof text - 1);
  if (length < 0) return false;
  text[length] = 0;
  memset(order, 0, sizeof *order);
  for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
    char *value = strchr(line, ' ');
    if (value == NULL) return false;
    *value++ = 0;
    if (!take_line(folder, line, value, order)) return false;
  }
  memcpy(order->firmware, firmware.hash, 32);
  memcpy(order->input, input.hash, 32);
  order->firmware_bytes = (uint32_t)firmware.length;
  order->input_bytes = (uint32_t)input.length;
  order->profile = profile;
  return true;
}

size_t folder_blob(const uint8_t hash[32], uint32_t offset, uint8_t *bytes, size_t count) {
  const blob *held = memcmp(hash, firmware.hash, 32) == 0 ? &firmware : &input;
  if (memcmp(hash, held->hash, 32) != 0 || offset > held->length) return 0;
  const size_t rest = held->length - offset;
  const size_t given = count < rest ? count : rest;
  memcpy(bytes, held->bytes + offset, given);
  return given;
}
