/** What `hirewire recover` has found, as it is told. */
import type { Hex } from "../../base/bytes.ts";
import { formatAmount } from "../../base/money.ts";
import type { Market } from "../../protocol/typed-data.ts";
import type { CommandIo } from "../io.ts";
import type { FoundLane, LeftOut, Rebuilt } from "./rebuild.ts";

export type Recovery = {
  readonly data: string;
  readonly market: Market;
  readonly decimals: number;
  /** Nothing was written. */
  readonly isDry: boolean;
  readonly rebuilt: Rebuilt;
  readonly lanes: readonly FoundLane[];
};

/** Amounts as decimal text with all the token's decimals, times in unix seconds. */
export function recoveryAsJson({ data, market, decimals, isDry, rebuilt, lanes }: Recovery) {
  const money = (count: bigint) => formatAmount(count, decimals);
  return {
    data,
    dryRun: isDry,
    ...market,
    entries: rebuilt.drafts.length,
    lanes: lanes.map(({ lane, direction, device, claimable, credit }) => ({
      direction,
      device,
      name: nameOf(rebuilt, device),
      epoch: lane.epoch,
      deposit: money(lane.deposit),
      settled: money(lane.settled),
      signed: money(lane.signed),
      hasVoucher: lane.newest !== null,
      claimable: money(claimable),
      credit: money(credit),
      closeAt: lane.closeAt,
    })),
    claimable: totals(lanes, money),
    leftOut: rebuilt.leftOut.map(({ voucher, file, why }) => ({
      ...{ file, payee: voucher.payee, epoch: voucher.epoch, cumulative: money(voucher.cumulative) },
      why: why === "older" ? why : why.refused,
    })),
  };
}

/** The same as text. */
export function showRecovery(io: CommandIo, recovery: Recovery): void {
  const { data, market, decimals, isDry, rebuilt, lanes } = recovery;
  const money = (count: bigint) => formatAmount(count, decimals);
  const taken = lanes.filter(({ lane }) => lane.newest !== null).length;
  const where = isDry ? "nothing was written (--dry-run)" : `in ${data}`;
  io.write(`rebuilt gateway ${market.gateway}: ${lanes.length} lanes, ${taken} with a voucher; ${where}\n`);
  for (const { lane, direction, device, claimable, credit } of lanes) {
    const owed = credit > 0n ? `, credit ${money(credit)}` : "";
    const closing = lane.closeAt === 0 ? "" : `, closing until ${closeOf(lane.closeAt)}`;
    io.write(
      `${direction === "in" ? "from" : "to  "} ${nameOf(rebuilt, device) ?? device}  epoch ${lane.epoch}, deposit ${money(lane.deposit)}, settled ${money(lane.settled)}, signed ${money(lane.signed)}, claimable ${money(claimable)}${owed}${closing}\n`,
    );
  }
  const { incoming, outgoing } = totals(lanes, money);
  io.write(`claimable: ${incoming} for the gateway, ${outgoing} for its payees\n`);
  for (const one of rebuilt.leftOut) {
    if (one.why !== "older")
      io.warn(`left out: ${describe(one, money)}: ${one.why.refused}, ${one.why.hint}\n`);
  }
  const older = rebuilt.leftOut.filter(({ why }) => why === "older").length;
  if (older > 0) io.write(`${older} older vouchers add nothing\n`);
  if (isDry) return;
  io.write("set data in gateway.toml to this folder, then hirewire run: it starts halted\n");
  io.write("hirewire settle --now claims; hirewire resume takes offers again\n");
}

function describe({ voucher, file }: LeftOut, money: (count: bigint) => string): string {
  return `${file}: voucher of ${money(voucher.cumulative)} to ${voucher.payee}, epoch ${voucher.epoch}`;
}

function totals(lanes: readonly FoundLane[], money: (count: bigint) => string) {
  const sum = (direction: FoundLane["direction"]) =>
    lanes.reduce((total, one) => (one.direction === direction ? total + one.claimable : total), 0n);
  return { incoming: money(sum("in")), outgoing: money(sum("out")) };
}

function nameOf({ state }: Rebuilt, device: Hex): string | null {
  return state.roster.get(device)?.name ?? null;
}

/** The vault keeps it in 40 bits, of which a date takes fewer. */
function closeOf(seconds: number): string {
  const date = new Date(seconds * 1_000);
  return Number.isNaN(date.getTime()) ? `second ${seconds}` : date.toISOString();
}
