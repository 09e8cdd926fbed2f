/** What the state says of the gateway's money: lanes, what is not claimed, and what is spent of every limit. Pure. */
import type { Hex } from "../../base/bytes.ts";
import { type Instant, instant } from "../../base/clock.ts";
import type { Amount } from "../../base/money.ts";
import type { State } from "../../exchange/state.ts";
import { type Device, GUEST, isOperator } from "../../market/roster.ts";
import type { Lane } from "../../payment/lane.ts";
import { type Limits, spentOn, standingOf } from "../../payment/standing.ts";
import { MAX_CLAIM_ROWS } from "../../settlement/claim-batch.ts";
import { BATCH_GAS, laneGas } from "../../settlement/claim-policy.ts";
import { freeOn, stateOfLane, unsettledOn } from "../overview/lane-rows.ts";
import type { LaneState, LaneVital, SpendVital, Vitals } from "./vitals.ts";

type LaneSigns = Pick<Vitals, "lanes" | "endingLanes" | "unsettled"> & {
  /** Deposited on the gateway's own lanes and not signed. */
  readonly own: bigint;
  /** Gas of claiming every lane that is open, as far as one transaction goes. */
  readonly claimGas: bigint;
};

/** All lanes, both ways. */
export function laneSigns({ payment, roster }: Pick<State, "payment" | "roster">, gateway: Hex): LaneSigns {
  const lanes: Record<LaneState, number> = { open: 0, closing: 0, unfunded: 0 };
  const ending: LaneVital[] = [];
  const unsettled = { incoming: 0n, outgoing: 0n, lanes: 0 };
  let [own, rows, claimGas] = [0n, 0, BATCH_GAS];
  const take = (device: Hex, lane: Lane, direction: "incoming" | "outgoing") => {
    const state = stateOfLane(lane);
    const waits = unsettledOn(lane);
    lanes[state]++;
    if (direction === "outgoing") own += freeOn(lane);
    if (lane.deposit > 0n && rows++ < MAX_CLAIM_ROWS) claimGas += laneGas(lane, gateway);
    if (waits === 0n) return;
    unsettled[direction] += waits;
    unsettled.lanes++;
    if (state !== "closing") return;
    const { name = null, owner = null } = roster.get(device) ?? {};
    const id = `${device}-${direction === "incoming" ? "in" : "out"}`;
    ending.push({ id, device, name, owner, closesAt: instant(lane.closeAt * 1_000), unsettled: waits });
  };
  for (const [device, lane] of payment.incoming) take(device, lane, "incoming");
  for (const [device, lane] of payment.outgoing) take(device, lane, "outgoing");
  const endingLanes = ending.toSorted((a, b) => a.closesAt - b.closesAt);
  return { lanes, endingLanes, unsettled, own, claimGas };
}

type SpendTerms = {
  readonly limits: Pick<Limits, "devicePerDay" | "ownerPerDay">;
  /** All that may ever be signed for a wallet that is kept here; null for a device with its own key. */
  readonly keptCap: (device: Hex) => Amount | null;
  readonly now: Instant;
};

/**
 * What is spent today, and of every limit that there is.
 *
 * @param devices - those that may be here; guests among them have the general limits
 */
export function spendSigns(
  { payment: { standings } }: Pick<State, "payment">,
  devices: readonly Device[],
  { limits, keptCap, now }: SpendTerms,
): Pick<Vitals, "spentToday" | "spending"> {
  const spending: SpendVital[] = [];
  const owners = new Map<Hex, bigint>();
  let spentToday = 0n;
  for (const { address: who, name, owner } of devices) {
    const spent = spentOn(standings, who, now);
    spentToday += spent;
    if (owner !== null) owners.set(owner, (owners.get(owner) ?? 0n) + spent);
    const perDay = limits.devicePerDay(who);
    if (perDay !== null) spending.push({ kind: "device", who, name, owner, spent, cap: perDay });
    const cap = keptCap(who);
    if (cap === null) continue;
    spending.push({ kind: "wallet", who, name, owner, spent: standingOf(standings, who).promised, cap });
  }
  const { ownerPerDay: cap } = limits;
  if (cap !== null) {
    for (const [who, spent] of owners)
      spending.push({ kind: "owner", who, name: who, owner: who, spent, cap });
  }
  return { spentToday, spending };
}

/** Whether somebody here looks after the device: a guest's are its own, and the gateway's requester is none. */
export function isLookedAfter(device: Device): boolean {
  return device.manufacturer !== GUEST && !isOperator(device);
}
