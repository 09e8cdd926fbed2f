/** How each fact changes the market. The only writer of its state. */
import { type Instant, instant } from "../base/clock.ts";
import { ZERO } from "../base/money.ts";
import type { Fact, FactNamed } from "../protocol/facts.ts";
import { type MarketState, REMEMBERED_TASKS, taskOf } from "./market.ts";
import { type Assignment, moveTo, NO_EVIDENCE, type Task, type TaskEnd, without } from "./task.ts";

/** Applies one fact in place. `at` is the time of its record. Facts of other rooms change nothing here. */
export function applyToMarket(state: MarketState, fact: Fact, at: Instant): void {
  if (fact.kind === "claimed") settle(state, fact);
  if (!("task" in fact)) return;
  const task = fact.kind === "offered" ? offered(fact, at) : next(taskOf(state, fact.task), fact);
  state.tasks.set(task.id, task);
  if (task.end) remember(state, task);
}

type TaskFact = Extract<Fact, { task: unknown }>;

function next(task: Task, fact: Exclude<TaskFact, { kind: "offered" }>): Task {
  switch (fact.kind) {
    case "announced":
      return moveTo(task, "announced", { bidBy: fact.bidBy });
    case "bidPlaced": {
      const bid = { provider: fact.provider, price: fact.price, expires: fact.expires };
      return { ...task, bids: [...task.bids.filter((other) => other.provider !== fact.provider), bid] };
    }
    case "awarded":
      return fact.role === "check"
        ? { ...task, check: assigned(fact) }
        : moveTo(task, "awarded", { run: assigned(fact), check: null, evidence: NO_EVIDENCE });
    case "accepted":
      return fact.role === "check" ? task : moveTo(task, "accepted");
    case "started":
      return staged(task, fact.role, { stage: "running" }, "running");
    case "delivered": {
      const { output, outputBytes } = fact;
      return staged(task, fact.role, { stage: "delivered", output, outputBytes }, "delivered");
    }
    case "withdrawn":
      return without(task, fact.role, fact.provider, fact.how);
    case "checked":
      return { ...task, evidence: evidenceAfter(task, fact) };
    case "verified":
      return fact.verdict === "accepted" ? moveTo(task, "verified", { rechecked: fact.rechecked }) : task;
    case "paid":
      return moveTo(task, "paid", { end: paidEnd(task, fact) });
    case "ended":
      return moveTo(task, fact.state, { end: unpaidEnd(task, fact) });
  }
}

function offered(fact: FactNamed<"offered">, at: Instant): Task {
  const { kind: _, postings: __, task, id, signature: ___, ...terms } = fact;
  return {
    ...terms,
    id: task,
    offerId: id,
    offeredAt: instant(at),
    state: "offered",
    bidBy: null,
    bids: [],
    out: [],
    run: null,
    check: null,
    evidence: NO_EVIDENCE,
    rechecked: false,
    end: null,
  };
}

function assigned(fact: FactNamed<"awarded">): Assignment {
  const { kind: _, task: __, role: ___, ...terms } = fact;
  return { ...terms, stage: "awarded", output: null, outputBytes: 0 };
}

function staged(
  task: Task,
  role: "run" | "check",
  change: Partial<Assignment>,
  state: "running" | "delivered",
): Task {
  const assignment = task[role];
  const changed = { [role]: assignment && { ...assignment, ...change } };
  return role === "run" ? moveTo(task, state, changed) : { ...task, ...changed };
}

function evidenceAfter(task: Task, fact: FactNamed<"checked">): Task["evidence"] {
  if (fact.rung === "checker") return { ...task.evidence, checker: fact.passed };
  if (fact.rung === "referee") return { ...task.evidence, referee: fact.output ?? "none" };
  return task.evidence;
}

function paidEnd(task: Task, fact: FactNamed<"paid">): TaskEnd {
  const answer = task.run ?? task.check;
  return {
    reason: "",
    provider: answer?.provider ?? null,
    output: answer?.output ?? null,
    outputBytes: answer?.outputBytes ?? 0,
    spent: fact.price,
    fee: fact.fee,
    checks: fact.checks,
    receipt: fact.receipt,
    paidUpTo: fact.legs.map(({ payee, role, amount, voucher }) => {
      return { payee, role, amount, epoch: voucher.epoch, cumulative: voucher.cumulative };
    }),
  };
}

function unpaidEnd(task: Task, fact: FactNamed<"ended">): TaskEnd {
  return {
    reason: fact.reason,
    provider: task.run?.provider ?? null,
    output: null,
    outputBytes: 0,
    spent: ZERO,
    fee: ZERO,
    checks: ZERO,
    receipt: null,
    paidUpTo: [],
  };
}

function settle(state: MarketState, fact: FactNamed<"claimed">): void {
  for (const id of state.ended) {
    const task = taskOf(state, id);
    if (task.state !== "paid" || !task.end) continue;
    const settled = task.end.paidUpTo.every((paid) =>
      fact.lanes.some(
        (lane) => lane.payee === paid.payee && lane.epoch === paid.epoch && lane.settled >= paid.cumulative,
      ),
    );
    if (settled) state.tasks.set(id, moveTo(task, "settled"));
  }
}

function remember(state: MarketState, task: Task): void {
  state.ended.add(task.id);
  if (state.ended.size <= REMEMBERED_TASKS) return;
  const oldest = state.ended.values().next().value;
  if (oldest === undefined) return;
  state.ended.delete(oldest);
  state.tasks.delete(oldest);
}
