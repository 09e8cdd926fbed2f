/**
 * The market: offers, bids, awards, and who is out.
 *
 * Pure: `decide…` functions read the state and return facts or a refusal; `applyToMarket` is the only thing that
 * changes it, and gives the same state for the same facts on every machine.
 */
import type { Hex } from "../base/bytes.ts";
import { type Instant, instant } from "../base/clock.ts";
import { Fault } from "../base/fault.ts";
import { type Amount, amount } from "../base/money.ts";
import { type Refusal, refuse } from "../base/refusal.ts";
import type { Fact, FactNamed } from "../protocol/facts.ts";
import { feeOf } from "../protocol/fuel.ts";
import type { Message } from "../protocol/message.ts";
import { type Market, offerDigest, taskIdOf } from "../protocol/typed-data.ts";
import type { MarketRules } from "./rules.ts";
import { isOpen, mostOf, type Task } from "./task.ts";

export type MarketState = {
  /** Open tasks, and the newest ended ones, in the order they were offered. */
  readonly tasks: Map<Hex, Task>;
  /** Ended tasks in the order they ended, so that the oldest can be forgotten. */
  readonly ended: Set<Hex>;
};

/** Ended tasks that are remembered, so that a repeated command gets its answer again. */
export const REMEMBERED_TASKS = 4_096;

/** The market before the first record: nothing was ever offered. Records change it in place. */
export function emptyMarket(): MarketState {
  return { tasks: new Map(), ended: new Set() };
}

/** The task, which the caller knows to exist. */
export function taskOf(state: MarketState, id: Hex): Task {
  const task = state.tasks.get(id);
  if (!task) throw new Fault("impossible", `task ${id} is not in the market`);
  return task;
}

/** Tasks that still want something of somebody, in the order they were offered. */
export function* openTasks(state: MarketState): Generator<Task> {
  for (const task of state.tasks.values()) if (isOpen(task)) yield task;
}

/**
 * What awards to this provider may still cost the gateway: of each unpaid assignment price less fee, which is the most it
 * can come to until it is delivered.
 */
export function heldFor(state: MarketState, provider: Hex): Amount {
  let held = 0n;
  for (const task of openTasks(state)) {
    if (task.state === "invoiced") continue;
    for (const assignment of [task.run, task.check]) {
      if (assignment?.provider === provider) held += assignment.price - assignment.fee;
    }
  }
  return amount(held);
}

/** An offer that can be taken on, without its postings: whether it is paid for is not the market's business. */
export function decideOffer(
  state: MarketState,
  market: Market,
  requester: Hex,
  offer: Message<"offer">,
  now: Instant,
  rules: MarketRules,
): FactNamed<"offered"> | Refusal {
  const task = taskIdOf(offerDigest(market, requester, offer));
  if (state.tasks.has(task)) return refuse("id_reused");
  if (offer.deadline <= now + rules.bidWindowMs) return refuse("offer_expired");
  if (offer.deadline > now + rules.maxDeadlineMs) return refuse("deadline_too_far");
  if (offer.maxPrice <= feeOf(offer.maxPrice, rules.feeBasisPoints)) return refuse("price_too_low");
  const misfit = misfitOf(offer, rules);
  if (misfit) return misfit;
  let open = 0;
  for (const other of openTasks(state)) if (other.requester === requester) open++;
  if (open >= rules.maxOpen) return refuse("too_many", `finish some of your ${open} open tasks first`);
  const { version: _, voucher: __, manifest = null, ...what } = offer;
  return { kind: "offered", task, requester, ...what, manifest, postings: [] };
}

/** Why a task cannot be metered here, or is another one than its manifest says; null when neither. */
function misfitOf(offer: Message<"offer">, { meter, maxFuel }: MarketRules): Refusal | null {
  if (offer.meter !== meter.version || offer.costs !== meter.costs) return refuse("meter_unknown");
  if (offer.fuelLimit > maxFuel) return refuse("fuel_limit_high");
  const { manifest } = offer;
  const isSame =
    !manifest ||
    (manifest.firmware === offer.firmware &&
      manifest.profile === offer.profile &&
      manifest.memoryMiB === offer.memoryMiB);
  return isSame ? null : refuse("bad_manifest");
}

/** Why a task goes out to bidders: its bytes are here, no bid has come or is left, or the gateway was away. */
type AnnounceCause = "offered" | "unbid" | "reopened";

/** The task goes out to bidders, unless its state says otherwise. */
export function decideAnnounce(
  task: Task,
  because: AnnounceCause,
  from: Instant,
  rules: MarketRules,
): Fact[] {
  const isBefore = task.state === "announced" || task.state === "awarded";
  if (because === "offered" ? task.state !== "offered" : !isBefore) return [];
  // Each window is as long as the wait so far: a task that nobody wants is announced ever more rarely. While the gateway
  // was away nobody could want it.
  const window = because === "unbid" ? Math.max(rules.bidWindowMs, from - task.offeredAt) : rules.bidWindowMs;
  return [{ kind: "announced", task: task.id, bidBy: instant(Math.min(from + window, task.deadline)) }];
}

