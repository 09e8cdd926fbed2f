/**
 * What the gateway says, and to whom: read from facts and state, so that it can be said again.
 *
 * Devices connect with clean sessions; the journal is the queue. After a restart or a reconnect `sayAgain` gives
 * what the device still has to know, and a repeated command gets its answer by `repeat`.
 */
import type { Hex } from "../base/bytes.ts";
import { ZERO } from "../base/money.ts";
import { REFUSALS } from "../base/refusal.ts";
import { openTasks, taskOf } from "../market/market.ts";
import type { Assignment, Task } from "../market/task.ts";
import { creditOf } from "../payment/payment.ts";
import type { Fact, FactNamed, JournalRecord } from "../protocol/facts.ts";
import type { Message } from "../protocol/message.ts";
import type { Topic } from "../protocol/topic.ts";
import type { Answer } from "./answers.ts";
import { type State, taskNamedBy } from "./state.ts";

/** A message for one device. */
export type Outgoing = {
  [T in Topic]: { readonly to: Hex; readonly topic: T; readonly message: Message<T> };
}[Topic];

/** Everything a record lets the gateway say. `bidders` are the providers that are connected now. */
export function speak(state: State, record: JournalRecord, bidders: readonly Hex[]): Outgoing[] {
  const out: Outgoing[] = [];
  const { by, id, topic, refused } = record.cause;
  if (by !== null && refused === null) out.push(ack(by, id, record.index, taskNamedBy(record.facts)));
  if (by !== null && refused !== null) out.push(refusalMessage(by, id, topic, refused, REFUSALS[refused]));
  for (const fact of record.facts) out.push(...sayFact(state, fact, bidders));
  return out;
}

function sayFact(state: State, fact: Fact, bidders: readonly Hex[]): Outgoing[] {
  switch (fact.kind) {
    case "announced": {
      const task = taskOf(state.market, fact.task);
      return bidders.filter((to) => to !== task.requester).map((to) => announce(to, task));
    }
    case "awarded": {
      const task = taskOf(state.market, fact.task);
      const assignment = task[fact.role];
      return assignment ? [award(task, fact.role, assignment)] : [];
    }
    case "paid":
      return sayPaid(state, fact);
    case "ended":
      return [answer(state, taskOf(state.market, fact.task))];
    default:
      return [];
  }
}

function sayPaid(state: State, fact: FactNamed<"paid">): Outgoing[] {
  const task = taskOf(state.market, fact.task);
  const out: Outgoing[] = fact.legs.map(({ payee, role, amount, voucher }) => {
    return { to: payee, topic: "payment", message: { version: 1, task: task.id, role, amount, voucher } };
  });
  for (const to of [task.requester, task.end?.provider]) if (to) out.push(...receipt(task, to));
  return [...out, answer(state, task)];
}

function ack(to: Hex, id: string, journalIndex: number, task: Hex | null): Outgoing {
  const message = { version: 1 as const, id, journalIndex };
  return { to, topic: "ack", message: task ? { ...message, task } : message };
}

/** Says no to a message of `topic`; `id` is null where the message bore none, or none that could be read. */
export function refusalMessage(
  to: Hex,
  id: string | null,
  topic: string,
  code: string,
  hint: string,
): Outgoing {
  return { to, topic: "refusal", message: { version: 1, id, topic, code, hint } };
}

function announce(to: Hex, task: Task): Outgoing {
  const { requester, firmware, firmwareBytes, inputBytes, maxPrice, deadline } = task;
  const bidBy = task.bidBy ?? deadline;
  const message = {
    version: 1 as const,
    task: task.id,
    requester,
    firmware,
    firmwareBytes,
    inputBytes,
    maxPrice,
    bidBy,
    deadline,
  };
  return { to, topic: "announce", message };
}

function award(task: Task, role: "run" | "check", assignment: Assignment): Outgoing {
  const { requester, firmware, firmwareBytes, input, inputBytes } = task;
  const { provider, price, fee, acceptBy, runBy, signature } = assignment;
  const what = { requester, firmware, firmwareBytes, input, inputBytes };
  const terms = { provider, price, fee, acceptBy, runBy, signature };
  return { to: provider, topic: "award", message: { version: 1, task: task.id, role, ...what, ...terms } };
}

function answer(state: State, task: Task): Outgoing {
  const { end } = task;
  const ended = task.state === "settled" ? "paid" : task.state;
  return {
    to: task.requester,
    topic: "answer",
    message: {
      version: 1,
      task: task.id,
      state: ended as Message<"answer">["state"],
      reason: end?.reason ?? "",
      output: end?.output ?? null,
      outputBytes: end?.outputBytes ?? 0,
      spent: end?.spent ?? ZERO,
      credit: creditOf(state.payment, task.requester),
      provider: end?.provider ?? null,
      rechecked: task.rechecked,
    },
  };
}

/** What a device that has just connected still has to know. */
export function sayAgain(state: State, device: Hex, bids: boolean): Outgoing[] {
  const out: Outgoing[] = [];
  const newest = state.payment.outgoing.get(device)?.newest;
  if (newest) {
    const message = { version: 1 as const, task: null, role: null, amount: ZERO, voucher: newest };
    out.push({ to: device, topic: "payment", message });
  }
  for (const task of openTasks(state.market)) {
    const wantsBid = bids && task.state === "announced" && task.requester !== device;
    if (wantsBid && !task.bids.some((bid) => bid.provider === device)) out.push(announce(device, task));
    for (const role of ["run", "check"] as const) {
      const assignment = task[role];
      if (assignment?.provider === device && assignment.stage !== "delivered")
        out.push(award(task, role, assignment));
    }
  }
  return out;
}

/** The answer to a command that was answered before, and what has come of it since. */
export function repeat(state: State, device: Hex, id: string, given: Answer): Outgoing[] {
  if (given.refused !== null)
    return [refusalMessage(device, id, given.topic, given.refused, REFUSALS[given.refused])];
  const out: Outgoing[] = [ack(device, id, given.index, given.task)];
  const task = given.task ? state.market.tasks.get(given.task) : undefined;
  if (!task?.end) return out;
  if (task.requester === device && given.topic === "offer") out.push(...endedFor(state, task));
  if (given.topic === "accept" || given.topic === "result") out.push(...paidTo(state, task, device));
  return out;
}

function endedFor(state: State, task: Task): Outgoing[] {
  return [...receipt(task, task.requester), answer(state, task)];
}

function paidTo(state: State, task: Task, device: Hex): Outgoing[] {
  const { end } = task;
  const paid = end?.paidUpTo.find((one) => one.payee === device);
  const newest = state.payment.outgoing.get(device)?.newest;
  if (!end || !paid || !newest) return [];
  const message = {
    version: 1 as const,
    task: task.id,
    role: paid.role,
    amount: paid.amount,
    voucher: newest,
  };
  return [{ to: device, topic: "payment", message }];
}

function receipt(task: Task, to: Hex): Outgoing[] {
  const { end } = task;
  if (!end?.receipt || !end.provider || !end.output) return [];
  const message = {
    version: 1 as const,
    task: task.id,
    requester: task.requester,
    provider: end.provider,
    firmware: task.firmware,
    input: task.input,
    output: end.output,
    price: end.spent,
    fee: end.fee,
    checks: end.checks,
    signature: end.receipt,
  };
  return [{ to, topic: "receipt", message }];
}
