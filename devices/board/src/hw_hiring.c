#include "hw_hiring.h"

#include "hw_account.h"
#include "hw_bill.h"
#include "hw_blobs.h"
#include "hw_bytes.h"
#include "hw_session.h"

#include <string.h>

/**
 * How long a command is left unanswered before it is said again, milliseconds: a slow line is not filled with repeats.
 */
#define REPEAT_MS 30000u
/** How long after its deadline an offer without an answer is said again, and how often from then on, milliseconds. */
#define OVERDUE_MS 60000u

void hw_hiring_tell(const hw_client *client, const char *code, const char *hint) {
  if (client->events.refused != NULL) client->events.refused(client->events.context, code, hint);
}

static bool save(hw_client *client) {
  hw_saved *saved = &client->saved;
  if (hw_saved_keep(client->platform, HW_SLOT_ORDER, &saved->head, HW_SAVED_FORMAT, sizeof *saved)) return true;
  hw_session_log(client, "the order cannot be saved: nothing is said");
  return false;
}

static void name_task(hw_client *client) {
  uint8_t digest[32];
  hw_offer_digest(&client->file.market, client->wallet.address, &client->saved.offer, digest);
  memcpy(client->task, digest, sizeof client->task);
}

bool hw_hiring_load(hw_client *client) {
  hw_saved *saved = &client->saved;
  const hw_saved_found found =
      hw_saved_take(client->platform, HW_SLOT_ORDER, &saved->head, HW_SAVED_FORMAT, sizeof *saved);
  if (found == HW_SAVED_UNREADABLE) return false;
  if (found == HW_SAVED_NOTHING) memset(saved, 0, sizeof *saved);
  const bool is_ours = memcmp(saved->gateway, client->file.market.gateway, 20) == 0 &&
                       memcmp(saved->device, client->wallet.address, 20) == 0;
  if (client->has_file && !is_ours) {
    /* another pairing: what was signed before is another account's */
    saved->state = HW_SAVED_IDLE;
    saved->epoch = 0;
    saved->total = 0;
    memcpy(saved->gateway, client->file.market.gateway, 20);
    memcpy(saved->device, client->wallet.address, 20);
  }
  if (client->has_file && saved->state != HW_SAVED_IDLE) name_task(client);
  return true;
}

/** Whether the order is the one that is open. */
static bool is_open_order(const hw_client *client, const hw_order *order) {
  const hw_offer *offer = &client->saved.offer;
  return memcmp(order->firmware, offer->firmware, 32) == 0 && memcmp(order->input, offer->input, 32) == 0 &&
         order->firmware_bytes == offer->firmware_bytes && order->input_bytes == offer->input_bytes;
}

bool hw_hiring_take(hw_client *client, const hw_order *order) {
  if (client->has_order || strlen(order->profile) >= sizeof client->saved.offer.profile) return false;
  if (client->saved.state != HW_SAVED_IDLE && !is_open_order(client, order)) return false;
  client->order = *order;
  client->has_order = true;
  client->has_receipt = false;
  client->is_acked = false;
  client->is_waiting_told = false;
  client->is_answer_awaited = false;
  client->is_offer_due = true;
  /* what was asked for is of the order before */
  hw_blobs_forget(client);
  return true;
}

void hw_hiring_tick(hw_client *client) {
  client->terms.time += client->now - client->terms_at;
  client->terms_at = client->now;
  if (!client->has_terms || !client->has_order || client->saved.state == HW_SAVED_IDLE || client->is_pulling) return;
  const bool is_overdue = client->terms.time > client->saved.offer.deadline + OVERDUE_MS;
  if (is_overdue && client->now - client->said_at >= OVERDUE_MS) client->is_offer_due = true;
}

/** Gateway time, milliseconds since 1970. */
static uint64_t gateway_now(const hw_client *client) {
  return client->terms.time + (client->now - client->terms_at);
}

static void take_terms(hw_client *client, const hw_terms *terms) {
  const hw_market *ours = &client->file.market;
  const hw_market *theirs = &terms->market;
  const bool is_same = ours->chain_id == theirs->chain_id && memcmp(ours->vault, theirs->vault, 20) == 0 &&
                       memcmp(ours->gateway, theirs->gateway, 20) == 0 && memcmp(ours->token, theirs->token, 20) == 0;
  if (!is_same) {
    hw_hiring_tell(client, "books_disagree", "the terms are of another market than the file");
    return;
  }
  client->terms = *terms;
  client->terms_at = client->now;
  client->has_terms = true;
  hw_account_take_lane(client);
  if (client->state == HW_SESSION_LOGGING_IN) hw_session_welcomed(client);
  if (client->events.ready != NULL) client->events.ready(client->events.context, &client->terms);
}

