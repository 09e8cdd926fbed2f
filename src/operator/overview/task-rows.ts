/** Live tasks as an operator sees them: everything that is not over, and who works on it. */
import type { Hex } from "../../base/bytes.ts";
import { formatAmount } from "../../base/money.ts";
import { type MarketState, openTasks } from "../../market/market.ts";
import type { Task } from "../../market/task.ts";
import type { TaskRow } from "../api/task.ts";
import type { Scope } from "./scope.ts";
import type { TaskTimes } from "./task-times.ts";

/** Whose answer it is, or will be; null while nobody has the award. */
function providerOf({ run, invoice }: Task): Hex | null {
  return run?.provider ?? invoice?.provider ?? null;
}

/**
 * The devices that the viewer may know to take part: requester and provider, and a checker of its own. Who checks somebody
 * else's answer is nobody's business: it might be talked to.
 */
export function partiesOf(task: Task, scope: Scope): Hex[] {
  const { requester, check } = task;
  const provider = providerOf(task);
  const own = check && scope.has(check.provider) ? [check.provider] : [];
  return [requester, ...(provider === null ? [] : [provider]), ...own];
}

/** The live tasks in which a device in view takes part, in the order they were offered. */
export function liveTasks(market: MarketState, scope: Scope): Task[] {
  const tasks: Task[] = [];
  for (const task of openTasks(market)) if (isInView(task, scope)) tasks.push(task);
  return tasks;
}

function isInView(task: Task, scope: Scope): boolean {
  if (scope.owner === null || scope.has(task.requester)) return true;
  const provider = providerOf(task);
  return (
    (provider !== null && scope.has(provider)) || (task.check !== null && scope.has(task.check.provider))
  );
}

/** One live task as the API has it. */
export function liveRow(
  task: Task,
  scope: Scope,
  times: Pick<TaskTimes, "since">,
  decimals: number,
): TaskRow {
  const { id, state, requester, firmware, manifest, offeredAt, deadline, maxPrice, invoice, payment } = task;
  const provider = providerOf(task);
  return {
    task: id,
    state,
    requester: scope.party(requester),
    provider: provider === null ? null : scope.party(provider),
    firmware: { hash: firmware, name: manifest?.name ?? null },
    offeredAt,
    at: times.since(task),
    deadline,
    // an invoice says what it has come to
    price: formatAmount(invoice?.price ?? maxPrice, decimals),
    payment,
  };
}
