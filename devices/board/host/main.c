/**
 * The board's client on a machine with files: hires each job of a folder once, in turn, and tells on standard error
 * what happens, one JSON object to a line.
 *
 *     board-kept|board-own STORE JOBS [LINE [EXPOSURE_LIMIT]]
 *
 * LINE is a tty; without it, or with `-`, the line is standard input and output. It ends with the line, and after the
 * last job when JOBS has a file called `once`. Sent SIGTERM it ends at once, as by a power cut.
 */
#define _POSIX_C_SOURCE 200809L

#include "folder.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static hw_client client;
static const char *store;
static const char *jobs;
static int line_in = STDIN_FILENO;
static int line_out = STDOUT_FILENO;
static bool is_job_due = true;

static uint32_t now_ms(void *context) {
  struct timespec now;
  (void)context;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint32_t)((uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u);
}

static void write_line(void *context, const uint8_t *bytes, size_t count) {
  (void)context;
  while (count > 0) {
    const ssize_t written = write(line_out, bytes, count);
    /* a line that is gone shows at the next read */
    if (written <= 0) return;
    bytes += written;
    count -= (size_t)written;
  }
}

static const char *slot_name(uint8_t slot) {
  static const char *const NAMES[] = {"file", "order", "boot"};
  return NAMES[slot];
}

static int32_t load(void *context, uint8_t slot, void *bytes, size_t size) {
  (void)context;
  return (int32_t)folder_read(store, slot_name(slot), bytes, size);
}

static bool save(void *context, uint8_t slot, const void *bytes, size_t length) {
  (void)context;
  return folder_write(store, slot_name(slot), bytes, length);
}

static void log_text(void *context, const char *text) {
  (void)context;
  fprintf(stderr, "{\"kind\":\"log\",\"text\":\"%s\"}\n", text);
}

static size_t read_blob(void *context, const uint8_t hash[32], uint32_t offset, uint8_t *bytes, size_t count) {
  (void)context;
  return folder_blob(hash, offset, bytes, count);
}

static const char *hex(const uint8_t *bytes, size_t count) {
  static char text[2 * 32 + 3] = "0x";
  hw_hex_write(bytes, count, text + 2);
  text[2 + 2 * count] = 0;
  return text;
}

static void paired(void *context) {
  (void)context;
  fprintf(stderr, "{\"kind\":\"paired\"}\n");
}

static void ready(void *context, const hw_terms *terms) {
  (void)context;
  fprintf(stderr, "{\"kind\":\"ready\",\"signed\":\"%llu\",\"credit\":\"%llu\"}\n",
          (unsigned long long)terms->lane.total, (unsigned long long)terms->lane.credit);
}

static void offered(void *context, const uint8_t task[16]) {
  (void)context;
  fprintf(stderr, "{\"kind\":\"offered\",\"job\":%u,\"task\":\"%s\",\"signed\":\"%llu\"}\n", hw_client_job(&client),
          hex(task, 16), (unsigned long long)client.saved.total);
}

static void invoice_paid(void *context, uint64_t price, uint64_t total) {
  (void)context;
  fprintf(stderr, "{\"kind\":\"invoicePaid\",\"price\":\"%llu\",\"signed\":\"%llu\"}\n", (unsigned long long)price,
          (unsigned long long)total);
}

static void answered(void *context, const hw_answer *answer, bool is_proven) {
  (void)context;
  fprintf(stderr, "{\"kind\":\"answer\",\"job\":%u,\"state\":\"%s\",\"spent\":\"%llu\",\"credit\":\"%llu\",",
          hw_client_job(&client), answer->state, (unsigned long long)answer->spent,
          (unsigned long long)answer->credit);
  fprintf(stderr, "\"isProven\":%s,\"output\":\"%s\"}\n", is_proven ? "true" : "false", hex(answer->output, 32));
}

static void output(void *context, uint32_t offset, const uint8_t *bytes, size_t count) {
  (void)context;
  for (size_t at = 0; at < count; at += 32) {
    const size_t part = count - at < 32 ? count - at : 32;
    fprintf(stderr, "{\"kind\":\"bytes\",\"offset\":%zu,\"bytes\":\"%s\"}\n", offset + at, hex(bytes + at, part));
  }
}

static void output_end(void *context, bool is_whole) {
  (void)context;
  fprintf(stderr, "{\"kind\":\"output\",\"isWhole\":%s}\n", is_whole ? "true" : "false");
}

static void done(void *context) {
  (void)context;
  is_job_due = true;
  fprintf(stderr, "{\"kind\":\"done\",\"jobs\":%u,\"signed\":\"%llu\"}\n", hw_client_job(&client),
          (unsigned long long)client.saved.total);
}

static void refused(void *context, const char *code, const char *hint) {
  (void)context;
  fprintf(stderr, "{\"kind\":\"refused\",\"code\":\"%s\",\"hint\":\"%s\"}\n", code, hint);
}

static bool open_line(const char *path) {
  struct termios settings;
  if (path == NULL || strcmp(path, "-") == 0) return true;
  line_in = line_out = open(path, O_RDWR | O_NOCTTY);
  if (line_in < 0 || tcgetattr(line_in, &settings) != 0) return false;
  settings.c_iflag = 0;
  settings.c_oflag = 0;
  settings.c_lflag = 0;
  settings.c_cflag = CS8 | CREAD | CLOCAL;
  return tcsetattr(line_in, TCSANOW, &settings) == 0;
}

/** Gives the job that is due; false when there is none. */
static bool hire(void) {
  hw_order order;
  if (!is_job_due) return true;
  if (!folder_job(jobs, hw_client_job(&client), &order)) return false;
  is_job_due = false;
  return hw_client_hire(&client, &order);
}

static int run(void) {
  char once[1];
  const bool is_once = folder_read(jobs, "once", once, sizeof once) >= 0;
  for (;;) {
    uint8_t bytes[512];
    struct pollfd line = {.fd = line_in, .events = POLLIN};
    if (!hire() && is_once) return 0;
    const uint32_t wait = hw_client_tick(&client);
    if (poll(&line, 1, (int)wait) < 0) return 1;
    if (line.revents == 0) continue;
    const ssize_t count = read(line_in, bytes, sizeof bytes);
    if (count <= 0) return 0;
    hw_client_take(&client, bytes, (size_t)count);
  }
}

int main(int count, char **arguments) {
  static const hw_platform platform = {NULL, now_ms, write_line, load, save, log_text, read_blob};
  static const hw_client_events events = {NULL,     paired, ready,      offered, invoice_paid,
                                          answered, output, output_end, done,    refused};
  hw_client_options options = {.manufacturer = "hirewire", .serial_number = "host", .model = "host", .slot = "main"};
  if (count < 3) return 2;
  store = arguments[1];
  jobs = arguments[2];
  if (count > 4 && !hw_decimal_read(arguments[4], strlen(arguments[4]), &options.exposure_limit)) return 2;
  setvbuf(stderr, NULL, _IOLBF, 8192);
  if (!open_line(count > 3 ? arguments[3] : NULL)) return 3;
  if (!hw_client_start(&client, &platform, &options, &events)) return 4;
  return run();
}