/** The order ends before it was ever offered. */
static void give_up(hw_client *client, const char *code, const char *hint) {
  hw_hiring_tell(client, code, hint);
  hw_hiring_close(client);
}

static void write_offer(hw_client *client, hw_offer *offer) {
  const hw_order *order = &client->order;
  char *id = offer->id;
  memset(offer, 0, sizeof *offer);
  *id++ = 'o';
  id += hw_decimal_write(gateway_now(client), id);
  *id++ = '-';
  hw_decimal_write(client->boot.boots, id);
  strcpy(offer->profile, order->profile);
  memcpy(offer->firmware, order->firmware, 32);
  memcpy(offer->input, order->input, 32);
  memcpy(offer->costs, client->terms.costs, 32);
  offer->firmware_bytes = order->firmware_bytes;
  offer->input_bytes = order->input_bytes;
  offer->max_price = order->max_price;
  offer->check_budget = order->check_budget;
  offer->deadline = gateway_now(client) + order->due_ms;
  offer->fuel_limit = order->fuel_limit;
  offer->memory_mib = order->memory_mib;
  offer->meter = client->terms.meter;
  offer->is_on_result = order->is_on_result;
}

/** Opens the order: what it needs is signed for and saved, and may be said from here on. */
static bool open_order(hw_client *client) {
  hw_saved *saved = &client->saved;
  const hw_saved before = *saved;
  uint64_t need = 0;
  write_offer(client, &saved->offer);
  if (!hw_budget_of(&saved->offer, &need) || saved->offer.fuel_limit > client->terms.max_fuel) {
    give_up(client, "fuel_limit_high", "the order is for more than the terms allow");
    return false;
  }
  if (saved->offer.is_on_result) need = 0;
  const uint64_t total = hw_account_total_for(client, need);
  const char *why = hw_account_why_not(client, total, false);
  if (why != NULL && client->terms.lane.deposit == 0 && strcmp(why, "voucher_over_deposit") == 0) {
    /* not funded yet: the terms come again when it is */
    if (!client->is_waiting_told) hw_session_log(client, "waiting for a deposit on the lane");
    client->is_waiting_told = true;
    return false;
  }
  if (why != NULL) {
    give_up(client, why, "nothing was signed for this order");
    return false;
  }
  client->free = client->free + (total - saved->total) - need;
  saved->total = total;
  saved->state = HW_SAVED_OPEN;
  if (!save(client)) {
    *saved = before;
    client->free = 0;
    return false;
  }
  name_task(client);
  return true;
}

/** A voucher has the same id whenever it is said. */
static void name_voucher(const hw_client *client, char id[HW_ID_SIZE]) {
  *id++ = 'v';
  id += hw_decimal_write(client->saved.epoch, id);
  *id++ = '-';
  hw_decimal_write(client->saved.total, id);
}

static bool say_voucher(hw_client *client) {
  const hw_voucher voucher = {.epoch = client->saved.epoch, .cumulative = client->saved.total};
  uint8_t digest[32];
  uint8_t signature[65];
  char id[HW_ID_SIZE];
  name_voucher(client, id);
  hw_voucher_digest(&client->file.market, &voucher, digest);
  const bool is_signed = hw_wallet_sign(&client->wallet, digest, signature);
  hw_text text = hw_session_text(client);
  hw_write_voucher(&text, id, &client->file.market, &voucher, is_signed ? signature : NULL);
  return hw_session_say(client, "voucher", &text);
}

static bool say_offer(hw_client *client) {
  uint8_t digest[32];
  uint8_t signature[65];
  hw_offer_digest(&client->file.market, client->wallet.address, &client->saved.offer, digest);
  const bool is_signed = hw_wallet_sign(&client->wallet, digest, signature);
  hw_text text = hw_session_text(client);
  const hw_order *order = &client->order;
  hw_write_offer(&text, &client->saved.offer, order->manifest, order->manifest_length, is_signed ? signature : NULL);
  if (!text.is_cut) return hw_session_say(client, "offer", &text);
  give_up(client, "too_large", "the offer does not fit the message buffer");
  return false;
}

