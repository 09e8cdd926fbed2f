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
import type { Fact, FactNamed, JournalRecord, Leg } from "../protocol/facts.ts";
import type { Message } from "../protocol/message.ts";
import type { Topic } from "../protocol/topic.ts";
import { addresseeOf } from "./addressee.ts";
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
  if (by !== null && refused === null) out.push(acknowledge(by, id, record.index, taskNamedBy(record.facts)));
  if (by !== null && refused !== null) out.push(refusalMessage(by, id, topic, refused, REFUSALS[refused]));
  for (const fact of record.facts) out.push(...sayFact(state, fact, bidders));
  return out;
}

function sayFact(state: State, fact: Fact, bidders: readonly Hex[]): Outgoing[] {
  switch (fact.kind) {
    case "announced": {
      const task = taskOf(state.market, fact.task);
      return bidders.filter((to) => mayBid(state, task, to)).map((to) => announce(to, task));
    }
    case "awarded": {
      const task = taskOf(state.market, fact.task);
      const assignment = task[fact.role];
      return assignment ? [award(task, fact.role, assignment)] : [];
    }
    case "invoiced":
      return sayInvoiced(state, fact);
    case "paid":
      return sayPaid(state, fact);
    case "ended":
      return [
        ...fact.legs.map((leg) => payment(fact.task, leg)),
        answer(state, taskOf(state.market, fact.task)),
      ];
    case "creditPaidOut": {
      const { device, amount, voucher } = fact;
      const message = { version: 1 as const, task: null, role: null, amount, voucher };
      return [{ to: device, topic: "payment", message }];
    }
    default:
      return [];
  }
}

/** The provider has its receipt and its money; the requester gets its own once it has paid. */
function sayInvoiced(state: State, fact: FactNamed<"invoiced">): Outgoing[] {
  const task = taskOf(state.market, fact.task);
  const paid = fact.legs.map((leg) => payment(fact.task, leg));
  return [...receipt(task, fact.provider), ...paid, ...invoice(task)];
}

function sayPaid(state: State, fact: FactNamed<"paid">): Outgoing[] {
  const task = taskOf(state.market, fact.task);
  const told = task.invoice ? [task.requester] : [task.requester, fact.provider];
  // Who has its money asks for nothing again: a receipt that comes after it can be lost for good.
  const receipts = told.flatMap((to) => receipt(task, to));
  return [...receipts, ...fact.legs.map((leg) => payment(fact.task, leg)), answer(state, task)];
}

function payment(task: Hex, { payee, role, amount, voucher }: Leg): Outgoing {
  return { to: payee, topic: "payment", message: { version: 1, task, role, amount, voucher } };
}

function invoice(task: Task): Outgoing[] {
  if (!task.invoice) return [];
  const { provider, award, accept, saltedOutput, outputBytes, price, fee, checks, due, signature } =
    task.invoice;
  const { verdict, fuel, rate } = task.invoice;
  const work = { task: task.id, provider, award, accept, verdict, fuel, rate, saltedOutput, outputBytes };
  const message = { version: 1 as const, ...work, price, fee, checks, due, signature };
  return [{ to: task.requester, topic: "invoice", message }];
}

/** Says yes to a command: what it asked for is in the journal, at `journalIndex` or before. */
export function acknowledge(to: Hex, id: string, journalIndex: number, task: Hex | null = null): Outgoing {
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

/** How a task is run and metered, with what its author says of it. */
function runTerms({ profile, memoryMiB, fuelLimit, meter, costs, manifest }: Task) {
  const terms = { profile, memoryMiB, fuelLimit, meter, costs };
  return manifest ? { ...terms, manifest } : terms;
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
    ...runTerms(task),
  };
  return { to, topic: "announce", message };
}

