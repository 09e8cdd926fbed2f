/** Which room a fault is of: whose level decides whether it is written. */
import type { FaultCode } from "../../../base/fault.ts";
import type { LogRoom } from "../../api/log.ts";

const ROOMS: Partial<Record<FaultCode, LogRoom>> = {
  funds_short: "settlement",
  lane_closing: "settlement",
  chain_unreachable: "settlement",
  chain_mismatch: "settlement",
  chain_reorganized: "settlement",
  rpc_disagrees: "settlement",
  token_mismatch: "settlement",
  gas_low: "settlement",
  transaction_stuck: "settlement",
  transaction_failed: "settlement",
  claim_overdue: "settlement",
  books_disagree: "payment",
  link_lost: "link",
  wrong_baud: "link",
  queue_full: "link",
  blob_missing: "link",
  firmware_rejected: "firmware",
  firmware_failed: "firmware",
  executor_died: "firmware",
  usage: "operator",
};

/** The room whose matter it is; the gateway's as a whole where no room says so. */
export function roomOf(code: FaultCode): LogRoom {
  return ROOMS[code] ?? "gateway";
}
