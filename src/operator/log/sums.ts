/** Sums at the foot of a listing: only amounts that were really moved, so not bids, awards or deposits. */
import type { Hex } from "../../base/bytes.ts";
import { type Legend, moneyOf } from "./legend.ts";
import { earnedIn, type Line } from "./line.ts";

export type Sums = {
  payments: number;
  paid: bigint;
  fees: bigint;
  vouchers: number;
  received: bigint;
  earned: bigint;
  spent: bigint;
};

/** All at zero, for {@link addTo} to change in place; amounts count atomic units. */
export function noSums(): Sums {
  return { payments: 0, paid: 0n, fees: 0n, vouchers: 0, received: 0n, earned: 0n, spent: 0n };
}

/** Adds one line; `device` is the one that is asked about, if one is. */
export function addTo(sums: Sums, { fact, requester }: Line, device: Hex | null): void {
  if (fact?.kind === "voucherReceived") {
    sums.vouchers += 1;
    sums.received += fact.amount;
  }
  // an invoice's legs are paid with it, its price when its task is
  if (fact && "legs" in fact) sums.earned += earnedIn(fact, device);
  if (fact?.kind !== "paid" && fact?.kind !== "ended") return;
  if (fact.price === 0n) return;
  sums.payments += 1;
  sums.paid += fact.price;
  sums.fees += fact.fee;
  if (requester === device) sums.spent += fact.price;
}

/** The lines at the foot, none when nothing was moved. */
export function footOf(sums: Sums, device: Hex | null, legend: Legend): string[] {
  const money = (count: bigint) => moneyOf(legend, count);
  const foot: string[] = [];
  if (sums.payments > 0) {
    const tasks = `${sums.payments} ${sums.payments === 1 ? "task" : "tasks"}`;
    foot.push(
      device === null
        ? `paid ${money(sums.paid)} for ${tasks}, of which fees ${money(sums.fees)}`
        : `earned ${money(sums.earned)} and spent ${money(sums.spent)} in ${tasks}`,
    );
  }
  if (sums.vouchers > 0) {
    foot.push(
      `received ${money(sums.received)} in ${sums.vouchers === 1 ? "1 voucher" : `${sums.vouchers} vouchers`}`,
    );
  }
  return foot;
}
