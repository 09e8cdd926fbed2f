/**
 * What the gateway itself has to do for a task to go on: fetch bytes, ask the checker, run it as referee. The checker is
 * asked about outputs only; about a run without one the referee is asked at once.
 *
 * Read from the state alone, so that after a crash the same wants come up again.
 */
import type { Hex } from "../base/bytes.ts";
import type { Task } from "../market/task.ts";

export type Want =
  /** Firmware and input have to come from the requester. */
  | { readonly want: "blobs"; readonly task: Task }
  /** The output has to come from the provider, and the checker has to see it. */
  | { readonly want: "inspection"; readonly task: Task; readonly award: Hex; readonly output: Hex }
  /** The gateway has to run the task itself. */
  | { readonly want: "referee"; readonly task: Task; readonly award: Hex };

/** The one thing to do for this task now, or null: when it has ended, or waits for a device. */
export function wantOf(task: Task): Want | null {
  if (task.state === "offered") return { want: "blobs", task };
  if (task.state !== "delivered" || !task.run) return null;
  const { award, output } = task.run;
  if (output !== null && task.evidence.checker === null) return { want: "inspection", task, award, output };
  const waiting = task.check !== null && task.check.stage !== "delivered";
  return waiting || task.evidence.referee !== null ? null : { want: "referee", task, award };
}

/** Names one want, so that it is taken on once. */
export function wantKey(want: Want): string {
  return want.want === "blobs" ? `blobs ${want.task.id}` : `${want.want} ${want.task.id} ${want.award}`;
}