bool hw_hiring_say(hw_client *client) {
  if (!client->has_terms || !client->has_order) return false;
  if (client->is_answer_awaited && client->now - client->said_at < REPEAT_MS) return false;
  if (client->saved.state == HW_SAVED_IDLE && (!client->is_offer_due || !open_order(client))) return false;
  const bool is_voucher_due = client->saved.total > client->confirmed && !hw_account_is_behind(client);
  if (!is_voucher_due && !client->is_offer_due) return false;
  const bool is_said = is_voucher_due ? say_voucher(client) : say_offer(client);
  client->is_answer_awaited = is_said;
  client->said_at = client->now;
  return is_said;
}

void hw_hiring_down(hw_client *client) {
  client->is_answer_awaited = false;
  client->is_offer_due = client->has_order && !client->is_pulling;
}

void hw_hiring_acked(hw_client *client, const hw_ack *ack) {
  char voucher_id[HW_ID_SIZE];
  if (ack->terms.time != 0) {
    take_terms(client, &ack->terms);
    /* an invoice that the lane could not pay is told again with the offer's answer */
    if (client->saved.state == HW_SAVED_OPEN && client->saved.offer.is_on_result && client->is_acked)
      client->is_offer_due = true;
    return;
  }
  if (!client->has_order || client->saved.state == HW_SAVED_IDLE) return;
  name_voucher(client, voucher_id);
  if (strcmp(ack->id, voucher_id) == 0) {
    client->confirmed = client->saved.total;
    client->is_answer_awaited = false;
  } else if (strcmp(ack->id, client->saved.offer.id) == 0) {
    client->is_answer_awaited = false;
    client->is_offer_due = false;
    client->is_acked = true;
    if (client->events.offered != NULL) client->events.offered(client->events.context, client->task);
  }
}

/** A voucher that the gateway does not take: it has a reason, and nothing was offered on it. */
static void voucher_refused(hw_client *client, const hw_refusal *refusal) {
  hw_saved *saved = &client->saved;
  const bool is_offered = saved->state == HW_SAVED_PAID;
  client->is_answer_awaited = false;
  client->free = 0;
  hw_hiring_tell(client, refusal->code, refusal->hint);
  if (hw_wallet_is_kept()) {
    /* a draft that was refused was never signed: an invoice that comes again is paid anew */
    saved->total = client->confirmed;
    saved->state = HW_SAVED_OPEN;
  } else {
    /* what was signed stays signed: it is said again in the next session */
    client->confirmed = saved->total;
  }
  if (is_offered) (void)save(client);
  else hw_hiring_close(client);
}

void hw_hiring_refused(hw_client *client, const hw_refusal *refusal) {
  char voucher_id[HW_ID_SIZE];
  const bool is_open = client->has_order && client->saved.state != HW_SAVED_IDLE;
  name_voucher(client, voucher_id);
  if (is_open && strcmp(refusal->id, voucher_id) == 0) {
    voucher_refused(client, refusal);
  } else if (is_open && !client->is_acked && strcmp(refusal->id, client->saved.offer.id) == 0) {
    const bool is_short = strcmp(refusal->code, "credit_short") == 0;
    client->free = is_short ? 0 : hw_account_sum(client->free, hw_account_unheld(client));
    client->is_answer_awaited = false;
    hw_hiring_tell(client, refusal->code, refusal->hint);
    hw_hiring_close(client);
  } else {
    /* an offer that was taken, and whose bytes are not: its answer follows */
    hw_hiring_tell(client, refusal->code, refusal->hint);
  }
}

/** Why an invoice is not paid, or NULL when it is right. */
static const char *why_not_owed(const hw_client *client, const hw_invoice *invoice) {
  const hw_market *market = &client->file.market;
  const hw_bill bill = {
      .verdict = invoice->verdict,
      .fuel = invoice->fuel,
      .rate = invoice->rate,
      .price = invoice->price,
      .fee = invoice->fee,
      .checks = invoice->checks,
  };
  uint8_t digest[32];
  if (!client->saved.offer.is_on_result) return "the offer was paid for beforehand";
  hw_accept_digest(market, invoice->award, digest);
  if (!hw_wallet_is_signed_by(invoice->provider, digest, invoice->accept))
    return "the provider has not signed the award";
  if (memcmp(invoice->provider, client->wallet.address, 20) == 0) return "the requester is named as provider";
  return hw_why_not_billed(&client->saved.offer, &bill);
}

