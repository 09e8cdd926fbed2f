#include "semihosting.h"

#include <string.h>

enum {
  SYS_OPEN = 0x01,
  SYS_CLOSE = 0x02,
  SYS_WRITE = 0x05,
  SYS_READ = 0x06,
  SYS_FLEN = 0x0c,
  SYS_RENAME = 0x0f,
  SYS_GET_CMDLINE = 0x15,
  SYS_EXIT = 0x18,
};

enum { MODE_READ_BINARY = 1, MODE_WRITE_BINARY = 5 };

enum { REASON_APPLICATION_EXIT = 0x20026, REASON_RUN_TIME_ERROR = 0x20023 };

static int32_t call(uint32_t operation, uintptr_t parameter) {
  register uint32_t r0 __asm__("r0") = operation;
  register uintptr_t r1 __asm__("r1") = parameter;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory", "cc");
  return (int32_t)r0;
}

static int32_t call_with(uint32_t operation, const uintptr_t *parameters) {
  return call(operation, (uintptr_t)parameters);
}

static int32_t open_file(const char *path, uint32_t mode) {
  const uintptr_t parameters[3] = {(uintptr_t)path, mode, strlen(path)};
  return call_with(SYS_OPEN, parameters);
}

static bool close_file(int32_t file) {
  const uintptr_t parameters[1] = {(uintptr_t)file};
  return call_with(SYS_CLOSE, parameters) == 0;
}

const char *semihosting_argument(void) {
  static char line[256];
  const uintptr_t parameters[2] = {(uintptr_t)line, sizeof line};
  if (call_with(SYS_GET_CMDLINE, parameters) != 0) return "";
  const char *space = strchr(line, ' ');
  return space == NULL ? "" : space + 1;
}

int32_t semihosting_read(const char *path, uint8_t *buffer, size_t size) {
  const int32_t file = open_file(path, MODE_READ_BINARY);
  if (file < 0) return -1;
  const uintptr_t handle[1] = {(uintptr_t)file};
  int32_t length = call_with(SYS_FLEN, handle);
  if (length >= 0 && (size_t)length <= size) {
    const uintptr_t parameters[3] = {(uintptr_t)file, (uintptr_t)buffer, (uintptr_t)length};
    /* what is left unread comes back */
    if (length > 0 && call_with(SYS_READ, parameters) != 0) length = -1;
  } else {
    length = -1;
  }
  (void)close_file(file);
  return length;
}

bool semihosting_write(const char *path, const uint8_t *bytes, size_t length) {
  const int32_t file = open_file(path, MODE_WRITE_BINARY);
  if (file < 0) return false;
  const uintptr_t parameters[3] = {(uintptr_t)file, (uintptr_t)bytes, length};
  /* what is left unwritten comes back */
  const bool is_whole = length == 0 || call_with(SYS_WRITE, parameters) == 0;
  return close_file(file) && is_whole;
}

bool semihosting_rename(const char *from, const char *to) {
  const uintptr_t parameters[4] = {(uintptr_t)from, strlen(from), (uintptr_t)to, strlen(to)};
  return call_with(SYS_RENAME, parameters) == 0;
}

void semihosting_exit(bool is_well) {
  for (;;) (void)call(SYS_EXIT, is_well ? REASON_APPLICATION_EXIT : REASON_RUN_TIME_ERROR);
}
