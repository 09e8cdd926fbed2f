/** What a run may cost: the requester's own reckoning, against the offer alone. */
#ifndef HW_BILL_H
#define HW_BILL_H

#include "hw_eip712.h"
#include "hw_message.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What invoices and receipts have in common; amounts in atomic units. */
typedef struct {
  const char *verdict;
  uint64_t fuel;
  uint64_t rate;
  uint64_t price;
  uint64_t fee;
  uint64_t checks;
} hw_bill;

/** What an offer may cost in all; false when that is above 2^64 - 1. */
bool hw_budget_of(const hw_offer *offer, uint64_t *budget);

/** rate * fuel / 10^12, rounded up, at least 1; false when that is above 2^64 - 1. */
bool hw_price_of(uint64_t rate, uint64_t fuel, uint64_t *price);

/** Why a bill is not what the offer's limits and the rate come to, or NULL when it is. */
const char *hw_why_not_billed(const hw_offer *offer, const hw_bill *bill);

/** Why an answer contradicts itself or its offer, or NULL when it does not. */
const char *hw_why_no_answer(const hw_offer *offer, const hw_answer *answer);

/** Why an answer is not the one that was invoiced and paid for, or NULL when it is. */
const char *hw_why_not_paid_for(const hw_invoice *invoice, const hw_answer *answer);

/** Whether a receipt is for this requester's offer and this answer; its signature is not looked at. */
bool hw_is_receipt_for(const hw_receipt *receipt, const uint8_t requester[20], const hw_offer *offer,
                       const hw_answer *answer);

#ifdef __cplusplus
}
#endif

#endif
