/**
 * The board: has each job of its assets done, in turn, and tells on its console what happens. A job that is not paid for
 * is offered again, as often as the assets say.
 *
 * After a reset it goes on where it was. What it tells of a job it may then tell once more, until the job is "closed".
 */
#include <string.h>

#include "assets.h"
#include "console.h"
#include "hw_client.h"
#include "hw_platform.h"
#include "line.h"
#include "semihosting.h"
#include "store.h"
#include "ticks.h"

/** Bytes of a path-plan output up to the first answer's moves; see ../../firmware/path-plan.ts. */
#define PLAN_HEAD 17u

/** Where the slots of the library end. */
#define SLOT_PROGRESS 3u

/** Orders that were another try of the same job. */
typedef struct {
  /** In all. */
  uint32_t repeats;
  /** Of the job that is due. */
  uint32_t tries;
} progress_record;

static hw_client client;
static progress_record progress;
static bool is_paid;
static hw_answer answer;
static bool is_proven;
/** A job may be given. */
static bool is_due;
/** The lane to the gateway has a deposit: a board that was just paired has none. */
static bool is_funded;
static bool is_told;
static uint8_t plan[PLAN_HEAD];
static uint32_t plan_length;

static uint32_t now_ms(void *context) {
  (void)context;
  return ticks_now();
}

static void write_line(void *context, const uint8_t *bytes, size_t count) {
  (void)context;
  line_write(bytes, count);
}

static int32_t load(void *context, uint8_t slot, void *bytes, size_t size) {
  (void)context;
  return store_load(slot, bytes, size);
}

static bool save(void *context, uint8_t slot, const void *bytes, size_t length) {
  (void)context;
  return store_save(slot, bytes, length);
}

static void log_text(void *context, const char *text) {
  (void)context;
  console_begin("log");
  console_text("text", text);
  console_end();
}

static size_t read_blob(void *context, const uint8_t hash[32], uint32_t offset, uint8_t *bytes, size_t count) {
  (void)context;
  return assets_read(hash, offset, bytes, count);
}

/** The number of the job that is due, from 0. */
static uint32_t job(void) {
  return hw_client_job(&client) - progress.repeats;
}

static void begin_of_job(const char *kind) {
  console_begin(kind);
  console_number("number", job());
}

static void paired(void *context) {
  (void)context;
  console_begin("paired");
  console_end();
}

static void ready(void *context, const hw_terms *terms) {
  (void)context;
  begin_of_job("ready");
  console_number("epoch", terms->lane.epoch);
  console_amount("deposit", terms->lane.deposit);
  console_amount("signed", terms->lane.total);
  console_amount("credit", terms->lane.credit);
  console_end();
  is_funded = terms->lane.deposit > 0;
}

static void offered(void *context, const uint8_t task[16]) {
  (void)context;
  begin_of_job("offered");
  console_hex("task", task, 16);
  console_end();
}

static void invoice_paid(void *context, uint64_t price, uint64_t total) {
  (void)context;
  begin_of_job("invoicePaid");
  console_amount("price", price);
  console_amount("signed", total);
  console_end();
}

static bool is_zero(const uint8_t *bytes, size_t count) {
  for (size_t at = 0; at < count; at++) {
    if (bytes[at] != 0) return false;
  }
  return true;
}

static void hex_or_null(const char *name, const uint8_t *bytes, size_t count) {
  if (is_zero(bytes, count)) {
    console_null(name);
  } else {
    console_hex(name, bytes, count);
  }
}

