/** A lane before and after something is done to it, as it is told. */
import { formatAmount } from "../../base/money.ts";
import { laneAtHead } from "../money/target.ts";
import { type LaneContext, laneTitle } from "./ends.ts";
import { laneState } from "./state.ts";

/** Amounts as decimal text. */
export type LaneSight = {
  readonly state: string;
  readonly epoch: number;
  readonly deposit: string;
  readonly settled: string;
  /** ISO 8601; null while it is open. */
  readonly closesAt: string | null;
  readonly payerVault: string;
  readonly payeeVault: string;
};

/** What the newest block shows of a lane and of the vaults at its ends. */
export async function lookAt({ chain, decimals, ends }: LaneContext): Promise<LaneSight> {
  const { key } = ends;
  const money = (count: bigint) => formatAmount(count, decimals);
  const lane = await laneAtHead(chain, key);
  return {
    state: laneState(lane, lane.settled),
    epoch: lane.epoch,
    deposit: money(lane.deposit),
    settled: money(lane.settled),
    closesAt: lane.closeAt === 0 ? null : new Date(lane.closeAt * 1_000).toISOString(),
    payerVault: money(await chain.vaultBalance(key.payer, key.token)),
    payeeVault: money(await chain.vaultBalance(key.payee, key.token)),
  };
}

/** One line for each thing that matters to who closes a lane. */
export function linesOf({ ends }: LaneContext, sight: LaneSight): string[] {
  const closes = sight.closesAt === null ? "" : `, closes at ${sight.closesAt}`;
  return [
    `lane  ${laneTitle(ends)}: ${sight.state}, epoch ${sight.epoch}${closes}`,
    `holds ${sight.deposit}, of which ${sight.settled} are settled`,
    `vault of ${ends.payer.name} has ${sight.payerVault}`,
    `vault of ${ends.payee.name} has ${sight.payeeVault}`,
  ];
}
