#include "hw_account.h"

#include "hw_session.h"

#include <string.h>

bool hw_account_is_behind(const hw_client *client) {
  return client->terms.lane.epoch < client->saved.epoch;
}

uint64_t hw_account_sum(uint64_t one, uint64_t other) {
  return one > UINT64_MAX - other ? UINT64_MAX : one + other;
}

uint64_t hw_account_unheld(const hw_client *client) {
  const hw_saved *saved = &client->saved;
  if (saved->state == HW_SAVED_IDLE || saved->offer.is_on_result || client->is_acked) return 0;
  return saved->offer.max_price + saved->offer.check_budget;
}

static uint64_t less(uint64_t from, uint64_t what) {
  return from > what ? from - what : 0;
}

/**
 * Whether the lane's newest voucher is this wallet's. A kept wallet's gateway has signed it itself: it can say what it
 * likes, here and on the chain.
 */
static bool is_proven(const hw_client *client, const hw_lane *lane) {
  uint8_t digest[32];
  hw_voucher_digest(&client->file.market, &lane->voucher, digest);
  return hw_wallet_is_signed_by(client->wallet.address, digest, lane->voucher_signature);
}

void hw_account_take_lane(hw_client *client) {
  const hw_lane *lane = &client->terms.lane;
  hw_saved *saved = &client->saved;
  if (hw_account_is_behind(client)) return;
  const bool is_fresh = lane->epoch > saved->epoch;
  if (is_fresh) {
    saved->epoch = lane->epoch;
    saved->total = 0;
  }
  const uint64_t before = saved->total;
  const bool is_told = lane->voucher.epoch == lane->epoch && lane->voucher.cumulative > saved->total;
  if (is_told && is_proven(client, lane)) {
    saved->total = lane->voucher.cumulative;
    client->has_forgotten = saved->state == HW_SAVED_OPEN && !hw_wallet_is_kept();
  }
  client->confirmed = lane->total > saved->total ? saved->total : lane->total;
  if (lane->total > saved->total) hw_session_log(client, "the gateway says that more is signed than it proves");
  const uint64_t open = is_fresh ? 0 : hw_account_unheld(client);
  if (is_fresh || !client->is_based) {
    const uint64_t held = lane->held > open ? lane->held : open;
    client->explained = less(less(client->confirmed, lane->credit), held);
    client->is_based = true;
  } else {
    client->explained += saved->total - before;
  }
  client->free = less(hw_account_sum(lane->credit, saved->total - client->confirmed), open);
}

const char *hw_account_why_not(const hw_client *client, uint64_t total, bool is_debt) {
  const hw_lane *lane = &client->terms.lane;
  const uint64_t limit = client->options.exposure_limit;
  if (hw_account_is_behind(client)) return "voucher_wrong_epoch";
  if (lane->close_at != 0 && !is_debt) return "lane_closing";
  if (total < client->saved.total || total > lane->deposit) return "voucher_over_deposit";
  if (limit != 0 && less(total, client->explained) > limit) return "exposure_limit";
  return NULL;
}

uint64_t hw_account_total_for(const hw_client *client, uint64_t need) {
  return hw_account_sum(client->saved.total, less(need, client->free));
}
