/**
 * The course of a task by itself: who is awarded next, what a deadline means, what the evidence amounts to.
 *
 * Each function returns the facts that follow from the state plus what has just been decided (`task` arguments may
 * be one step ahead of the state), without applying them.
 */
import type { Hex } from "../base/bytes.ts";
import { type Instant, instant } from "../base/clock.ts";
import { type Amount, ZERO } from "../base/money.ts";
import { awardTo, rankBids } from "../market/auction.ts";
import { decideAnnounce, heldFor, openTasks } from "../market/market.ts";
import { handoverMs } from "../market/rules.ts";
import { type Bid, isOpen, mostOf, outcomeIn, type Task, without } from "../market/task.ts";
import { type Due, hubRoom } from "../payment/payment.ts";
import type { END_STATES, Fact, FactNamed } from "../protocol/facts.ts";
import { isSame, judge, type Ruling } from "../verdict/verdict.ts";
import { charge, endFree } from "./charge.ts";
import type { Context, State } from "./state.ts";

/**
 * What a new award to this provider may cost, price less fee: its lane's room less what its unpaid awards need. Nothing
 * for one that is kept out.
 */
export function roomFor(state: State, context: Context, provider: Hex): Amount {
  if (state.disabled.has(provider)) return ZERO;
  return hubRoom(state.payment, context.market, provider, heldFor(state.market, provider));
}

/**
 * The bids that can be awarded now, best first, each with room for it on its provider's lane. An award names times that
 * its provider goes by, so that there is none by a clock that nobody has set.
 */
function awardable(state: State, context: Context, task: Task): readonly Bid[] {
  if (context.obstacle === "clock_unsynchronized") return [];
  const hasRoom = (provider: Hex, cost: Amount) => roomFor(state, context, provider) >= cost;
  return task.deadline <= context.now ? [] : rankBids(task, context.now, context.rules, hasRoom);
}

/** An award to the best bid left, or the end that having none means. */
function awardNext(
  state: State,
  context: Context,
  task: Task,
  none: (typeof END_STATES)[number],
  reason: string,
): Fact[] {
  const [best] = awardable(state, context, task);
  return best
    ? [awardTo(context.market, task, best, "run", context.now, context.rules)]
    : [endFree(task, none, reason)];
}

/**
 * As long as nobody has accepted: an award, or else the task is announced again until its deadline. Whoever was full may
 * have room by then, and others may have come.
 */
function awardOrAnnounce(
  state: State,
  context: Context,
  task: Task,
  none: (typeof END_STATES)[number],
  reason: string,
): Fact[] {
  const isOver = task.deadline <= context.now || awardable(state, context, task).length > 0;
  return isOver
    ? awardNext(state, context, task, none, reason)
    : decideAnnounce(task, "unbid", context.now, context.rules);
}

/** A provider is out; somebody else may take its place. */
export function withdraw(state: State, context: Context, task: Task, out: FactNamed<"withdrawn">): Fact[] {
  const left = without(task, out.role, out.provider, out.how);
  if (out.role === "check") return [out, ...rule(state, context, left, true)];
  const reason = `no bid is left: ${out.reason}`;
  return out.how === "declined" || out.how === "accept_timeout"
    ? [out, ...awardOrAnnounce(state, context, left, "declined", reason)]
    : [out, ...awardNext(state, context, left, "forfeited", reason)];
}

/**
 * What the evidence on a delivered task amounts to.
 *
 * @param drawn - whether one more run has to agree; once a draw has said so, it stays so
 */
export function rule(state: State, context: Context, task: Task, drawn: boolean): Fact[] {
  const outcome = outcomeIn(task.run);
  if (task.state !== "delivered" || !outcome) return [];
  if (task.check && task.check.stage !== "delivered") return [];
  const ruling = judge({ run: outcome, ...task.evidence, rerun: outcomeIn(task.check), drawn });
  switch (ruling.ruling) {
    case "want":
      return ruling.rung === "rerun" ? wantRerun(state, context, task) : [];
    case "accept":
      return accept(state, context, task, ruling);
    case "reject":
      return reject(state, context, task, ruling.reason);
    case "undecided":
      return [endFree(task, "refunded", ruling.reason)];
  }
}

/**
 * A second provider, drawn among the other bidders whom the check budget pays; with none, the gateway's own run speaks
 * (`wants.ts`).
 */
function wantRerun(state: State, context: Context, task: Task): Fact[] {
  const most = ({ rate }: Bid) => mostOf(rate, task.fuelLimit, context.rules.feeBasisPoints).price;
  const others = awardable(state, context, task).filter((bid) => most(bid) <= task.checkBudget);
  const drawn = others[Math.floor(context.draw() * others.length)];
  if (!drawn) return [];
  return [awardTo(context.market, task, drawn, "check", context.now, context.rules)];
}

