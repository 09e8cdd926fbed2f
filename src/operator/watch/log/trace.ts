/**
 * Traces as OpenTelemetry has them: the whole life of a task is one trace, and every step of it a span. Both are made from
 * the journal alone, so that a line can be found again from its entry.
 */
import type { Hex } from "../../../base/bytes.ts";
import { sha256 } from "../../../kernels/digest.ts";
import type { Trace } from "./log.ts";

/** Digits of 16 and of 8 bytes. */
const DIGITS = { trace: 32, span: 16 } as const;

/**
 * The trace of a task, with one step of it.
 *
 * @param step - tells this step from every other one of the task: the entry and what of it
 */
export function traceOf(task: Hex, step: string): Trace {
  const trace_id = task.slice(2, 2 + DIGITS.trace);
  return { trace_id, span_id: sha256(`${trace_id} ${step}`).slice(2, 2 + DIGITS.span) };
}
