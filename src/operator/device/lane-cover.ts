/**
 * The voucher that a message needs, from what the gateway says of the lane.
 *
 * The gateway's word is believed where a lie costs the gateway alone. That so much is signed already is believed only as
 * far as it shows a voucher of ours: whoever signs on top of a lie gives money away.
 */
import type { Hex } from "../../base/bytes.ts";
import { Fault } from "../../base/fault.ts";
import { type Amount, amount, formatAmount } from "../../base/money.ts";
import { type RefusalCode, refuse } from "../../base/refusal.ts";
import type { Message, Terms } from "../../protocol/message.ts";
import type { Market } from "../../protocol/typed-data.ts";
import { isVoucherOf, type Voucher } from "../../protocol/voucher.ts";

/** A lane and whose it is. */
export type LaneView = { readonly market: Market; readonly device: Hex; readonly terms: Terms };

/** A fault with the code that the gateway would refuse with. */
export function refusedBeforehand(code: RefusalCode, message: string): Fault {
  return new Fault("refused", `${message} (${code})`, { facts: { code, hint: refuse(code).hint } });
}

/**
 * The terms in an ack that came for a CONNECT.
 *
 * @param path - of the ack, for messages
 * @throws {@link Fault} `usage` when the ack has none, `refused` when they are another gateway's, chain's or token's
 */
export function termsIn(ack: Message<"ack">, path: string, market: Market): Terms {
  const { terms } = ack;
  if (!terms) throw new Fault("usage", `${path} holds no terms: give the ack that comes after a CONNECT`);
  const codes = {
    gateway: "voucher_wrong_payee",
    chainId: "voucher_wrong_chain",
    vault: "voucher_wrong_vault",
    token: "voucher_wrong_token",
  } as const;
  for (const [key, code] of Object.entries(codes)) {
    const [theirs, ours] = [terms[key as keyof typeof codes], market[key as keyof typeof codes]];
    if (theirs === ours) continue;
    throw refusedBeforehand(code, `${path} names the ${key} ${theirs}, the connection file ${ours}`);
  }
  return terms;
}

/**
 * The total that covers `need` beside the credit that is there; null when the credit reaches.
 *
 * @throws {@link Fault} `books_disagree` when the gateway does not prove what it says is signed, `refused` when the deposit
 * does not reach
 */
export function totalFor(view: LaneView, need: bigint): Amount | null {
  const { lane } = view.terms;
  const signed = provenBy(view);
  if (need <= lane.credit) return null;
  const total = signed + need - lane.credit;
  mustBeWithin(view, total);
  return amount(total);
}

/**
 * Checks a total that somebody has typed.
 *
 * @throws {@link Fault} `refused`
 */
export function mustBeNext(view: LaneView, total: bigint): void {
  const { lane, decimals } = view.terms;
  if (total <= lane.signed) {
    const signed = formatAmount(lane.signed, decimals);
    throw refusedBeforehand("voucher_stale", `${signed} is signed already, and a total only grows`);
  }
  mustBeWithin(view, total);
}

/**
 * Checks that the lane takes an offer.
 *
 * @throws {@link Fault} `refused` when it is closing, or something is owed
 */
export function mustTakeOffers({ terms: { lane, decimals } }: LaneView): void {
  if (lane.closeAt !== 0) throw refusedBeforehand("lane_closing", "the lane is closing");
  if (lane.owed === 0n) return;
  const owed = formatAmount(lane.owed, decimals);
  throw refusedBeforehand("payment_due", `${owed} is owed: pay it first, hirewire device sign voucher`);
}

/** What this device has signed in this epoch, as far as the gateway shows it. */
function provenBy({ market, device, terms: { lane, decimals } }: LaneView): Amount {
  const { voucher, signed } = lane;
  const proven = voucher && isOurs(voucher, market, device, lane.epoch) ? voucher.cumulative : 0n;
  if (signed === proven) return signed;
  const [said, shown] = [signed, proven].map((count) => formatAmount(count, decimals));
  throw new Fault(
    "books_disagree",
    `the gateway says that ${said} is signed and shows a voucher of this device for ${shown}: look at the chain, and say how much with --cumulative`,
  );
}

function isOurs(voucher: Voucher, market: Market, device: Hex, epoch: number): boolean {
  const { chainId, vault, token, payee } = voucher;
  const isHere = chainId === market.chainId && vault === market.vault && token === market.token;
  return isHere && payee === market.gateway && voucher.epoch === epoch && isVoucherOf(voucher, device);
}

function mustBeWithin({ terms: { lane, decimals } }: LaneView, total: bigint): void {
  if (total <= lane.deposit) return;
  const [much, most] = [total, lane.deposit].map((count) => formatAmount(count, decimals));
  throw refusedBeforehand(
    "voucher_over_deposit",
    `${much} would be signed in all, and the lane's deposit is ${most}: hirewire fund`,
  );
}
