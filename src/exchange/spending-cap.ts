/**
 * What the gateway may still sign for a device whose wallet it keeps. Pure.
 *
 * The cap is on all that the wallet has ever signed, in every life of its lane, claimed or void: closing a lane and
 * funding it again gives nothing back. It is known from the journal, so that no restart forgets it.
 */
import type { Hex } from "../base/bytes.ts";
import { type Amount, amount, formatAmount, ZERO } from "../base/money.ts";
import { type Refusal, refuse } from "../base/refusal.ts";
import { incomingLane, owedBy } from "../payment/payment.ts";
import { standingOf } from "../payment/standing.ts";
import type { Draft } from "../protocol/draft.ts";
import type { Market } from "../protocol/typed-data.ts";
import { creditAfter, openOnResult } from "./charge.ts";
import { whyUnpaid } from "./house.ts";
import type { State } from "./state.ts";

/** A limit on what is signed, and with how many decimals a refusal names it. */
export type SpendingCap = { readonly cap: Amount; readonly decimals: number };

/**
 * Why a voucher is not signed for the device, or null. What it has signed already is signed again, and nothing beyond it
 * while paying is stopped.
 *
 * A voucher for another life of the lane is refused before there is one: nobody would keep count of it.
 */
export function whyUnsigned(
  state: State,
  market: Market,
  device: Hex,
  { epoch, cumulative }: Draft<"voucher">,
  limit: SpendingCap,
): Refusal | null {
  const lane = incomingLane(state.payment, market, device);
  if (epoch !== lane.epoch) return refuse("voucher_wrong_epoch");
  if (cumulative <= lane.signed) return null;
  const unpaid = whyUnpaid(state);
  if (unpaid) return unpaid;
  if (cumulative - lane.signed > leftOf(state, device, limit)) return overCap(state, device, limit);
  return cumulative > lane.deposit ? refuse("voucher_over_deposit") : null;
}

/**
 * Why an offer is not signed for the device, or null. A prepaid one costs what is signed already; one on result has to be
 * paid by a voucher later, so that the cap has to have room for it and for all others that are open or owed.
 *
 * One whose id was answered before is signed whatever it says: it hears that answer again, or `id_reused`.
 */
export function whyUnoffered(
  state: State,
  device: Hex,
  { id, payment, maxPrice, checkBudget }: Draft<"offer">,
  limit: SpendingCap,
): Refusal | null {
  if (payment === "prepaid" || state.answers.get(device)?.has(id)) return null;
  const due = owedBy(state.payment, device) + openOnResult(state, [device]) + maxPrice + checkBudget;
  const isCovered = due <= creditAfter(state, device, []) + leftOf(state, device, limit);
  return isCovered ? null : overCap(state, device, limit);
}

function leftOf({ payment }: State, device: Hex, { cap }: SpendingCap): Amount {
  const { promised } = standingOf(payment.standings, device);
  return promised < cap ? amount(cap - promised) : ZERO;
}

function overCap(state: State, device: Hex, limit: SpendingCap): Refusal {
  const [cap, left] = [limit.cap, leftOf(state, device, limit)].map((sum) =>
    formatAmount(sum, limit.decimals),
  );
  return refuse("over_cap", `the cap of this device's wallet is ${cap}, of which ${left} is left`);
}
