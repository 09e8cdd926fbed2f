/** One command through the pure rooms, to the facts it causes or the refusal it earns. */
import type { Hex } from "../base/bytes.ts";
import type { Instant } from "../base/clock.ts";
import { isRefusal, type Refusal, refuse } from "../base/refusal.ts";
import {
  decideAccept,
  decideAnnounce,
  decideBid,
  decideCancel,
  decideOffer,
  decideResult,
  decideWithdrawal,
  taskOf,
} from "../market/market.ts";
import { isOpen, outcomeIn, type Task, withOutcome } from "../market/task.ts";
import { decideHold, decideVoucher, incomingLane, owedBy } from "../payment/payment.ts";
import { decideShown } from "../payment/reconcile.ts";
import { overBudget, standingOf } from "../payment/standing.ts";
import type { Fact } from "../protocol/facts.ts";
import type { Outcome } from "../protocol/fuel.ts";
import type { Message } from "../protocol/message.ts";
import type { CommandTopic } from "../protocol/topic.ts";
import type { Voucher } from "../protocol/voucher.ts";
import { isSame } from "../verdict/verdict.ts";
import { addresseeOf } from "./addressee.ts";
import {
  creditAfter,
  endCancelled,
  endFree,
  freeAfter,
  openOnResult,
  payDebts,
  payOut,
  payOutExcess,
} from "./charge.ts";
import { decideDue, roomFor, rule, withdraw } from "./course.ts";
import { decideHouse, type HouseCommand, whyObstructed, whyStopped, whyUnpaid } from "./house.ts";
import { decideObserved } from "./observation.ts";
import type { Context, State } from "./state.ts";

/** A device's command, with schema and signature checked. */
export type DeviceCommand = {
  [T in CommandTopic]: { readonly topic: T; readonly by: Hex; readonly message: Message<T> };
}[CommandTopic];

/** What the gateway itself has found out about a task. `award` names the assignment it was found out about. */
export type TaskCommand =
  | { readonly topic: "blobsHere"; readonly task: Hex }
  | { readonly topic: "reopened"; readonly task: Hex; readonly from: Instant }
  | { readonly topic: "blobsRefused"; readonly task: Hex; readonly reason: string }
  | { readonly topic: "outputMissing"; readonly task: Hex; readonly award: Hex; readonly reason: string }
  | {
      readonly topic: "inspected";
      readonly task: Hex;
      readonly award: Hex;
      readonly passed: boolean;
      readonly reason: string;
    }
  | {
      readonly topic: "refereed";
      readonly task: Hex;
      readonly award: Hex;
      /** Null when the gateway's own run tells nothing. */
      readonly outcome: Outcome | null;
      readonly reason: string;
    }
  | { readonly topic: "due"; readonly task: Hex }
  /** It was open in a journal that others are ahead of: it may have been paid for long ago. */
  | { readonly topic: "abandoned"; readonly task: Hex; readonly reason: string };

/** What the gateway has seen elsewhere: on the chain, in the roster's folder, at its own start. */
export type ObservedCommand = { readonly topic: "observed"; readonly facts: readonly Fact[] };

export type InnerCommand = TaskCommand | ObservedCommand | HouseCommand;

export type Command = DeviceCommand | InnerCommand;

export type Decision = { readonly facts: readonly Fact[]; readonly refused: Refusal | null };

/**
 * Decides one command.
 *
 * A refused command may still have facts: a good voucher is money whatever carried it.
 *
 * @param spoiled - why the command is refused before anything is decided: a bad signature, an id used before
 */
export function decide(
  state: State,
  command: Command,
  context: Context,
  spoiled: Refusal | null = null,
): Decision {
  const { facts, refused } = decideBare(state, command, context, spoiled);
  // while it is halted nobody knows for sure what is whose: nothing leaves that nobody has asked for; and what a look at
  // the chain has changed is paid out on the lanes as that leaves them, by a command of its own
  const isPaidOut = state.halted === null && command.topic !== "observed";
  const payouts = isPaidOut ? payOutExcess(state, context, facts) : [];
  return { facts: [...facts, ...payouts], refused };
}

