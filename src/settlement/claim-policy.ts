/**
 * Which lanes are claimed, and why: what a claim brings against what its gas costs, and how long it may wait.
 *
 * Amounts are atomic units of the market's token. Pure.
 */
import type { Instant } from "../base/clock.ts";
import type { Amount } from "../base/money.ts";
import { type Lane, WINDOW_SECONDS } from "../payment/lane.ts";
import type { Voucher } from "../protocol/voucher.ts";
import { MAX_CLAIM_ROWS } from "./claim-batch.ts";

/** A lane with a voucher that the chain has not paid yet. */
export type Claimable = Lane & { readonly newest: Voucher };

/**
 * Why a lane is claimed: its payer is leaving; the operator asked; it is worth its gas many times over; it has waited
 * long enough; its payer has used most of it; others pay for the transaction anyway.
 */
export type ClaimReason = "closing" | "asked" | "value" | "age" | "room" | "company";

export type PlannedClaim = {
  readonly lane: Claimable;
  /** What the chain will pay. */
  readonly value: bigint;
  /** What it adds to a batch. */
  readonly gas: bigint;
  /** What that gas costs, rounded up; null while nobody has said what a coin is worth. */
  readonly cost: bigint | null;
  /** Null while it waits. */
  readonly reason: ClaimReason | null;
};

/** What gas costs. */
export type GasTerms = {
  /** Wei per unit of gas. */
  readonly gasPrice: bigint;
  /** Atomic units of the token for one native coin of 10^18 wei; null when nobody has said. */
  readonly coinPrice: Amount | null;
};

export type ClaimTerms = GasTerms & {
  readonly now: Instant;
  /** Since when the lane has had something to claim. */
  readonly waitingSince: (lane: Lane) => Instant;
  /** How long anything may wait, milliseconds; a quarter of the lane's window if that is less. */
  readonly everyMs: number;
  /** A lane is claimed alone when it brings so many times what its gas costs. */
  readonly claimGain: number;
  /** Claim everything, by the operator's word. */
  readonly isAsked: boolean;
  /** Payee of most lanes, whose rows share one credit. */
  readonly gateway: string;
};

/** Gas of a batch with no row in it, measured by the gas bench. */
export const BATCH_GAS = 31_000n;

/** Gas that one more row of the same payee adds to a batch, and one of a payee of its own. */
const ROW_GAS = 10_100n;
const PAYEE_ROW_GAS = 18_500n;

const WEI_PER_COIN = 10n ** 18n;

/** Of a deposit, signed: past it the payer is expected to top up, and is helped by seeing its lane settled. */
const NEARLY_USED = { of: 5n, parts: 4n };

/** What one more lane adds to a claim, gas. */
export function laneGas(lane: Pick<Lane, "payee">, gateway: string): bigint {
  return lane.payee === gateway ? ROW_GAS : PAYEE_ROW_GAS;
}

/** Gas in units of the token, rounded up; null while nobody has said what a coin is worth. */
export function costOf(gas: bigint, { gasPrice, coinPrice }: GasTerms): bigint | null {
  if (coinPrice === null) return null;
  return (gas * gasPrice * coinPrice + WEI_PER_COIN - 1n) / WEI_PER_COIN;
}

/** The smallest deposit that makes sense: `multiple` times what a claim of the lane costs; 0 when that is unknown. */
export function leastDeposit(
  lane: Pick<Lane, "payee">,
  terms: GasTerms & { gateway: string },
  multiple: number,
): bigint {
  return times(multiple, costOf(laneGas(lane, terms.gateway), terms) ?? 0n);
}

/** What the chain pays for the lane's newest voucher: never more than is deposited. */
export function worthOf({ newest, deposit, settled }: Claimable): bigint {
  const top = newest.cumulative < deposit ? newest.cumulative : deposit;
  return top > settled ? top - settled : 0n;
}

/**
 * Every lane that the chain would pay for, with what speaks for claiming it. What has a reason comes first: closing
 * lanes by their end, then by value.
 */
export function planClaims(lanes: readonly Claimable[], terms: ClaimTerms): PlannedClaim[] {
  const rows = lanes.flatMap((lane) => {
    const value = worthOf(lane);
    if (value === 0n) return [];
    const gas = laneGas(lane, terms.gateway);
    const cost = costOf(gas, terms);
    return [{ lane, value, gas, cost, reason: reasonFor(lane, value, cost, terms) }];
  });
  const isGoing = rows.some(({ reason }) => reason !== null);
  const joined = rows.map((row) => {
    const joins = isGoing && row.reason === null && pays(row.value, row.cost, 1);
    return joins ? { ...row, reason: "company" as const } : row;
  });
  return joined.sort(byUrgency);
}

/** Lanes to claim, cut to what one transaction takes. */
export function batchesOf(lanes: readonly Claimable[]): Claimable[][] {
  const batches: Claimable[][] = [];
  for (let at = 0; at < lanes.length; at += MAX_CLAIM_ROWS)
    batches.push(lanes.slice(at, at + MAX_CLAIM_ROWS));
  return batches;
}

function reasonFor(
  lane: Claimable,
  value: bigint,
  cost: bigint | null,
  terms: ClaimTerms,
): ClaimReason | null {
  if (lane.closeAt !== 0) return "closing";
  if (terms.isAsked) return "asked";
  if (cost !== null && pays(value, cost, terms.claimGain)) return "value";
  if (!pays(value, cost, 1)) return null;
  if (lane.payee === terms.gateway && crosses(lane)) return "room";
  return terms.now - terms.waitingSince(lane) >= patienceWith(lane, terms.everyMs) ? "age" : null;
}

/**
 * How long a lane's voucher may wait, milliseconds: nothing once it is closing.
 *
 * @param everyMs - how long any may
 */
export function patienceWith({ closeAt, window }: Pick<Lane, "closeAt" | "window">, everyMs: number): number {
  if (closeAt !== 0) return 0;
  return Math.min(everyMs, ((WINDOW_SECONDS[window] ?? WINDOW_SECONDS[0]) * 1_000) / 4);
}

/** Signed is past the mark and settled is not: true once for each deposit. */
function crosses({ signed, settled, deposit }: Lane): boolean {
  const mark = deposit * NEARLY_USED.parts;
  return signed * NEARLY_USED.of >= mark && settled * NEARLY_USED.of < mark;
}

/** Without a price of gas everything pays: only time decides. */
function pays(value: bigint, cost: bigint | null, gain: number): boolean {
  return cost === null || value >= times(gain, cost);
}

/** To a thousandth. */
function times(factor: number, count: bigint): bigint {
  return (BigInt(Math.round(factor * 1_000)) * count) / 1_000n;
}

function byUrgency(a: PlannedClaim, b: PlannedClaim): number {
  const rank = (row: PlannedClaim) => (row.reason === "closing" ? 0 : row.reason === null ? 2 : 1);
  const byEnd = rank(a) === 0 && rank(b) === 0 ? a.lane.closeAt - b.lane.closeAt : 0;
  return rank(a) - rank(b) || byEnd || (a.value < b.value ? 1 : a.value > b.value ? -1 : 0);
}
