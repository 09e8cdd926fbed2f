/** One command through the pure rooms, to the facts it causes or the refusal it earns. */
import type { Hex } from "../base/bytes.ts";
import type { Instant } from "../base/clock.ts";
import { ZERO } from "../base/money.ts";
import { isRefusal, type Refusal } from "../base/refusal.ts";
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
import type { Task } from "../market/task.ts";
import { decideHold, decideVoucher, reconcile, release } from "../payment/payment.ts";
import type { Fact } from "../protocol/facts.ts";
import type { Message } from "../protocol/message.ts";
import type { CommandTopic } from "../protocol/topic.ts";
import { decideDue, end, heldBy, roomFor, rule, withdraw } from "./course.ts";
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
      readonly output: Hex | null;
      readonly reason: string;
    }
  | { readonly topic: "due"; readonly task: Hex };

/** What the gateway has seen elsewhere: on the chain, in the roster's folder, at its own start. */
export type ObservedCommand = { readonly topic: "observed"; readonly facts: readonly Fact[] };

export type InnerCommand = TaskCommand | ObservedCommand;

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
  if (spoiled) return { facts: voucherIn(state, command, context), refused: spoiled };
  if (command.topic === "observed")
    return { facts: decideObserved(state, command.facts, context), refused: null };
  if (command.topic === "offer") return decideOffered(state, command.by, command.message, context);
  const outcome =
    "by" in command ? decideDevice(state, command, context) : decideTask(state, command, context);
  return isRefusal(outcome) ? { facts: [], refused: outcome } : { facts: outcome, refused: null };
}

/** Observations stand as they are; a lane that the books do not agree with is squared in the same record. */
function decideObserved(state: State, facts: readonly Fact[], { market }: Context): readonly Fact[] {
  return facts.flatMap((fact) => {
    const lanes = fact.kind === "laneObserved" ? [fact] : fact.kind === "claimed" ? fact.lanes : [];
    const squared = lanes.map((lane) => reconcile(state.payment, market, lane));
    return [...squared.filter((one) => one !== null), fact];
  });
}

function voucherIn(state: State, command: Command, { market }: Context): readonly Fact[] {
  if (command.topic !== "offer" || !command.message.voucher) return [];
  const received = decideVoucher(state.payment, market, command.by, command.message.voucher);
  return isRefusal(received) ? [] : [received];
}

function decideOffered(state: State, by: Hex, message: Message<"offer">, context: Context): Decision {
  const { market, rules, now } = context;
  const received = message.voucher ? decideVoucher(state.payment, market, by, message.voucher) : null;
  const voucherRefused = isRefusal(received) ? received : null;
  // An older voucher is no fault when credit covers the offer: vouchers of parallel offers may overtake each other.
  if (voucherRefused && voucherRefused.refused !== "voucher_stale")
    return { facts: [], refused: voucherRefused };
  const kept: Fact[] = received && !isRefusal(received) ? [received] : [];
  const gain = received && !isRefusal(received) ? received.amount : ZERO;
  const offered = decideOffer(state.market, market, by, message, now, rules);
  if (isRefusal(offered)) return { facts: kept, refused: offered };
  const hold = decideHold(state.payment, market, by, message.maxPrice + message.checkBudget, gain);
  if (!isRefusal(hold)) return { facts: [...kept, { ...offered, postings: [...hold] }], refused: null };
  return { facts: kept, refused: hold.refused === "credit_short" ? (voucherRefused ?? hold) : hold };
}

type OtherCommand = Exclude<DeviceCommand, { topic: "offer" }>;

function decideDevice(state: State, command: OtherCommand, context: Context): readonly Fact[] | Refusal {
  const { market, now, rules } = context;
  const { by } = command;
  switch (command.topic) {
    case "voucher":
      return alone(decideVoucher(state.payment, market, by, command.message.voucher));
    case "bid":
      return alone(decideBid(state.market, by, command.message, roomFor(state, context, by), now, rules));
    case "accept":
      return decideAccept(state.market, by, command.message);
    case "result":
      return decideDelivery(state, by, command.message, context);
    case "decline":
    case "forfeit": {
      const how = command.topic === "decline" ? "declined" : "forfeited";
      const reason = command.topic === "decline" ? "the provider declined" : command.message.reason;
      const out = decideWithdrawal(state.market, by, command.message.task, how, reason);
      return isRefusal(out) ? out : withdraw(state, context, taskOf(state.market, out.task), out);
    }
    case "cancel": {
      const ended = decideCancel(state.market, by, command.message.task);
      if (isRefusal(ended)) return ended;
      const task = taskOf(state.market, ended.task);
      return [{ ...ended, postings: [...release(task.requester, heldBy(task))] }];
    }
  }
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
  if (delivered.role === "run" || !task.check) return [delivered];
  const { output, outputBytes } = delivered;
  const checked = { ...task, check: { ...task.check, stage: "delivered", output, outputBytes } as const };
  const passed = output === task.run?.output;
  const word: Fact = {
    kind: "checked",
    task: task.id,
    rung: "rerun",
    provider: by,
    output,
    passed,
    reason: passed ? "the same output" : "another output",
  };
  return [delivered, word, ...rule(state, context, checked, true)];
}

function decideTask(state: State, command: TaskCommand, context: Context): readonly Fact[] {
  const task = state.market.tasks.get(command.task);
  if (!task) return [];
  switch (command.topic) {
    case "blobsHere":
      return decideAnnounce(task, false, context.now, context.rules);
    case "reopened":
      return decideAnnounce(task, true, command.from, context.rules);
    case "blobsRefused":
      return task.state === "offered" ? [end(task, "cancelled", command.reason)] : [];
    case "due":
      return decideDue(state, context, task);
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
  const { passed, reason } = command;
  const word: Fact = {
    kind: "checked",
    task: task.id,
    rung: "checker",
    provider: null,
    output: null,
    passed,
    reason,
  };
  const heard = { ...task, evidence: { ...task.evidence, checker: passed } };
  const drawn = task.checkBudget > 0n && context.draw() < context.rules.checkRate;
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
  const { output, reason } = command;
  const passed = output === task.run.output;
  const word: Fact = {
    kind: "checked",
    task: task.id,
    rung: "referee",
    provider: null,
    output,
    passed,
    reason,
  };
  const heard = { ...task, evidence: { ...task.evidence, referee: output ?? ("none" as const) } };
  return [word, ...rule(state, context, heard, true)];
}