static void wrong(hw_client *client, const char *code, const char *why) {
  hw_session_log(client, "the gateway is not to be trusted");
  give_up(client, code, why);
}

void hw_hiring_invoiced(hw_client *client, const hw_invoice *invoice) {
  hw_saved *saved = &client->saved;
  uint8_t digest[32];
  const bool is_ours = client->has_terms && client->has_order && saved->state != HW_SAVED_IDLE &&
                       memcmp(invoice->task, client->task, sizeof client->task) == 0;
  if (!is_ours) return;
  hw_invoice_digest(&client->file.market, client->wallet.address, invoice, digest);
  if (!hw_wallet_is_signed_by(client->file.market.gateway, digest, invoice->signature)) return;
  if (saved->state == HW_SAVED_PAID) {
    if (memcmp(saved->invoice.signature, invoice->signature, sizeof invoice->signature) != 0)
      wrong(client, "wrong_invoice", "the task was invoiced before");
    return;
  }
  if (client->has_forgotten) {
    give_up(client, "books_disagree", "more is signed than the store knows: the task may be paid");
    return;
  }
  const char *why = why_not_owed(client, invoice);
  if (why != NULL) {
    wrong(client, "wrong_invoice", why);
    return;
  }
  const uint64_t total = hw_account_total_for(client, invoice->price);
  why = hw_account_why_not(client, total, true);
  if (why != NULL) {
    hw_hiring_tell(client, why, "the invoice is not paid");
    return;
  }
  const hw_saved before = *saved;
  client->free = client->free + (total - saved->total) - invoice->price;
  saved->total = total;
  saved->state = HW_SAVED_PAID;
  saved->invoice = *invoice;
  if (!save(client)) {
    *saved = before;
    client->free = 0;
    return;
  }
  if (client->events.invoice_paid != NULL)
    client->events.invoice_paid(client->events.context, invoice->price, saved->total);
}

void hw_hiring_receipted(hw_client *client, const hw_receipt *receipt) {
  uint8_t digest[32];
  if (!client->has_order || memcmp(receipt->task, client->task, sizeof client->task) != 0) return;
  hw_receipt_digest(&client->file.market, receipt, digest);
  if (!hw_wallet_is_signed_by(client->file.market.gateway, digest, receipt->signature)) return;
  client->receipt = *receipt;
  client->has_receipt = true;
}

void hw_hiring_answered(hw_client *client, const hw_answer *answer) {
  const hw_saved *saved = &client->saved;
  if (!client->has_order || saved->state == HW_SAVED_IDLE || client->is_pulling) return;
  if (memcmp(answer->task, client->task, sizeof client->task) != 0) return;
  const char *why = hw_why_no_answer(&saved->offer, answer);
  if (why == NULL && saved->state == HW_SAVED_PAID) why = hw_why_not_paid_for(&saved->invoice, answer);
  if (why != NULL) {
    wrong(client, "wrong_answer", why);
    return;
  }
  const bool is_proven = client->has_receipt &&
                         hw_is_receipt_for(&client->receipt, client->wallet.address, &saved->offer, answer);
  client->is_answer_awaited = false;
  client->is_offer_due = false;
  client->is_acked = true;
  if (is_proven) client->explained += answer->spent;
  if (client->explained > saved->total) client->explained = saved->total;
  client->free = hw_account_sum(answer->credit, saved->total - client->confirmed);
  if (client->events.answered != NULL) client->events.answered(client->events.context, answer, is_proven);
  if (hw_is_zero(answer->output, sizeof answer->output)) hw_hiring_close(client);
  else hw_blobs_pull(client, answer->output, answer->output_bytes);
}

void hw_hiring_close(hw_client *client) {
  hw_saved *saved = &client->saved;
  saved->state = HW_SAVED_IDLE;
  saved->job++;
  memset(&saved->offer, 0, sizeof saved->offer);
  memset(&saved->invoice, 0, sizeof saved->invoice);
  client->has_order = false;
  client->has_forgotten = false;
  client->is_pulling = false;
  (void)save(client);
  if (client->events.done != NULL) client->events.done(client->events.context);
}