function award(task: Task, role: "run" | "check", assignment: Assignment): Outgoing {
  const { requester, firmware, firmwareBytes, input, inputBytes } = task;
  const { provider, rate, feeBasisPoints, acceptBy, runBy, signature } = assignment;
  const what = { requester, firmware, firmwareBytes, input, inputBytes, ...runTerms(task) };
  const terms = { provider, rate, feeBasisPoints, acceptBy, runBy, signature };
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
      verdict: end?.verdict ?? null,
      output: end?.output ?? null,
      outputBytes: end?.outputBytes ?? 0,
      fuel: end?.fuel ?? 0,
      salt: end?.salt ?? null,
      spent: end?.spent ?? ZERO,
      credit: creditOf(state.payment, task.requester),
      provider: end?.provider ?? null,
      rechecked: task.rechecked,
    },
  };
}

/** Whom a task is announced to: everybody but its requester, or the one whom it is for. */
function mayBid(state: State, task: Task, device: Hex): boolean {
  const addressee = addresseeOf(state, task);
  return addressee === null ? device !== task.requester : device === addressee;
}

/** What a device that has just connected still has to know. */
export function sayAgain(state: State, device: Hex, bids: boolean): Outgoing[] {
  const out: Outgoing[] = [];
  out.push(...newestPayment(state, device));
  for (const task of openTasks(state.market)) {
    if (task.state === "invoiced") {
      if (task.requester === device) out.push(...invoice(task));
      continue;
    }
    const wantsBid = bids && task.state === "announced" && mayBid(state, task, device);
    if (wantsBid && !task.bids.some((bid) => bid.provider === device)) out.push(announce(device, task));
    for (const role of ["run", "check"] as const) {
      const assignment = task[role];
      if (assignment?.provider === device && assignment.stage !== "delivered")
        out.push(award(task, role, assignment));
    }
  }
  return out;
}

/** The newest voucher on the lane to a device, shown again: it covers all before it. */
function newestPayment(state: State, device: Hex): Outgoing[] {
  const newest = state.payment.outgoing.get(device)?.newest;
  if (!newest) return [];
  const message = { version: 1 as const, task: null, role: null, amount: ZERO, voucher: newest };
  return [{ to: device, topic: "payment", message }];
}

/** The answer to a command that was answered before, and what has come of it since. */
export function repeat(state: State, device: Hex, id: string, given: Answer): Outgoing[] {
  if (given.refused !== null)
    return [refusalMessage(device, id, given.topic, given.refused, REFUSALS[given.refused])];
  const out: Outgoing[] = [acknowledge(device, id, given.index, given.task)];
  if (given.topic === "payout") out.push(...newestPayment(state, device));
  const task = given.task ? state.market.tasks.get(given.task) : undefined;
  if (!task || (!task.end && !task.invoice)) return out;
  if (task.requester === device && given.topic === "offer") out.push(...endedFor(state, task));
  if (given.topic === "accept" || given.topic === "result") out.push(...paidTo(state, task, device));
  return out;
}

function endedFor(state: State, task: Task): Outgoing[] {
  if (!task.end) return invoice(task);
  return [...receipt(task, task.requester), answer(state, task)];
}

function paidTo(state: State, task: Task, device: Hex): Outgoing[] {
  const paid = (task.end ?? task.invoice)?.paidUpTo.find((one) => one.payee === device);
  const newest = state.payment.outgoing.get(device)?.newest;
  if (!paid || !newest) return [];
  const message = {
    version: 1 as const,
    task: task.id,
    role: paid.role,
    amount: paid.amount,
    voucher: newest,
  };
  const said = (task.end ?? task.invoice)?.provider === device ? receipt(task, device) : [];
  return [...said, { to: device, topic: "payment", message }];
}

function receipt(task: Task, to: Hex): Outgoing[] {
  const said = task.end ? { ...task.end, price: task.end.spent } : task.invoice;
  if (!said?.receipt || !said.provider || !said.verdict) return [];
  const { provider, verdict, output, fuel, rate, price, fee, checks, receipt: signature } = said;
  const { id, requester, firmware, input, meter, costs } = task;
  const work = { task: id, requester, provider, firmware, input, verdict, output, meter, costs, fuel, rate };
  return [{ to, topic: "receipt", message: { version: 1, ...work, price, fee, checks, signature } }];
}
