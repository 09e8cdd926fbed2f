/** A client's account: what it may draw on, and what it may sign. For hw_hiring.c. */
#ifndef HW_ACCOUNT_H
#define HW_ACCOUNT_H

#include "hw_client.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Whether the gateway knows only an older life of the lane than was signed for: nothing is signed then. */
bool hw_account_is_behind(const hw_client *client);

/** Atomic units of the open prepaid order that are not yet known to be held by the gateway. */
uint64_t hw_account_unheld(const hw_client *client);

/**
 * Takes the lane as the terms tell it. The total grows only to what a voucher of our own proves, and falls only with
 * a new life of the lane. The credit is taken at the gateway's word: spending it takes no signature.
 */
void hw_account_take_lane(hw_client *client);

/** Why the lane cannot be signed up to this total, as the gateway would say it; NULL when it can. */
const char *hw_account_why_not(const hw_client *client, uint64_t total, bool is_debt);

/** The total at which so much may be drawn on; 2^64 - 1 where there is none. */
uint64_t hw_account_total_for(const hw_client *client, uint64_t need);

/** A sum that stays at 2^64 - 1: what a gateway says must not wrap around. */
uint64_t hw_account_sum(uint64_t one, uint64_t other);

#ifdef __cplusplus
}
#endif

#endif