function decideBare(state: State, command: Command, context: Context, spoiled: Refusal | null): Decision {
  if (spoiled) return { facts: voucherIn(state, command, context), refused: spoiled };
  if (command.topic === "offer") return decideOffered(state, command.by, command.message, context);
  const outcome =
    "by" in command ? decideDevice(state, command, context) : decideInner(state, command, context);
  return isRefusal(outcome) ? { facts: [], refused: outcome } : { facts: outcome, refused: null };
}

function decideInner(state: State, command: InnerCommand, context: Context): readonly Fact[] {
  switch (command.topic) {
    case "observed":
      return decideObserved(state, command.facts, context);
    case "halt":
    case "resume":
    case "stopPaying":
    case "resumePaying":
    case "payOut":
      return decideHouse(state, command, context);
    default:
      return decideTask(state, command, context);
  }
}

function receive(state: State, by: Hex, voucher: Voucher, context: Context) {
  const { market, now, limits, isPayer } = context;
  const rules = { now, isPayer, ...limits };
  return decideVoucher(state.payment, market, by, voucher, rules);
}

function voucherIn(state: State, command: Command, context: Context): readonly Fact[] {
  if (command.topic !== "offer" || !command.message.voucher) return [];
  const received = receive(state, command.by, command.message.voucher, context);
  return isRefusal(received) ? [] : [received, ...payDebts(state, command.by, [received])];
}

function decideOffered(state: State, by: Hex, message: Message<"offer">, context: Context): Decision {
  const { market, rules, now } = context;
  const received = message.voucher ? receive(state, by, message.voucher, context) : null;
  const voucherRefused = isRefusal(received) ? received : null;
  // An older voucher is no fault when credit covers the offer: vouchers of parallel offers may overtake each other.
  if (voucherRefused && voucherRefused.refused !== "voucher_stale")
    return { facts: [], refused: voucherRefused };
  const gained: Fact[] = received && !isRefusal(received) ? [received] : [];
  const kept = [...gained, ...payDebts(state, by, gained)];
  // before its deadline is looked at: by a wrong clock that would seem wrong
  const obstructed = whyObstructed(context);
  if (obstructed) return { facts: kept, refused: obstructed };
  const offered = decideOffer(state.market, market, by, message, now, rules);
  if (isRefusal(offered)) return { facts: kept, refused: offered };
  if (offered.manifest && !context.isAuthor(offered.manifest)) {
    return { facts: kept, refused: refuse("bad_manifest", "the manifest is not signed by its author") };
  }
  const budget = message.maxPrice + message.checkBudget;
  const limit = overLimit(state, by, message.payment, budget, kept, context);
  if (limit) return { facts: kept, refused: limit };
  if (message.payment === "result") return { facts: [...kept, offered], refused: null };
  const hold = decideHold(by, creditAfter(state, by, kept), budget);
  if (!isRefusal(hold)) return { facts: [...kept, { ...offered, postings: [...hold] }], refused: null };
  return { facts: kept, refused: voucherRefused ?? hold };
}

/** Why the operator's limits, or the requester's own conduct, leave no room for an offer; null when they do. */
function overLimit(
  state: State,
  by: Hex,
  payment: Message<"offer">["payment"],
  budget: bigint,
  kept: readonly Fact[],
  { market, limits, now }: Context,
): Refusal | null {
  const stopped = whyStopped(state);
  if (stopped) return stopped;
  if (incomingLane(state.payment, market, by).closeAt !== 0) return refuse("lane_closing");
  const paid = kept.reduce((sum, fact) => sum + (fact.kind === "paid" ? fact.price : 0n), 0n);
  const debts = kept.reduce((sum, fact) => sum + (fact.kind === "debtPaid" ? fact.amount : 0n), 0n);
  // nothing is owed from here on, so what is open on result is all there is
  if (owedBy(state.payment, by) > paid + debts) return refuse("payment_due");
  const owner = state.roster.get(by)?.owner ?? null;
  const siblings = owner === null ? [] : [...state.roster.values()].filter((one) => one.owner === owner);
  const addresses = siblings.map((one) => one.address);
  const { standings } = state.payment;
  const over = overBudget(standings, by, addresses, budget, limits, now, (of) => openOnResult(state, of));
  if (over || payment === "prepaid") return over;
  const open = openOnResult(state, [by]);
  const history = standingOf(standings, by).paid + paid;
  return open + budget > limits.onResult || open + budget > history ? refuse("exposure_limit") : null;
}

