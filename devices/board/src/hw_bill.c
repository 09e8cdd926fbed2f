#include "hw_bill.h"

#include "hw_bytes.h"
#include "hw_keccak.h"

#include <string.h>

/** How much fuel a rate is the price of. */
#define RATE_FUEL UINT64_C(1000000000000)

bool hw_budget_of(const hw_offer *offer, uint64_t *budget) {
  *budget = offer->max_price + offer->check_budget;
  return *budget >= offer->max_price;
}

/** A product below 2^128 by 10^12, rounded up: the quotient's low half, and false when there is a high one. */
static bool divide(uint64_t high, uint64_t low, uint64_t *quotient) {
  uint64_t rest = 0;
  uint64_t upper = 0;
  uint64_t lower = 0;
  for (int bit = 127; bit >= 0; bit--) {
    const uint64_t next = bit >= 64 ? (high >> (bit - 64)) & 1u : (low >> bit) & 1u;
    rest = (rest << 1) | next;
    upper = (upper << 1) | (lower >> 63);
    lower <<= 1;
    if (rest < RATE_FUEL) continue;
    rest -= RATE_FUEL;
    lower |= 1u;
  }
  if (rest > 0 && ++lower == 0) upper++;
  *quotient = lower;
  return upper == 0;
}

bool hw_price_of(uint64_t rate, uint64_t fuel, uint64_t *price) {
  const uint64_t rate_low = rate & UINT32_MAX;
  const uint64_t rate_high = rate >> 32;
  const uint64_t fuel_low = fuel & UINT32_MAX;
  const uint64_t fuel_high = fuel >> 32;
  const uint64_t first = rate_low * fuel_low;
  const uint64_t second = rate_high * fuel_low + (first >> 32);
  const uint64_t third = rate_low * fuel_high + (second & UINT32_MAX);
  const uint64_t low = (third << 32) | (first & UINT32_MAX);
  const uint64_t high = rate_high * fuel_high + (second >> 32) + (third >> 32);
  if (!divide(high, low, price)) return false;
  if (*price == 0) *price = 1;
  return true;
}

const char *hw_why_not_billed(const hw_offer *offer, const hw_bill *bill) {
  uint64_t right = 0;
  if (bill->checks > bill->price || bill->fee > bill->price) return "the parts are more than the whole";
  if (bill->checks > offer->check_budget) return "more for checks than was offered";
  if (bill->fuel > offer->fuel_limit) return "more fuel than was offered";
  if (strcmp(bill->verdict, "out-of-fuel") == 0 && bill->fuel != offer->fuel_limit)
    return "out of fuel at another fuel than the limit";
  const uint64_t run = bill->price - bill->checks;
  if (run > offer->max_price) return "a higher price than was offered";
  if (!hw_price_of(bill->rate, bill->fuel, &right) || run != right) return "the fuel costs something else";
  return NULL;
}

const char *hw_why_no_answer(const hw_offer *offer, const hw_answer *answer) {
  uint64_t budget = 0;
  if (!hw_budget_of(offer, &budget) || answer->spent > budget) return "more was taken than was offered";
  if (answer->fuel > offer->fuel_limit) return "more fuel than was offered";
  if (strcmp(answer->state, "paid") != 0)
    return answer->spent > 0 ? "money taken for no answer, and nobody has cancelled" : NULL;
  if (answer->verdict[0] == 0) return "paid, and the answer names no verdict";
  const bool has_output = !hw_is_zero(answer->output, sizeof answer->output);
  return (strcmp(answer->verdict, "ok") == 0) == has_output ? NULL : "the verdict and the output do not fit";
}

const char *hw_why_not_paid_for(const hw_invoice *invoice, const hw_answer *answer) {
  uint8_t pair[64];
  uint8_t salted[32];
  if (strcmp(answer->state, "paid") != 0) return "the invoice was paid, and the answer says something else";
  if (strcmp(answer->verdict, invoice->verdict) != 0) return "another verdict than was invoiced";
  if (answer->fuel != invoice->fuel) return "another fuel than was invoiced";
  memcpy(pair, answer->salt, 32);
  memcpy(pair + 32, answer->output, 32);
  hw_keccak_of(pair, sizeof pair, salted);
  if (memcmp(salted, invoice->salted_output, 32) != 0) return "another output than was invoiced";
  if (answer->output_bytes != invoice->output_bytes) return "another size than was invoiced";
  if (answer->spent != invoice->price) return "another price than was invoiced";
  return memcmp(answer->provider, invoice->provider, 20) == 0 ? NULL : "another provider than was invoiced";
}

bool hw_is_receipt_for(const hw_receipt *receipt, const uint8_t requester[20], const hw_offer *offer,
                       const hw_answer *answer) {
  const hw_bill bill = {
      .verdict = receipt->verdict,
      .fuel = receipt->fuel,
      .rate = receipt->rate,
      .price = receipt->price,
      .fee = receipt->fee,
      .checks = receipt->checks,
  };
  return memcmp(receipt->task, answer->task, 16) == 0 && memcmp(receipt->requester, requester, 20) == 0 &&
         memcmp(receipt->provider, answer->provider, 20) == 0 && memcmp(receipt->firmware, offer->firmware, 32) == 0 &&
         memcmp(receipt->input, offer->input, 32) == 0 && memcmp(receipt->output, answer->output, 32) == 0 &&
         memcmp(receipt->costs, offer->costs, 32) == 0 && receipt->meter == offer->meter &&
         strcmp(receipt->verdict, answer->verdict) == 0 && receipt->fuel == answer->fuel &&
         receipt->price == answer->spent && hw_why_not_billed(offer, &bill) == NULL;
}
