/** Lanes as an operator sees them: who has promised how much to whom, and what of it is claimed. */
import type { Hex } from "../../base/bytes.ts";
import { formatAmount } from "../../base/money.ts";
import { type Lane, roomOf } from "../../payment/lane.ts";
import type { PaymentState } from "../../payment/payment.ts";
import type { LaneRow } from "../api/lane.ts";
import { WINDOWS } from "../settings.ts";
import type { Scope } from "./scope.ts";

export type LaneInView = {
  readonly lane: Lane;
  readonly device: Hex;
  readonly direction: LaneRow["direction"];
};

/** Every lane between the gateway and a device in view; first those to the gateway. */
export function* lanesInView({ incoming, outgoing }: PaymentState, scope: Scope): Generator<LaneInView> {
  for (const [device, lane] of incoming) if (scope.has(device)) yield { lane, device, direction: "incoming" };
  for (const [device, lane] of outgoing) if (scope.has(device)) yield { lane, device, direction: "outgoing" };
}

/** Signed and not claimed, in atomic units. */
export function unsettledOn({ signed, settled }: Lane): bigint {
  return signed > settled ? signed - settled : 0n;
}

/** Deposited and not signed: still its payer's, whether or not the lane closes. */
export function freeOn({ deposit, signed }: Lane): bigint {
  return deposit > signed ? deposit - signed : 0n;
}

/** `open` lanes can be signed on, `closing` ones be claimed only; on an `unfunded` one there is nothing. */
export function stateOfLane({ deposit, closeAt }: Lane): LaneRow["state"] {
  if (deposit === 0n) return "unfunded";
  return closeAt === 0 ? "open" : "closing";
}

/** First those that close, by their end; then those with most to claim. */
export function byUrgency(a: LaneInView, b: LaneInView): number {
  const end = ({ lane }: LaneInView) =>
    stateOfLane(lane) === "closing" ? lane.closeAt : Number.POSITIVE_INFINITY;
  const [endA, endB] = [end(a), end(b)];
  if (endA !== endB) return endA - endB;
  const [sumA, sumB] = [unsettledOn(a.lane), unsettledOn(b.lane)];
  if (sumA !== sumB) return sumA > sumB ? -1 : 1;
  return a.device < b.device ? -1 : a.device > b.device ? 1 : a.direction < b.direction ? -1 : 1;
}

/** One lane as the API has it. */
export function laneRow({ lane, device, direction }: LaneInView, scope: Scope, decimals: number): LaneRow {
  const money = (count: bigint) => formatAmount(count, decimals);
  return {
    id: `${device}-${direction === "incoming" ? "in" : "out"}`,
    direction,
    device: scope.party(device),
    payer: lane.payer,
    payee: lane.payee,
    epoch: lane.epoch,
    deposit: money(lane.deposit),
    signed: money(lane.signed),
    settled: money(lane.settled),
    unsettled: money(unsettledOn(lane)),
    room: money(roomOf(lane)),
    state: stateOfLane(lane),
    window: WINDOWS[lane.window] ?? WINDOWS[0],
    closesAt: lane.closeAt === 0 ? null : lane.closeAt * 1_000,
  };
}
