/**
 * What we answer when somebody else got it wrong: a value, never a throw.
 *
 * `REFUSALS` is the closed list. A refusal changes nothing but its counter, and carries a hint that says what
 * the sender can do about it.
 */

export const REFUSALS = {
  too_large: "send at most the size that the topic allows",
  bad_json: "send one JSON object in UTF-8",
  bad_schema: "compare the message with the AsyncAPI document",
  bad_signature: "sign the typed data with the key whose address is the CONNECT username",
  wrong_topic: "publish only to your own topics, and only those that go up",
  unknown_device: "ask the operator for: hirewire device add",
  bad_token: "sign a fresh CONNECT token for this gateway and this client id",
  token_expired: "sign a token that is valid now, for at most ten minutes, issued after the gateway's start",
  token_replayed: "sign a new token with a new nonce for each connection",
  bad_seal: "seal each payload once, in turn, with this session's key; log in again",
  login_required: "log in with a signed token, or ask for a challenge, before you say anything else",
  bad_packet: "speak MQTT 3.1.1: no other version, no malformed packet, CONNECT first and once",
  no_connect: "send CONNECT at once, and finish a login by message within the same five seconds",
  too_slow: "read and acknowledge what you are sent: the session ended, connect again to hear it all again",
  id_reused: "use a new id for a new command",
  offer_expired: "set the deadline later than the bid window and the run need, in gateway time",
  deadline_too_far: "set the deadline at most a day ahead",
  price_over_budget:
    "bid a rate at which the whole fuel limit costs at most the announced maxPrice, and more than the fee on it",
  price_too_low: "offer at least one atomic unit more than the fee on it",
  meter_unknown: "count fuel with the meter and the cost table that the gateway's terms name",
  fuel_limit_high: "offer at most the fuel that the gateway's terms allow, or split the task",
  fuel_over_limit:
    "deliver at most the award's fuel limit: a run that reaches it is out-of-fuel at that limit",
  bad_manifest: "send a manifest of this firmware, profile and memory, signed by its author, or none",
  bid_late: "bid before the announced bidBy",
  bid_expired: "give the bid an expiry after the announced bidBy",
  unknown_task: "name a task that this gateway announced",
  wrong_state: "the task has moved on; wait for its next message",
  not_yours: "only the task's own requester or awarded provider may say this",
  own_task: "a requester cannot work for itself",
  bad_award: "sign the hash of the newest award for this task",
  credit_short: "attach a voucher that covers maxPrice and checkBudget, or deposit more",
  voucher_stale: "sign a cumulative amount higher than the last one",
  voucher_over_deposit: "deposit more before signing more",
  voucher_wrong_chain: "sign for the chain that the gateway's terms name",
  voucher_wrong_vault: "sign for the vault contract that the gateway's terms name",
  voucher_wrong_token: "sign for the token that the gateway's terms name",
  voucher_wrong_payee: "sign a voucher to the gateway's own address",
  voucher_wrong_epoch: "sign for the lane's current epoch; a close has made older vouchers void",
  lane_closing: "open a new lane: this one is closing",
  window_short: "open the lane with a longer window: this gateway wants more time to claim a closing lane",
  payment_due: "sign a voucher that covers your open invoices first",
  exposure_limit:
    "pay in advance: on-result offers may not exceed what you have paid before, nor the operator's limit",
  budget_exceeded: "the budget of this device or its owner for today is used up; ask the operator",
  over_cap: "the gateway signs no more for this device; ask the operator for: hirewire device cap",
  gateway_stopped: "the operator has stopped this gateway: open tasks are finished, new offers are not taken",
  disk_full:
    "wait: the gateway's disk is nearly full, so that open tasks are finished and new offers are not taken",
  clock_unsynchronized:
    "wait: the gateway's clock is not synchronised, and it signs nothing that expires until it is",
  no_credit: "there is no credit to pay out: it is all spent or held",
  hub_capacity:
    "the gateway's lane to you is full; it is topped up at the next look at the chain, if the vault has the money",
  hash_mismatch: "send the bytes whose SHA-256 you named",
  blob_unexpected: "send only chunks that were asked for",
  blob_unknown: "ask only for bytes that were named to you; others are not kept here",
  blob_quota: "this device's or its owner's blobs fill their quota; wait for its tasks to end",
  firmware_rejected: "the module breaks the static policy: size, imports, exports or memory",
  too_many: "slow down: too many open tasks or messages from this device",
} as const;

export type RefusalCode = keyof typeof REFUSALS;

export type Refusal = { readonly refused: RefusalCode; readonly hint: string };

/** A refusal with the hint of its code, or a more exact one. */
export function refuse(code: RefusalCode, hint: string = REFUSALS[code]): Refusal {
  return { refused: code, hint };
}

/**
 * Tells a refusal from what else a function may return. A cause and a decision have a `refused` too: ask it of neither.
 */
export function isRefusal(value: unknown): value is Refusal {
  return typeof value === "object" && value !== null && "refused" in value;
}
