/** The list of live tasks: filtered, newest first, page by page. */
import { Fault } from "../../base/fault.ts";
import type { Task } from "../../market/task.ts";
import type { TaskList, TaskQuery } from "../api/task.ts";
import type { OverviewParts } from "./parts.ts";
import type { Scope } from "./scope.ts";
import { liveRow, liveTasks, partiesOf } from "./task-rows.ts";

/** Where a page ended: when its last task was offered, and the first digits of its id. */
type Place = { readonly offeredAt: number; readonly digits: string };

/** Digits of an id that tell tasks of one millisecond apart. */
const DIGITS = 16;

/**
 * One page of the live tasks in view.
 *
 * @throws {@link Fault} `usage` when `before` is no `next` of a page
 */
export function liveList(
  { state, taskTimes, vitals }: Pick<OverviewParts, "state" | "taskTimes" | "vitals">,
  query: TaskQuery,
  scope: Scope,
): Pick<TaskList, "tasks" | "next"> {
  const before = query.before === undefined ? null : placeOf(query.before);
  const found = liveTasks(state.market, scope)
    .filter((task) => isMatch(task, query, scope) && (before === null || isOlder(task, before)))
    .sort(newestFirst);
  const { decimals } = vitals();
  const page = found.slice(0, query.limit);
  const last = page.at(-1);
  return {
    tasks: page.map((task) => liveRow(task, scope, taskTimes, decimals)),
    next: last && found.length > page.length ? `${last.offeredAt}-${digitsOf(last)}` : null,
  };
}

function isMatch(task: Task, { device, state, firmware }: TaskQuery, scope: Scope): boolean {
  if (state !== undefined && task.state !== state) return false;
  if (firmware !== undefined && !isFirmware(task, firmware.toLowerCase())) return false;
  if (device === undefined) return true;
  const wanted = device.toLowerCase();
  return partiesOf(task, scope).some(
    (party) => party === wanted || scope.party(party).name?.toLowerCase() === wanted,
  );
}

/** By its manifest's name, or by its hash or the first digits of that. */
function isFirmware({ firmware, manifest }: Task, wanted: string): boolean {
  return (
    manifest?.name.toLowerCase() === wanted || (/^0x[0-9a-f]+$/.test(wanted) && firmware.startsWith(wanted))
  );
}

function newestFirst(a: Task, b: Task): number {
  return b.offeredAt - a.offeredAt || (digitsOf(a) < digitsOf(b) ? 1 : -1);
}

function isOlder(task: Task, { offeredAt, digits }: Place): boolean {
  return task.offeredAt < offeredAt || (task.offeredAt === offeredAt && digitsOf(task) < digits);
}

function digitsOf({ id }: Task): string {
  return id.slice(2, 2 + DIGITS);
}

function placeOf(text: string): Place {
  const [, offeredAt, digits] = /^(\d{1,16})-([0-9a-f]{16})$/.exec(text) ?? [];
  if (offeredAt === undefined || digits === undefined) {
    throw new Fault("usage", `"${text}" is no place in the list of live tasks: give the next of a page`);
  }
  return { offeredAt: Number(offeredAt), digits };
}
