/** A client's order: what is signed for it, offered, paid and answered. For hw_client.c and its parts. */
#ifndef HW_HIRING_H
#define HW_HIRING_H

#include "hw_client.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Reads what was saved; false when the store holds what is not ours. */
bool hw_hiring_load(hw_client *client);

/** Takes an order; false while another one is open. */
bool hw_hiring_take(hw_client *client, const hw_order *order);

/** Says the voucher or the offer if one is due and the way is free. True when something was said. */
bool hw_hiring_say(hw_client *client);

/** Lets gateway time go on, as the board's own clock wraps around, and asks again for an answer that is overdue. */
void hw_hiring_tick(hw_client *client);

/** The session is over: what was not answered is said again in the next one. */
void hw_hiring_down(hw_client *client);

/** An ack has come: of the voucher, of the offer, or with terms. */
void hw_hiring_acked(hw_client *client, const hw_ack *ack);

/** A refusal has come. */
void hw_hiring_refused(hw_client *client, const hw_refusal *refusal);

/** An invoice has come: it is paid if it is right. */
void hw_hiring_invoiced(hw_client *client, const hw_invoice *invoice);

/** A receipt has come: it is kept for its answer. */
void hw_hiring_receipted(hw_client *client, const hw_receipt *receipt);

/** The answer has come: its output is pulled, and then the order is closed. */
void hw_hiring_answered(hw_client *client, const hw_answer *answer);

/** Closes the order, in the store too. */
void hw_hiring_close(hw_client *client);

/** Tells of a refusal, ours or the gateway's. */
void hw_hiring_tell(const hw_client *client, const char *code, const char *hint);

#ifdef __cplusplus
}
#endif

#endif
