/** A voucher of the device's own, as far as a message needs one. */
import { z } from "zod";
import { Fault } from "../../base/fault.ts";
import { type Amount, formatAmount, parseAmount } from "../../base/money.ts";
import { type Voucher, voucherSchema } from "../../protocol/voucher.ts";
import { wholeNumber } from "../numbers.ts";
import { mustBeNext, refusedBeforehand, totalFor } from "./lane-cover.ts";
import { laneView, marketAt, type Signing, signVoucher } from "./signing.ts";

/**
 * Signs what `--cumulative` or the ack says. Null where neither was given, or where the credit covers `need`.
 *
 * @param need - what has to be covered, atomic units
 * @throws {@link Fault} `usage`, `amount_syntax`, `amount_range`, `refused`, `books_disagree`
 */
export async function ownVoucher(signing: Signing, need: bigint): Promise<Voucher | null> {
  const { typed, decimals, note } = signing;
  const view = laneView(signing);
  const epoch = epochOf(signing);
  let total: Amount | null;
  if (typed.cumulative === undefined) {
    if (!view) return null;
    total = totalFor(view, need);
    if (total === null) {
      const credit = formatAmount(view.terms.lane.credit, decimals);
      note(`no voucher is needed: the lane has a credit of ${credit}`);
      return null;
    }
  } else {
    total = parseAmount(typed.cumulative, decimals);
    if (view) mustBeNext(view, total);
    else note("the total is checked against no lane: --ack FILE names one");
  }
  const { gateway: payee, chainId, vault, token } = marketAt(signing);
  const voucher = await signVoucher(signing, { chainId, vault, payee, token, epoch, cumulative: total });
  const more = view ? `, ${formatAmount(total - view.terms.lane.signed, decimals)} more than before` : "";
  const of = view ? `, of a deposit of ${formatAmount(view.terms.lane.deposit, decimals)}` : "";
  note(`signs ${formatAmount(total, decimals)} in all${more}${of}`);
  return voucher;
}

/** A voucher as it travels: JSON, amounts as text. */
export function encodedVoucher(voucher: Voucher): unknown {
  return z.encode(voucherSchema, voucher);
}

function epochOf({ typed, terms }: Signing): number {
  const epoch = typed.epoch === undefined ? null : wholeNumber(typed.epoch, "--epoch", 0, 0xffffff);
  if (!terms) return epoch ?? 0;
  if (epoch === null || epoch === terms.lane.epoch) return terms.lane.epoch;
  throw refusedBeforehand(
    "voucher_wrong_epoch",
    `the gateway names the epoch ${terms.lane.epoch}, not ${epoch}`,
  );
}

/** @throws {@link Fault} `usage` when options for a voucher are given where the message has one already */
export function mustNotDouble({ typed }: Signing): void {
  const given = (["cumulative", "epoch"] as const).find((name) => typed[name] !== undefined);
  if (given) throw new Fault("usage", `the message has a voucher: leave --${given} away`);
}
