/**
 * How each device stands with the gateway: what it has signed and paid so far, the largest price it offered, and what it
 * has spent today. Limits are measured against it. Pure.
 */
import type { Hex } from "../base/bytes.ts";
import type { Instant } from "../base/clock.ts";
import { type Amount, ZERO } from "../base/money.ts";
import { type Refusal, refuse } from "../base/refusal.ts";
import type { Fact, FactNamed, Posting } from "../protocol/facts.ts";

export type Standing = {
  /** Sum of all that it has ever signed on its lanes to the gateway, in every epoch, claimed or void since. */
  readonly promised: bigint;
  /** Sum of all prices it has paid for, ever. */
  readonly paid: bigint;
  /** Largest maxPrice it ever offered. */
  readonly largest: Amount;
  /** Days since 1970, UTC. */
  readonly day: number;
  /** Held and paid by its tasks of that day; what a task of that day gives back is taken off again. */
  readonly spent: bigint;
  /** The day on which each of its open holds was counted, by task. */
  readonly holds: ReadonlyMap<Hex, number>;
};

export type Standings = Map<Hex, Standing>;

/** What an operator allows; null is no limit. */
export type Limits = {
  /** Most that a device may owe and have under way on result, besides never more than it has paid before. */
  readonly onResult: Amount;
  /** Credit above it is paid out; null: {@link CREDIT_PRICES} times the device's largest maxPrice. */
  readonly credit: Amount | null;
  /** What a device may spend in a day, UTC. */
  readonly devicePerDay: (device: Hex) => Amount | null;
  /** What all devices of one owner may spend in a day. */
  readonly ownerPerDay: Amount | null;
  /** A closing lane's last moments, in which no voucher is taken, milliseconds. */
  readonly closeMarginMs: number;
  /** Class of the shortest window that a payer's lane may have, `0..3`. */
  readonly leastWindow: number;
  /** How long an invoice may stay unpaid before it is overdue, milliseconds. */
  readonly invoiceMs: number;
};

/** Largest prices that credit may amount to before it is paid out. */
const CREDIT_PRICES = 10n;

const DAY_MS = 86_400_000;

const NEWCOMER: Standing = { promised: 0n, paid: 0n, largest: ZERO, day: 0, spent: 0n, holds: new Map() };

/** Nobody has ever traded. */
export function emptyStandings(): Standings {
  return new Map();
}

/** A device's standing; a newcomer's is all zero. */
export function standingOf(standings: Standings, device: Hex): Standing {
  return standings.get(device) ?? NEWCOMER;
}

/** What the device has spent on the day of `at` (UTC), in atomic units; its own limit is measured against it. */
export function spentOn(standings: Standings, device: Hex, at: Instant): bigint {
  const { day, spent } = standingOf(standings, device);
  return day === dayOf(at) ? spent : 0n;
}

/** From what credit on the device gets it back; null for one that has never offered and may be about to. */
export function creditLimit(standings: Standings, device: Hex, limits: Limits): bigint | null {
  const { largest } = standingOf(standings, device);
  return limits.credit ?? (largest === 0n ? null : CREDIT_PRICES * largest);
}

/**
 * Whether today's budgets leave room for `budget` more; null when they do.
 *
 * @param siblings - all devices of the same owner, this one included; empty where it has none
 * @param openOf - what these devices' work under way may still cost without having been counted
 */
export function overBudget(
  standings: Standings,
  device: Hex,
  siblings: readonly Hex[],
  budget: bigint,
  limits: Limits,
  now: Instant,
  openOf: (devices: readonly Hex[]) => bigint,
): Refusal | null {
  const isOver = (devices: readonly Hex[], limit: Amount | null) => {
    if (limit === null || devices.length === 0) return false;
    const spent = devices.reduce((sum, one) => sum + spentOn(standings, one, now), 0n);
    return spent + openOf(devices) + budget > limit;
  };
  const isRefused = isOver([device], limits.devicePerDay(device)) || isOver(siblings, limits.ownerPerDay);
  return isRefused ? refuse("budget_exceeded") : null;
}

/** Applies one fact in place. */
export function applyToStanding(standings: Standings, fact: Fact, at: Instant): void {
  switch (fact.kind) {
    case "voucherReceived":
    case "laneReconciled": {
      const before = standingOf(standings, fact.payer);
      const gain = promisedIn(fact);
      if (gain > 0n) standings.set(fact.payer, { ...before, promised: before.promised + gain });
      break;
    }
    case "offered": {
      const before = today(standings, fact.requester, at);
      const { largest, spent, holds } = before;
      const held = heldIn(fact);
      standings.set(fact.requester, {
        ...before,
        largest: fact.maxPrice > largest ? fact.maxPrice : largest,
        spent: spent + held,
        holds: held > 0n ? new Map(holds).set(fact.task, before.day) : holds,
      });
      break;
    }
    case "invoiced": {
      const before = today(standings, fact.requester, at);
      standings.set(fact.requester, { ...before, spent: before.spent + fact.price });
      break;
    }
    case "paid":
    case "ended": {
      const before = today(standings, fact.requester, at);
      const holds = new Map(before.holds);
      // a hold of another day is no part of what today has spent, and never was
      const returned = holds.get(fact.task) === before.day ? returnedIn(fact) : 0n;
      holds.delete(fact.task);
      const paid = before.paid + fact.price;
      const kept = before.spent > returned ? before.spent - returned : 0n;
      standings.set(fact.requester, { ...before, paid, holds, spent: kept + owedIn(fact) });
      break;
    }
    default:
  }
}

function today(standings: Standings, device: Hex, at: Instant): Standing {
  const before = standingOf(standings, device);
  const day = dayOf(at);
  return before.day === day ? before : { ...before, day, spent: 0n };
}

function dayOf(at: Instant): number {
  return Math.floor(at / DAY_MS);
}

/** What a payer has signed that was not known before; what a close has made void stays signed. */
function promisedIn({ payer, postings }: FactNamed<"voucherReceived" | "laneReconciled">): bigint {
  const gains = postings.filter(({ account, change }) => account === `in:${payer}` && change > 0n);
  return sumAt(gains, `in:${payer}`);
}

type Posted = Extract<Fact, { postings: unknown }> & { readonly requester: Hex };

function heldIn({ requester, postings }: Posted): bigint {
  return -sumAt(postings, `held:${requester}`);
}

/** What a task's end gives back of its hold. */
function returnedIn({ requester, postings }: Posted): bigint {
  return -sumAt(postings, `credit:${requester}`);
}

/** What an on-result task has come to that ends without an invoice; one that is paid was counted when it was invoiced. */
function owedIn({ requester, postings }: Posted): bigint {
  const owed = sumAt(postings, `owed:${requester}`);
  return owed > 0n ? owed : 0n;
}

function sumAt(postings: readonly Posting[], account: string): bigint {
  return postings.reduce((sum, one) => (one.account === account ? sum + one.change : sum), 0n);
}
