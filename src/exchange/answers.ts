/**
 * Idempotency: every command's id and what it was answered, so that repeating it gets the same answer.
 *
 * Rebuilt from the journal's causes. Refusals without a fact are not journalled and are remembered by the
 * heartbeat for as long as it lives.
 */
import type { Hex } from "../base/bytes.ts";
import type { RefusalCode } from "../base/refusal.ts";
import type { Cause } from "../protocol/facts.ts";

export type Answer = {
  readonly digest: string;
  /** The record that the command caused. */
  readonly index: number;
  readonly topic: string;
  /** The task it was about, if any. */
  readonly task: Hex | null;
  readonly refused: RefusalCode | null;
};

export type Answers = Map<Hex, Map<string, Answer>>;

/**
 * Commands remembered per device: more than a device ever has unanswered. A hundred devices' take 25 MB of memory, which
 * every snapshot writes.
 */
const REMEMBERED_COMMANDS = 1_024;

/**
 * Notes what a device's command was answered; the oldest of more than 1,024 of one device is forgotten.
 * The gateway's own causes and reused ids leave no note.
 */
export function rememberAnswer(answers: Answers, cause: Cause, index: number, task: Hex | null): void {
  // A reused id keeps its first answer: this record only has the voucher that came with it.
  if (cause.by === null || cause.refused === "id_reused") return;
  const own = answers.get(cause.by) ?? new Map<string, Answer>();
  answers.set(cause.by, own);
  own.set(cause.id, { digest: cause.digest, index, topic: cause.topic, task, refused: cause.refused });
  if (own.size <= REMEMBERED_COMMANDS) return;
  const oldest = own.keys().next().value;
  if (oldest !== undefined) own.delete(oldest);
}