static uint32_t little(const uint8_t *bytes) {
  return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void tell_answer(bool is_whole) {
  begin_of_job("answer");
  console_hex("task", answer.task, sizeof answer.task);
  console_text("state", answer.state);
  console_text("reason", answer.reason);
  console_text("verdict", answer.verdict);
  hex_or_null("provider", answer.provider, sizeof answer.provider);
  console_number("fuel", answer.fuel);
  console_amount("spent", answer.spent);
  console_amount("credit", answer.credit);
  hex_or_null("output", answer.output, sizeof answer.output);
  console_number("outputBytes", answer.output_bytes);
  console_flag("isProven", is_proven);
  console_flag("isWhole", is_whole);
  if (plan_length == PLAN_HEAD && memcmp(plan, "PPO1", 4) == 0) {
    console_number("status", plan[8]);
    console_number("straight", little(plan + 9));
    console_number("diagonal", little(plan + 13));
  }
  console_end();
  is_told = true;
}

static void answered(void *context, const hw_answer *the_answer, bool proven) {
  (void)context;
  answer = *the_answer;
  is_proven = proven;
  is_paid = strcmp(answer.state, "paid") == 0;
  is_told = false;
  plan_length = 0;
  if (is_zero(answer.output, sizeof answer.output)) tell_answer(false);
}

static void output(void *context, uint32_t offset, const uint8_t *bytes, size_t count) {
  (void)context;
  for (size_t at = 0; at < count && offset + at < PLAN_HEAD; at++) {
    plan[offset + at] = bytes[at];
    plan_length = offset + (uint32_t)at + 1;
  }
}

static void output_end(void *context, bool is_whole) {
  (void)context;
  if (!is_told) tell_answer(is_whole);
}

static void refused(void *context, const char *code, const char *hint) {
  (void)context;
  begin_of_job("refused");
  console_text("code", code);
  console_text("hint", hint);
  console_end();
}

/** The client counts orders: one that was for nothing does not count as a job. */
static void count_try(void) {
  const progress_record before = progress;
  const bool is_again = !is_paid && progress.tries + 1 < assets_tries();
  progress.repeats += is_again ? 1 : 0;
  progress.tries = is_again ? progress.tries + 1 : 0;
  is_paid = false;
  if (memcmp(&before, &progress, sizeof before) == 0) return;
  (void)store_save(SLOT_PROGRESS, (const uint8_t *)&progress, sizeof progress);
}

static void done(void *context) {
  (void)context;
  count_try();
  console_begin("closed");
  console_number("jobs", job());
  console_end();
  is_due = true;
}

/** Gives the job that is due, once it can be paid for, or tells that there is none. */
static void hire_next(void) {
  hw_order order;
  if (!assets_order(job(), &order)) {
    is_due = false;
    console_begin("done");
    console_number("tasks", assets_jobs());
    console_end();
  } else if (is_funded) {
    is_due = false;
    (void)hw_client_hire(&client, &order);
  }
}

static int fail(const char *why) {
  console_begin("failed");
  console_text("message", why);
  console_end();
  return 1;
}

int main(void) {
  static const hw_platform platform = {
      .now_ms = now_ms,
      .write = write_line,
      .load = load,
      .save = save,
      .log = log_text,
      .read_blob = read_blob,
  };
  static const hw_client_events events = {
      .paired = paired,
      .ready = ready,
      .offered = offered,
      .invoice_paid = invoice_paid,
      .answered = answered,
      .output = output,
      .output_end = output_end,
      .done = done,
      .refused = refused,
  };
  hw_client_options options;
  ticks_start();
  console_open();
  line_open();
  if (!assets_open(&options)) return fail("there are no assets beside the firmware");
  if (!hw_client_start(&client, &platform, &options, &events)) return fail("the store holds what is not ours");
  const int32_t length = store_load(SLOT_PROGRESS, (uint8_t *)&progress, sizeof progress);
  if (length != (int32_t)sizeof progress) memset(&progress, 0, sizeof progress);
  console_begin("started");
  console_number("jobs", assets_jobs());
  console_end();
  is_due = true;
  for (;;) {
    uint8_t bytes[128];
    const size_t count = line_read(bytes, sizeof bytes);
    if (count > 0) hw_client_take(&client, bytes, count);
    if (is_due) hire_next();
    const uint32_t rest = hw_client_tick(&client);
    if (rest > 0 && count == 0) line_sleep(rest);
  }
}
