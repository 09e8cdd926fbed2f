/** Questions about tasks that are over: which, how they ended, and what answers have cost. */
import type { Hex } from "../../base/bytes.ts";
import { Fault } from "../../base/fault.ts";
import type { MarketPrices } from "../api/market.ts";
import type { TaskQuery, TaskRow } from "../api/task.ts";
import type { Asks } from "./ask.ts";
import type { Owner } from "./directory.ts";
import { resolveFilter } from "./filter.ts";
import { laneNumber } from "./lane-book.ts";
import type { Presenter } from "./present.ts";
import type { Library } from "./reader.ts";
import type { EndedTask } from "./task-book.ts";

export type TaskPage = { readonly tasks: TaskRow[]; readonly next: string | null };

/** Price of so much fuel is a rate. */
const RATE_FUEL = 10n ** 12n;

/** Who takes part in a task: its requester, and whoever was awarded a part of it. */
export function isInView(presenter: Presenter, task: Pick<EndedTask, "requester" | "parts">): boolean {
  return presenter.isOwn(task.requester) || task.parts.some((part) => presenter.isOwn(part));
}

/**
 * Those of whom a viewer may know that they took part: whoever only worked on a task hears of its requester and provider,
 * and of nobody else who worked on it, lest the first digits of an address be guessed.
 */
function partiesIn(
  presenter: Presenter,
  { requester, provider, parts }: Pick<EndedTask, "requester" | "provider" | "parts">,
): number[] {
  const isAll = presenter.isOwn(requester);
  return [requester, provider, ...parts.filter((part) => isAll || presenter.isOwn(part))];
}

/** Whether everybody that the task pays has it on the chain. */
function isSettled(
  { lanes }: Library,
  legs: readonly (readonly [device: number, sequence: number])[],
): boolean {
  if (legs.length === 0) return false;
  return legs.every(([device, sequence]) => lanes.standing(laneNumber(device, true), sequence) === "claimed");
}

/** The state's word: a task that is paid is settled once all of it is claimed. */
export function wordOf(library: Library, { state, legs }: Pick<EndedTask, "state" | "legs">): string {
  return state === "paid" && isSettled(library, legs) ? "settled" : state;
}

/** @throws {@link Fault} `usage` for a `before` that no page gave */
export function endedTasks(library: Library, asks: Asks, query: TaskQuery, owner: Owner): TaskPage {
  const { device, firmware, state, before = String(Number.MAX_SAFE_INTEGER), limit } = query;
  if (!/^\d{1,16}$/.test(before)) throw new Fault("usage", `expected a page's "next", not "${before}"`);
  const presenter = asks.presenter(owner);
  const filter = resolveFilter(library, { device, firmware }, owner, presenter.decimals());
  const isMeant = (task: EndedTask) =>
    isInView(presenter, task) &&
    (!filter.firmware || filter.firmware[task.firmware] === 1) &&
    (!filter.device || partiesIn(presenter, task).some((one) => filter.device?.[one] === 1)) &&
    (state === undefined || wordOf(library, task) === state);
  const tasks: TaskRow[] = [];
  let last = 0;
  // what is settled by now was paid, as the journal has it
  const word = state === "settled" ? "paid" : (state ?? null);
  for (const task of library.tasks.newestEnded(Number(before), word)) {
    if (!isMeant(task)) continue;
    if (tasks.length === limit) return { tasks, next: String(last) };
    tasks.push(rowOf(library, presenter, task));
    last = task.id;
  }
  return { tasks, next: null };
}

function rowOf(library: Library, presenter: Presenter, task: EndedTask): TaskRow {
  const { hash, requester, provider, firmware, offeredAt, at, deadline, price, payment } = task;
  const nobody = { address: `0x${"0".repeat(40)}` as Hex, name: null };
  return {
    task: hash,
    state: wordOf(library, task),
    requester: presenter.party(requester) ?? nobody,
    provider: presenter.party(provider),
    firmware: presenter.firmware(firmware) ?? { hash: `0x${"0".repeat(64)}`, name: null },
    ...{ offeredAt, at, deadline, payment },
    price: presenter.money(price),
  };
}

type Paid = { readonly prices: bigint[]; sum: bigint; fuel: bigint };

/** What the answers of a period have cost, by firmware; the checks that came with them are not in it. */
export function paidPrices(
  library: Library,
  asks: Asks,
  owner: Owner,
  from: number,
  to: number,
): MarketPrices["paid"] {
  const presenter = asks.presenter(owner);
  const byFirmware = new Map<number, Paid>();
  for (const { requester, parts, firmware, cost, fuel } of library.tasks.paidIn(from, to)) {
    const isSeen = owner === null || isInView(presenter, { requester, parts: parts() });
    if (!isSeen) continue;
    const paid = byFirmware.get(firmware) ?? { prices: [], sum: 0n, fuel: 0n };
    paid.prices.push(cost);
    paid.sum += cost;
    paid.fuel += BigInt(fuel);
    byFirmware.set(firmware, paid);
  }
  return [...byFirmware].flatMap(([number, { prices, sum, fuel }]) => {
    const firmware = presenter.firmware(number);
    const sorted = prices.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    const at = (place: number) => presenter.money(sorted[place] ?? 0n);
    const rate = fuel === 0n ? null : presenter.money((sum * RATE_FUEL) / fuel);
    const spread = { least: at(0), median: at(Math.floor(sorted.length / 2)), most: at(sorted.length - 1) };
    return firmware ? [{ firmware, tasks: sorted.length, ...spread, rate }] : [];
  });
}