type OtherCommand = Exclude<DeviceCommand, { topic: "offer" }>;

function decideDevice(state: State, command: OtherCommand, context: Context): readonly Fact[] | Refusal {
  const { now, rules } = context;
  const { by } = command;
  switch (command.topic) {
    case "voucher":
      return decideVoucherAlone(state, by, command.message.voucher, context);
    case "payout": {
      // what is credit here may be spent in a newer journal than this one
      const stopped = whyStopped(state);
      if (stopped) return stopped;
      if (creditAfter(state, by, []) === 0n) return refuse("no_credit");
      const credit = freeAfter(state, by, []);
      const payout = payOut(state, context, by, credit, []);
      return payout ? [payout] : refuse(credit === 0n ? "payment_due" : "hub_capacity");
    }
    case "bid": {
      const room = roomFor(state, context, by);
      return (
        whyUnasked(state, by, command.message.task) ??
        alone(decideBid(state.market, by, command.message, room, now, rules))
      );
    }
    case "accept":
      return decideAccept(state.market, by, command.message);
    case "result":
      return decideDelivery(state, by, command.message, context);
    case "decline":
    case "forfeit": {
      const reason = command.topic === "decline" ? "the provider declined" : command.message.reason;
      const out = decideWithdrawal(state.market, by, command.message.task, command.topic, reason);
      return isRefusal(out) ? out : withdraw(state, context, taskOf(state.market, out.task), out);
    }
    case "cancel": {
      const task = decideCancel(state.market, by, command.message.task);
      return isRefusal(task) ? task : [endCancelled(state, context, task, "cancelled by its requester")];
    }
  }
}

/** Why nobody has asked this provider for a bid: nothing would be paid, or the task is another's alone; null when it may bid. */
function whyUnasked(state: State, by: Hex, id: Hex): Refusal | null {
  const unpaid = whyUnpaid(state);
  if (unpaid) return unpaid;
  const task = state.market.tasks.get(id);
  const addressee = task ? addresseeOf(state, task) : null;
  return addressee === null || addressee === by ? null : refuse("unknown_task");
}

/**
 * A voucher that says no more than what is signed already is taken without a word in the journal: the promise that the
 * ack confirms is there.
 */
function decideVoucherAlone(
  state: State,
  by: Hex,
  voucher: Voucher,
  context: Context,
): readonly Fact[] | Refusal {
  if (voucher.payee === by) {
    const shown = decideShown(state.payment, context.market, voucher, context.isPayer);
    if (shown === null || isRefusal(shown)) return shown ?? [];
    const reason = `${by} has a voucher of this gateway's that the journal does not know`;
    return state.halted === null ? [shown, { kind: "halted", reason }] : [shown];
  }
  const received = receive(state, by, voucher, context);
  if (isRefusal(received)) return received.refused === "voucher_stale" ? [] : received;
  return [received, ...payDebts(state, by, [received])];
}

function alone(outcome: Fact | Refusal): readonly Fact[] | Refusal {
  return isRefusal(outcome) ? outcome : [outcome];
}

