/** What the books and the lanes say of the devices in view, to the last unit. */
import type { Hex } from "../../base/bytes.ts";
import type { Instant } from "../../base/clock.ts";
import type { Device } from "../../market/roster.ts";
import type { Books } from "../../payment/books.ts";
import type { Lane } from "../../payment/lane.ts";
import type { PaymentState } from "../../payment/payment.ts";
import type { Limits } from "../../payment/standing.ts";
import { bestOf } from "./best.ts";
import { byUrgency, freeOn, type LaneInView, lanesInView, stateOfLane, unsettledOn } from "./lane-rows.ts";
import type { Scope } from "./scope.ts";

/** Balances of the devices in view, atomic units, all of them ≥ 0. */
export type Balances = { readonly credit: bigint; readonly held: bigint; readonly owed: bigint };

/** Sums over the accounts of the devices in view, in one reading of the books. */
export function balancesInView({ balances }: Books, scope: Scope): Balances {
  const sums = { credit: 0n, held: 0n, owed: 0n };
  for (const [account, balance] of balances) {
    if (balance === 0n) continue;
    const colon = account.indexOf(":");
    const sort = account.slice(0, colon);
    if (sort !== "credit" && sort !== "held" && sort !== "owed") continue;
    if (scope.has(account.slice(colon + 1) as Hex)) sums[sort] += balance < 0n ? -balance : balance;
  }
  return sums;
}

/** The lanes of the devices in view in sum; `toGateway` and `fromGateway` are signed and not claimed. */
export type LaneSums = {
  readonly toGateway: bigint;
  readonly fromGateway: bigint;
  /** Lanes with something to claim. */
  readonly unsettled: number;
  /** Deposited by devices and not signed. */
  readonly deposited: bigint;
  readonly open: number;
  readonly closing: number;
  /** When the first of them is claimed at the latest; null when nothing waits. */
  readonly nextAt: Instant | null;
  /** The most urgent ones; lanes on which there is nothing are not among them. */
  readonly first: readonly LaneInView[];
};

/**
 * @param count - how many of the most urgent lanes
 * @param claimBy - when a lane with something to claim is claimed at the latest
 */
export function laneSumsInView(
  payment: PaymentState,
  scope: Scope,
  count: number,
  claimBy: (lane: Lane) => Instant | null,
): LaneSums {
  const sums = { toGateway: 0n, fromGateway: 0n, unsettled: 0, deposited: 0n, open: 0, closing: 0 };
  let nextAt: Instant | null = null;
  const shown: LaneInView[] = [];
  for (const one of lanesInView(payment, scope)) {
    const { lane, direction } = one;
    const state = stateOfLane(lane);
    if (state !== "unfunded") {
      sums[state]++;
      shown.push(one);
    }
    if (direction === "incoming") sums.deposited += freeOn(lane);
    const waiting = unsettledOn(lane);
    if (waiting === 0n) continue;
    sums.unsettled++;
    sums[direction === "incoming" ? "toGateway" : "fromGateway"] += waiting;
    const at = claimBy(lane);
    if (at !== null && (nextAt === null || at < nextAt)) nextAt = at;
  }
  return { ...sums, nextAt, first: bestOf(shown, count, byUrgency) };
}

/**
 * What these devices may spend in a day, all together: each its own limit, and those of one owner no more than that
 * owner's; null where one of them has no limit at all.
 */
export function capOf(
  devices: Iterable<Device>,
  limits: Pick<Limits, "devicePerDay" | "ownerPerDay">,
): bigint | null {
  /** By owner: of its devices in sum, null once one has no limit. */
  const owners = new Map<Hex | null, bigint | null>();
  for (const { address, owner } of devices) {
    const own = limits.devicePerDay(address);
    const before = owners.get(owner);
    owners.set(owner, own === null || before === null ? null : (before ?? 0n) + own);
  }
  let sum = 0n;
  for (const [owner, ofDevices] of owners) {
    const ofOwner = owner === null ? null : limits.ownerPerDay;
    const cap = ofOwner === null || (ofDevices !== null && ofDevices < ofOwner) ? ofDevices : ofOwner;
    if (cap === null) return null;
    sum += cap;
  }
  return owners.size === 0 ? null : sum;
}
