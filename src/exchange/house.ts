/** What the operator has asked for, or what has fallen due on a lane: the switches, and credit that goes back. */
import type { Hex } from "../base/bytes.ts";
import { type Refusal, refuse } from "../base/refusal.ts";
import { wagesOf } from "../payment/payment.ts";
import { creditLimit, standingOf } from "../payment/standing.ts";
import type { Fact } from "../protocol/facts.ts";
import { freeAfter, payOut } from "./charge.ts";
import type { Context, State } from "./state.ts";

export type HouseCommand =
  | { readonly topic: "halt"; readonly reason: string }
  | { readonly topic: "resume"; readonly reason: string }
  | { readonly topic: "stopPaying"; readonly reason: string }
  | { readonly topic: "resumePaying"; readonly reason: string }
  /** `all`: whatever its limit, and while the gateway is halted too. */
  | { readonly topic: "payOut"; readonly device: Hex; readonly all: boolean };

/** A switch that stands as it is asked to changes nothing, and keeps its first reason. */
export function decideHouse(state: State, command: HouseCommand, context: Context): readonly Fact[] {
  const { halted, payment } = state;
  switch (command.topic) {
    case "halt":
      return halted === null ? [{ kind: "halted", reason: command.reason }] : [];
    case "resume":
      return halted === null ? [] : [{ kind: "resumed", reason: command.reason }];
    case "stopPaying":
      return payment.stopped === null ? [{ kind: "payingStopped", reason: command.reason }] : [];
    case "resumePaying":
      return payment.stopped === null ? [] : [{ kind: "payingResumed", reason: command.reason }];
    case "payOut":
      return decidePayoutDue(state, command.device, command.all, context);
  }
}

/** Why nothing new is taken on, by the operator's word or because nothing would be paid; null when it is. */
export function whyStopped({ halted, payment }: State): Refusal | null {
  if (payment.stopped !== null) return refuse("gateway_stopped", UNPAID);
  return halted === null ? null : refuse("gateway_stopped");
}

/** Why no award could be paid; null when it could. */
export function whyUnpaid({ payment }: State): Refusal | null {
  return payment.stopped === null ? null : refuse("gateway_stopped", UNPAID);
}

/** Why the machine takes no offer on now; null when it does. */
export function whyObstructed({ obstacle }: Pick<Context, "obstacle">): Refusal | null {
  if (obstacle === null) return null;
  return obstacle === "clock_jumped" ? refuse("clock_unsynchronized", JUMPED) : refuse(obstacle);
}

const JUMPED =
  "wait: the clock of the gateway's machine was set; what is open is finished by the old time, for ten minutes at most";

const UNPAID =
  "the operator has stopped all payments for now: nothing new is taken, and what is owed is paid when they go on";

function decidePayoutDue(state: State, device: Hex, all: boolean, context: Context): readonly Fact[] {
  if (state.halted !== null && !all) return [];
  const credit = freeAfter(state, device, []);
  const limit = all ? 0n : keptOf(state, device, context);
  // below its limit a device keeps what it has brought, and gets what it has earned
  const wages = wagesOf(state.payment, device);
  const earned = wages < credit ? wages : credit;
  const due = limit === null || credit <= limit ? earned : credit;
  const payout = payOut(state, context, device, due, []);
  return payout ? [payout] : [];
}

/**
 * How much credit a device may keep here; null for all. Whoever has neither signed nor offered anything has only worked:
 * its credit is pay for which its lane had no room.
 */
function keptOf({ payment }: State, device: Hex, { limits }: Context): bigint | null {
  const hasSigned = (payment.incoming.get(device)?.signed ?? 0n) > 0n;
  const hasOffered = standingOf(payment.standings, device).largest > 0n;
  return hasSigned || hasOffered ? creditLimit(payment.standings, device, limits) : 0n;
}