function decideDelivery(
  state: State,
  by: Hex,
  message: Message<"result">,
  context: Context,
): readonly Fact[] | Refusal {
  const delivered = decideResult(state.market, by, message);
  if (isRefusal(delivered)) return delivered;
  const task = taskOf(state.market, delivered.task);
  // what it amounts to, the checker or the gateway's own run says first (`wants.ts`)
  if (delivered.role === "run" || !task.check) return [delivered];
  const checked = { ...task, check: withOutcome(task.check, delivered) };
  const { verdict, output, fuel } = delivered;
  const run = outcomeIn(task.run);
  const said = { verdict, output, fuel, passed: run !== null && isSame(delivered, run) };
  const reason = said.passed ? "the same outcome" : differenceOf(delivered, run);
  const word: Fact = { kind: "checked", task: task.id, rung: "rerun", provider: by, ...said, reason };
  return [delivered, word, ...rule(state, context, checked, true)];
}

/** In what a second run differs from the first, the gravest first. */
function differenceOf(one: Outcome, other: Outcome | null): string {
  if (one.verdict !== other?.verdict) return "another verdict";
  return one.output === other.output ? "another bill of fuel" : "another output";
}

function decideTask(state: State, command: TaskCommand, context: Context): readonly Fact[] {
  const task = state.market.tasks.get(command.task);
  if (!task) return [];
  switch (command.topic) {
    case "blobsHere":
      return decideAnnounce(task, "offered", context.now, context.rules);
    case "reopened":
      // whoever was awarded meanwhile has it
      return task.state === "announced" ? decideAnnounce(task, "reopened", command.from, context.rules) : [];
    case "blobsRefused":
      return task.state === "offered" ? [endFree(task, "cancelled", command.reason)] : [];
    case "due":
      return decideDue(state, context, task);
    case "abandoned": {
      if (!isOpen(task) || task.state === "invoiced") return [];
      return [endFree(task, task.state === "delivered" ? "refunded" : "cancelled", command.reason)];
    }
    case "outputMissing": {
      if (task.state !== "delivered" || task.run?.award !== command.award) return [];
      const { provider } = task.run;
      const how = "output_missing";
      const reason = command.reason;
      return withdraw(state, context, task, {
        kind: "withdrawn",
        task: task.id,
        role: "run",
        provider,
        how,
        reason,
      });
    }
    case "inspected":
      return decideInspected(state, task, command, context);
    case "refereed":
      return decideRefereed(state, task, command, context);
  }
}

function decideInspected(
  state: State,
  task: Task,
  command: TaskCommand & { topic: "inspected" },
  context: Context,
): readonly Fact[] {
  if (task.state !== "delivered" || task.run?.award !== command.award || task.evidence.checker !== null)
    return [];
  if (task.run.verdict !== "ok") return [];
  const { passed, reason } = command;
  const silent = { verdict: null, output: null, fuel: 0 };
  const word: Fact = {
    ...{ kind: "checked", task: task.id, rung: "checker", provider: null },
    ...{ ...silent, passed, reason },
  };
  const heard = { ...task, evidence: { ...task.evidence, checker: passed } };
  // a test has no use unless it is checked
  const drawn = context.draw() < context.rules.checkRate || addresseeOf(state, task) !== null;
  return [word, ...rule(state, context, heard, drawn)];
}

function decideRefereed(
  state: State,
  task: Task,
  command: TaskCommand & { topic: "refereed" },
  context: Context,
): readonly Fact[] {
  if (task.state !== "delivered" || task.run?.award !== command.award || task.evidence.referee !== null)
    return [];
  // The second provider's word comes first: it may end the matter, and the referee is asked again if not.
  if (task.check && task.check.stage !== "delivered") return [];
  const { reason } = command;
  const { meter } = context.rules;
  // a bill that was counted by another table than this gateway's says nothing of one by its own
  const isSameMeter = task.meter === meter.version && task.costs === meter.costs;
  const outcome = isSameMeter ? command.outcome : null;
  const run = outcomeIn(task.run);
  const said = outcome ?? { verdict: null, output: null, fuel: 0 };
  const passed = outcome !== null && run !== null && isSame(outcome, run);
  const word: Fact = {
    ...{ kind: "checked", task: task.id, rung: "referee", provider: null },
    ...{ ...said, passed, reason },
  };
  const heard = { ...task, evidence: { ...task.evidence, referee: outcome ?? ("none" as const) } };
  return [word, ...rule(state, context, heard, true)];
}
