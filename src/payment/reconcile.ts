/**
 * Squares the books with what others show: the chain its lanes, a payee the gateway's own vouchers.
 *
 * Neither can be argued with. What they have more, or less, than the journal knows goes through `recovery`. Pure.
 */
import type { Hex } from "../base/bytes.ts";
import { type Amount, subtract, ZERO } from "../base/money.ts";
import { isRefusal, type Refusal, refuse } from "../base/refusal.ts";
import type { FactNamed, Posting } from "../protocol/facts.ts";
import type { Market } from "../protocol/typed-data.ts";
import type { Voucher } from "../protocol/voucher.ts";
import { move } from "./books.ts";
import { type Lane, misplaced } from "./lane.ts";
import { creditOf, incomingLane, outgoingLane, type PaymentState } from "./payment.ts";

/**
 * What a look at a lane changes in the books; null when they agree.
 *
 * A new epoch makes void what was signed and not claimed: the payer's credit pays for that first, and what is held or
 * spent already the payer owes, so that a hold that comes back later is not paid out to one who has its deposit again.
 * A claim of a voucher that was never seen here is the payer's money all the same.
 *
 * @param isOld - the journal may not be the newest there was: then what it has not seen may well be spent, and what it
 *   lacks may be nobody's debt, and both stay in `recovery`
 */
export function reconcile(
  state: PaymentState,
  market: Market,
  seen: Pick<Lane, "payer" | "payee" | "token" | "epoch" | "settled">,
  isOld = false,
): FactNamed<"laneReconciled"> | null {
  if (seen.token !== market.token) return null;
  const { payer, payee, epoch, settled } = seen;
  const isIncoming = payee === market.gateway;
  const lane = isIncoming ? incomingLane(state, market, payer) : outgoingLane(state, market, payee);
  if (epoch < lane.epoch) return null;
  const isFresh = epoch > lane.epoch;
  const unclaimed = isFresh ? subtract(lane.signed, lane.settled) : ZERO;
  const unseen = isFresh ? settled : settled > lane.signed ? subtract(settled, lane.signed) : ZERO;
  if (unclaimed === 0n && unseen === 0n) return null;
  const postings = isIncoming
    ? [
        ...voided(state, payer, unclaimed, isOld),
        ...move(`in:${payer}`, isOld ? "recovery" : `credit:${payer}`, unseen),
      ]
    : [...move(`out:${payee}`, "recovery", unclaimed), ...move("recovery", `out:${payee}`, unseen)];
  return { kind: "laneReconciled", payer, payee, epoch, amount: unseen - unclaimed, postings };
}

function voided(state: PaymentState, payer: Hex, unclaimed: Amount, isOld: boolean): Posting[] {
  const credit = creditOf(state, payer);
  const fromCredit = unclaimed < credit ? unclaimed : credit;
  const lost = subtract(unclaimed, fromCredit);
  return [
    ...move(`credit:${payer}`, `in:${payer}`, fromCredit),
    ...move(isOld ? "recovery" : `owed:${payer}`, `in:${payer}`, lost),
  ];
}

/**
 * The gateway's own voucher, shown by its payee: when it is higher than the journal's, the journal is not the newest
 * there is (an old copy, or another process with this key), and nothing may be signed below it.
 *
 * @returns null when as much is known already
 */
export function decideShown(
  state: PaymentState,
  market: Market,
  voucher: Voucher,
  isPayer: (voucher: Voucher, payer: Hex) => boolean,
): FactNamed<"voucherShown"> | Refusal | null {
  const { payee } = voucher;
  const lane = outgoingLane(state, market, payee);
  const stray = misplaced(lane, market, voucher);
  if (isRefusal(stray)) return voucher.epoch < lane.epoch ? null : stray;
  if (voucher.cumulative <= lane.signed) return null;
  if (!isPayer(voucher, market.gateway)) {
    return refuse("bad_signature", "the voucher is not signed by this gateway");
  }
  const gain = subtract(voucher.cumulative, lane.signed);
  const postings = move("recovery", `out:${payee}`, gain);
  return { kind: "voucherShown", payee, amount: gain, voucher, postings };
}
