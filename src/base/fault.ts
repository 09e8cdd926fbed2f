/**
 * Every error this project raises on purpose.
 *
 * A fault is ours or the machine's: disk, port, chain, a bug. (What another party did wrong is a
 * {@link import("./refusal.ts").Refusal}, a value.) `FAULTS` is the whole list; exit codes, log lines and
 * the table in README.md are read from it, and a test fails when they differ.
 */

/** What to do about it: wait and try again, fix the input, ask the operator, or report a defect. */
export type Remedy = "retry" | "reject" | "operator" | "defect";

export const FAULTS = {
  amount_syntax: "reject",
  amount_range: "reject",
  usage: "reject",
  not_found: "reject",
  config_syntax: "reject",
  config_missing: "operator",
  key_file: "operator",
  key_in_use: "operator",
  file_format: "reject",
  journal_broken: "operator",
  journal_locked: "operator",
  disk_failed: "operator",
  disk_full: "operator",
  clock_unsynchronized: "operator",
  clock_jumped: "operator",
  funds_short: "operator",
  lane_closing: "retry",
  blob_missing: "retry",
  chain_unreachable: "retry",
  chain_mismatch: "operator",
  chain_reorganized: "retry",
  rpc_disagrees: "operator",
  token_mismatch: "operator",
  gas_low: "operator",
  transaction_stuck: "operator",
  claim_overdue: "operator",
  transaction_failed: "operator",
  link_lost: "retry",
  wrong_baud: "operator",
  queue_full: "retry",
  port_busy: "operator",
  refused: "reject",
  firmware_rejected: "reject",
  firmware_failed: "reject",
  executor_died: "retry",
  books_disagree: "operator",
  timed_out: "retry",
  kernel_failed: "operator",
  impossible: "defect",
} as const satisfies Record<string, Remedy>;

export type FaultCode = keyof typeof FAULTS;

type Facts = Readonly<Record<string, string | number | bigint | boolean>>;

export class Fault extends Error {
  override readonly name = "Fault";
  readonly code: FaultCode;
  readonly remedy: Remedy;
  /** What the log line needs. Never keys, seeds or whole payloads. */
  readonly facts: Facts;

  constructor(code: FaultCode, message: string, options: { cause?: unknown; facts?: Facts } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.remedy = FAULTS[code];
    this.facts = options.facts ?? {};
  }
}

/** Narrows a caught value: `if (isFault(error, "timed_out")) …`. */
export function isFault(error: unknown, code?: FaultCode): error is Fault {
  return error instanceof Fault && (code === undefined || error.code === code);
}
