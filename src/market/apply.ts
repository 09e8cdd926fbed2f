/** How each fact changes the market. The only writer of its state. */
import { type Instant, instant } from "../base/clock.ts";
import { Fault } from "../base/fault.ts";
import { ZERO } from "../base/money.ts";
import type { Fact, FactNamed } from "../protocol/facts.ts";
import { type MarketState, REMEMBERED_TASKS, taskOf } from "./market.ts";
import {
  type Assignment,
  answerOf,
  mostOf,
  moveTo,
  NO_EVIDENCE,
  type Task,
  type TaskEnd,
  type TaskInvoice,
  withOutcome,
  without,
} from "./task.ts";

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
      const bid = { provider: fact.provider, rate: fact.rate, expires: fact.expires };
      return { ...task, bids: [...task.bids.filter((other) => other.provider !== fact.provider), bid] };
    }
    case "awarded":
      return fact.role === "check"
        ? { ...task, check: assigned(task, fact) }
        : moveTo(task, "awarded", { run: assigned(task, fact), check: null, evidence: NO_EVIDENCE });
    case "accepted":
      return accepted(task, fact);
    case "started":
      return staged(task, fact.role, "running", (one) => ({ ...one, stage: "running" }));
    case "delivered":
      return staged(task, fact.role, "delivered", (one) => withOutcome(one, fact));
    case "withdrawn":
      return without(task, fact.role, fact.provider, fact.how);
    case "checked":
      return { ...task, evidence: evidenceAfter(task, fact) };
    case "verified":
      return fact.verdict === "accepted" ? moveTo(task, "verified", { rechecked: fact.rechecked }) : task;
    case "invoiced":
      return moveTo(task, "invoiced", { invoice: invoiceOf(task, fact) });
    case "paid":
      return moveTo(task, "paid", { end: paidEnd(task, fact), bids: [] });
    case "ended":
      return moveTo(task, fact.state, { end: unpaidEnd(task, fact), bids: [] });
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
    invoice: null,
    end: null,
  };
}

function assigned(task: Task, fact: FactNamed<"awarded">): Assignment {
  const { kind: _, task: __, role: ___, ...terms } = fact;
  const most = mostOf(terms.rate, task.fuelLimit, terms.feeBasisPoints);
  const outcome = { verdict: null, output: null, outputBytes: 0, fuel: 0 };
  return { ...terms, ...most, stage: "awarded", accept: null, ...outcome };
}

function accepted(task: Task, { role, signature }: FactNamed<"accepted">): Task {
  const assignment = task[role];
  const changed = { [role]: assignment && { ...assignment, accept: signature } };
  return role === "check" ? { ...task, ...changed } : moveTo(task, "accepted", changed);
}

function staged(
  task: Task,
  role: "run" | "check",
  state: "running" | "delivered",
  change: (assignment: Assignment) => Assignment,
): Task {
  const assignment = task[role];
  const changed = { [role]: assignment && change(assignment) };
  return role === "run" ? moveTo(task, state, changed) : { ...task, ...changed };
}

function evidenceAfter(task: Task, fact: FactNamed<"checked">): Task["evidence"] {
  if (fact.rung === "checker") return { ...task.evidence, checker: fact.passed };
  if (fact.rung === "referee") return { ...task.evidence, referee: refereeIn(fact) };
  return task.evidence;
}

function refereeIn({ verdict, output, fuel }: FactNamed<"checked">): Task["evidence"]["referee"] {
  return verdict === null ? "none" : { verdict, output, fuel };
}

function invoiceOf(task: Task, fact: FactNamed<"invoiced">): TaskInvoice {
  const answer = answerOf(task, fact.provider);
  if (!answer?.verdict || !answer.accept) throw new Fault("impossible", "an invoice without an answer");
  const { provider, price, fee, checks, salt, saltedOutput, due, signature, receipt } = fact;
  return {
    ...{ provider, price, fee, checks, salt, saltedOutput, due, signature, receipt },
    award: answer.award,
    accept: answer.accept,
    verdict: answer.verdict,
    output: answer.output,
    outputBytes: answer.outputBytes,
    fuel: fact.fuel,
    rate: answer.rate,
    paidUpTo: paidUpTo(fact.legs),
  };
}

function paidEnd(task: Task, fact: FactNamed<"paid">): TaskEnd {
  const { provider, price, fee, checks, receipt, fuel } = fact;
  const answer = answerOf(task, provider);
  const { invoice } = task;
  return {
    ...{ provider, fee, checks, receipt, fuel, spent: price, reason: "" },
    verdict: answer?.verdict ?? null,
    rate: answer?.rate ?? ZERO,
    output: answer?.output ?? null,
    outputBytes: answer?.outputBytes ?? 0,
    salt: invoice?.salt ?? null,
    paidUpTo: invoice?.paidUpTo ?? paidUpTo(fact.legs),
  };
}

function paidUpTo(legs: FactNamed<"paid">["legs"]): TaskEnd["paidUpTo"] {
  return legs.map(({ payee, role, amount, voucher }) => {
    return { payee, role, amount, epoch: voucher.epoch, cumulative: voucher.cumulative };
  });
}

function unpaidEnd(task: Task, { reason, price, fee, checks, legs }: FactNamed<"ended">): TaskEnd {
  const isBilled = price > 0n;
  return {
    ...{ reason, fee, checks, spent: price, output: null, outputBytes: 0, salt: null, receipt: null },
    verdict: null,
    // nobody can check what a run had burnt when it was called off: the whole limit is billed
    fuel: isBilled ? task.fuelLimit : 0,
    rate: isBilled ? (task.run?.rate ?? ZERO) : ZERO,
    provider: task.run?.provider ?? null,
    paidUpTo: paidUpTo(legs),
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