/**
 * A bid that counts, or why not. It comes by `bidBy`, outlives it, and its rate makes the whole fuel limit cost at most
 * the task's `maxPrice`.
 *
 * @param room - what the gateway can still sign to this provider, see {@link heldFor}
 */
export function decideBid(
  state: MarketState,
  provider: Hex,
  bid: Message<"bid">,
  room: Amount,
  now: Instant,
  rules: MarketRules,
): FactNamed<"bidPlaced"> | Refusal {
  const task = state.tasks.get(bid.task);
  if (!task) return refuse("unknown_task");
  if (task.requester === provider) return refuse("own_task");
  if (task.state !== "announced" || task.bidBy === null || now > task.bidBy) return refuse("bid_late");
  if (task.bids.some((other) => other.provider === provider && other.expires > now)) {
    return refuse("wrong_state", "your bid on this task still stands");
  }
  if (bid.expires <= task.bidBy) return refuse("bid_expired");
  const { price, fee } = mostOf(bid.rate, task.fuelLimit, rules.feeBasisPoints);
  if (price > task.maxPrice || price <= fee) return refuse("price_over_budget");
  if (price - fee > room) return refuse("hub_capacity");
  const { id, rate, expires, signature } = bid;
  return { kind: "bidPlaced", task: bid.task, provider, id, rate, expires, signature };
}

/** The one whose award the accept answers, or why it answers none. */
export function decideAccept(state: MarketState, provider: Hex, accept: Message<"accept">): Fact[] | Refusal {
  const found = assignmentOf(state, provider, accept.task);
  if ("refused" in found) return found;
  const { role, assignment } = found;
  if (assignment.award !== accept.award) return refuse("bad_award");
  if (assignment.stage !== "awarded") return refuse("wrong_state");
  const who = { task: accept.task, role, provider } as const;
  return [
    { kind: "accepted", ...who, award: accept.award, signature: accept.signature },
    { kind: "started", ...who, runBy: assignment.runBy },
  ];
}

/**
 * The delivery of what this provider has accepted, under its newest award, or why it is none.
 * Whether output and bill are right is for the verdict to say.
 */
export function decideResult(
  state: MarketState,
  provider: Hex,
  result: Message<"result">,
): FactNamed<"delivered"> | Refusal {
  const found = assignmentOf(state, provider, result.task);
  if ("refused" in found) return found;
  const { role, assignment, fuelLimit } = found;
  if (assignment.award !== result.award) return refuse("bad_award");
  if (assignment.stage !== "running") return refuse("wrong_state");
  if (result.fuel > fuelLimit) return refuse("fuel_over_limit");
  const { version: _, id: __, ...delivery } = result;
  return { kind: "delivered", role, provider, ...delivery };
}

/**
 * A provider says no: `decline` before it has accepted, `forfeit` at any time before it has delivered. Whoever comes back
 * after its `acceptBy` cannot know whether it had accepted: a forfeit of what it had not is a decline.
 */
export function decideWithdrawal(
  state: MarketState,
  provider: Hex,
  id: Hex,
  topic: "decline" | "forfeit",
  reason: string,
): FactNamed<"withdrawn"> | Refusal {
  const found = assignmentOf(state, provider, id);
  if ("refused" in found) return found;
  const { stage } = found.assignment;
  if (stage === "delivered" || (topic === "decline" && stage !== "awarded")) return refuse("wrong_state");
  const how = stage === "awarded" ? "declined" : "forfeited";
  return { kind: "withdrawn", task: id, role: found.role, provider, how, reason };
}

/** States in which a requester may call its task off; what has been delivered is verified and paid for. */
export const CANCELLABLE = new Set<Task["state"]>(["offered", "announced", "awarded", "accepted", "running"]);

/** The task that its requester may cancel: free before a provider has accepted, afterwards the work is paid for. */
export function decideCancel(state: MarketState, requester: Hex, id: Hex): Task | Refusal {
  const task = state.tasks.get(id);
  if (!task) return refuse("unknown_task");
  if (task.requester !== requester) return refuse("not_yours");
  return CANCELLABLE.has(task.state) ? task : refuse("wrong_state");
}

function assignmentOf(state: MarketState, provider: Hex, id: Hex) {
  const task = state.tasks.get(id);
  if (!task) return refuse("unknown_task");
  const role = task.run?.provider === provider ? "run" : "check";
  const assignment = task[role];
  if (assignment?.provider !== provider) {
    return refuse(task.out.includes(provider) ? "wrong_state" : "not_yours");
  }
  if (!isOpen(task)) return refuse("wrong_state");
  return { role, assignment, fuelLimit: task.fuelLimit } as const;
}