function accept(state: State, context: Context, task: Task, ruling: Ruling & { ruling: "accept" }): Fact[] {
  const { run, check } = task;
  const answer = ruling.whose === "run" ? run : check;
  const outcome = outcomeIn(answer);
  if (!answer || !outcome) return [];
  const facts: Fact[] = [];
  const dues: Due[] = [{ payee: answer.provider, role: ruling.whose, price: answer.price, fee: answer.fee }];
  if (ruling.whose === "check" && run) facts.push(outvoted(task, run.provider, "run"));
  const second = outcomeIn(check);
  if (ruling.whose === "run" && check && second) {
    if (isSame(second, outcome)) {
      dues.push({ payee: check.provider, role: "check", price: check.price, fee: check.fee });
    } else {
      facts.push(outvoted(task, check.provider, "check"));
    }
  }
  facts.push({ kind: "verified", task: task.id, verdict: "accepted", rechecked: ruling.rechecked });
  return [...facts, ...charge(state, context, task, answer, dues)];
}

/** The answer was wrong. Another bidder may still give a right one. */
function reject(state: State, context: Context, task: Task, reason: string): Fact[] {
  const facts: Fact[] = [{ kind: "verified", task: task.id, verdict: "rejected", rechecked: true }];
  let left = task;
  for (const role of ["run", "check"] as const) {
    const provider = task[role]?.provider;
    if (!provider) continue;
    facts.push(outvoted(task, provider, role));
    left = without(left, role, provider, "outvoted");
  }
  return [...facts, ...awardNext(state, context, left, "rejected", reason)];
}

function outvoted(task: Task, provider: Hex, role: "run" | "check"): FactNamed<"withdrawn"> {
  return {
    kind: "withdrawn",
    task: task.id,
    role,
    provider,
    how: "outvoted",
    reason: "its output or its bill was found wrong",
  };
}

/** How long after a task's deadline the gateway may still verify what was delivered in time. */
export const VERIFY_GRACE_MS = 60_000;

/** When a task's next deadline is; null once it has ended, or waits for nothing but its requester's money. */
function nextDue(task: Task, inputMs: number): Instant | null {
  if (!isOpen(task) || task.state === "invoiced") return null;
  if (task.state === "offered") {
    const wait = handoverMs(task.firmwareBytes + task.inputBytes, { inputMs });
    return instant(Math.min(task.offeredAt + wait, task.deadline));
  }
  if (task.state === "announced") return task.bidBy;
  const pending = [task.run, task.check].filter((one) => one !== null && one.stage !== "delivered");
  const times = pending.map((one) =>
    one?.stage === "awarded" ? one.acceptBy : (one?.runBy ?? task.deadline),
  );
  return instant(times.length === 0 ? task.deadline + VERIFY_GRACE_MS : Math.min(...times));
}

export type TaskDue = { readonly task: Hex; readonly at: Instant };

/**
 * The next deadline of each open task.
 *
 * @param notBefore - when a task's deadline is enforced at the earliest; null: not for now
 */
export function* dueTasks(
  state: State,
  inputMs: number,
  notBefore: (task: Task) => Instant | null,
): Generator<TaskDue> {
  for (const task of openTasks(state.market)) {
    const due = nextDue(task, inputMs);
    const earliest = notBefore(task);
    if (due !== null && earliest !== null) yield { task: task.id, at: instant(Math.max(due, earliest)) };
  }
}

/** The first of all {@link dueTasks}; null while nothing is due ever. */
export function firstDue(...from: Parameters<typeof dueTasks>): TaskDue | null {
  let first: TaskDue | null = null;
  for (const due of dueTasks(...from)) if (first === null || due.at < first.at) first = due;
  return first;
}

/** What follows when a task's deadline has passed. */
export function decideDue(state: State, context: Context, task: Task): Fact[] {
  const at = nextDue(task, context.rules.inputMs);
  if (at === null || at > context.now) return [];
  if (task.state === "offered") return [endFree(task, "cancelled", "firmware or input never arrived")];
  if (task.state === "announced") {
    if (context.obstacle === "clock_unsynchronized") return [];
    return awardOrAnnounce(state, context, task, "expired", "no bid came");
  }
  for (const role of ["run", "check"] as const) {
    const one = task[role];
    if (!one || one.stage === "delivered") continue;
    const waitedFor = one.stage === "awarded" ? one.acceptBy : one.runBy;
    if (waitedFor > context.now) continue;
    const how = one.stage === "awarded" ? "accept_timeout" : "run_timeout";
    const reason =
      one.stage === "awarded" ? "the award was not accepted in time" : "the result did not come in time";
    return withdraw(state, context, task, {
      kind: "withdrawn",
      task: task.id,
      role,
      provider: one.provider,
      how,
      reason,
    });
  }
  return [endFree(task, "refunded", "the answer could not be verified in time")];
}
