/** What a device could run once more: a task that it has answered, and of which the bytes are still here. Pure. */
import type { Hex } from "../../base/bytes.ts";
import { type Instant, instant } from "../../base/clock.ts";
import { type Amount, amount, MAX_AMOUNT } from "../../base/money.ts";
import { addresseeOf, offerIdFor } from "../../exchange/addressee.ts";
import type { State } from "../../exchange/state.ts";
import { openTasks } from "../../market/market.ts";
import type { MarketRules } from "../../market/rules.ts";
import type { Task, TaskEnd } from "../../market/task.ts";
import type { Draft } from "../../protocol/draft.ts";
import { priceOf } from "../../protocol/fuel.ts";

/** A task that its provider was paid for, with what it answered. */
export type Rehearsal = { readonly task: Task; readonly end: TaskEnd & { readonly output: Hex } };

/** A test has as long as the task had, and a minute at least, milliseconds. */
const LEAST_MS = 60_000;

/** A device may ask more by now than it did: the offer leaves room for so many times its old price. */
const PRICES = 2n;

/**
 * The newest task that the device was paid for and of which firmware and input are still kept; `"bytes"` where it was
 * paid for some and of none they are, null where it was paid for none that is remembered.
 *
 * @param sizeOf - bytes of a blob that is here; null when it is not
 * @param isMetered - whether its fuel is counted as it is here now
 */
export function rehearsalOf(
  { market }: State,
  device: Hex,
  sizeOf: (hash: Hex) => number | null,
  isMetered: (task: Task) => boolean,
): Rehearsal | "bytes" | null {
  let found: "bytes" | null = null;
  for (const id of [...market.ended].reverse()) {
    const task = market.tasks.get(id);
    const end = task?.end;
    if (!task || (task.state !== "paid" && task.state !== "settled")) continue;
    if (end?.provider !== device || end.verdict !== "ok" || end.output === null || !isMetered(task)) continue;
    const isHere = sizeOf(task.firmware) === task.firmwareBytes && sizeOf(task.input) === task.inputBytes;
    if (isHere) return { task, end: { ...end, output: end.output } };
    found = "bytes";
  }
  return found;
}

/** The test of this device that is not over; null when there is none. */
export function testUnderWay(state: State, device: Hex): Task | null {
  for (const task of openTasks(state.market)) if (addresseeOf(state, task) === device) return task;
  return null;
}

/**
 * The offer that has a device run it again: with the fuel that it burnt then, which is all that the same run needs.
 *
 * The price is at least two atomic units, as one of them may be the fee.
 */
export function offerOf(
  { task, end }: Rehearsal,
  device: Hex,
  now: Instant,
  { bidWindowMs, maxDeadlineMs }: Pick<MarketRules, "bidWindowMs" | "maxDeadlineMs">,
): Draft<"offer"> {
  const { firmware, firmwareBytes, input, inputBytes, profile, memoryMiB, meter, costs, manifest } = task;
  const fuelLimit = Math.max(1, end.fuel);
  const patience = Math.max(LEAST_MS, task.deadline - task.offeredAt) + bidWindowMs;
  return {
    version: 1,
    id: offerIdFor(device, now),
    ...{ firmware, firmwareBytes, input, inputBytes, profile, memoryMiB, fuelLimit, meter, costs },
    maxPrice: most(PRICES * priceOf(end.rate, fuelLimit)),
    checkBudget: amount(0n),
    deadline: instant(now + Math.min(patience, maxDeadlineMs)),
    payment: "prepaid",
    ...(manifest ? { manifest } : {}),
  };
}

function most(price: bigint): Amount {
  return amount(price < PRICES ? PRICES : price > MAX_AMOUNT ? MAX_AMOUNT : price);
}
