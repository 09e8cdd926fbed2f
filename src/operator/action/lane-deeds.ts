/** What the gateway's key does with one of its own lanes at an operator's word: first said, then done. */
import type { z } from "zod";
import type { Hex } from "../../base/bytes.ts";
import { Fault } from "../../base/fault.ts";
import { type Amount, amount, formatAmount } from "../../base/money.ts";
import { outgoingLane, type PaymentState } from "../../payment/payment.ts";
import type { Market } from "../../protocol/typed-data.ts";
import type { Call, Chain, LaneKey, LaneOnChain } from "../../settlement/chain.ts";
import type { Settlement } from "../../settlement/settlement.ts";
import { claimBatch, fundLane, requestClose } from "../../settlement/vault-calls.ts";
import type { laneDeed } from "../api/action.ts";
import { WINDOWS } from "../settings.ts";

export type LaneDeed = z.output<typeof laneDeed>;

export type LaneDeedParts = {
  readonly market: Market;
  readonly decimals: number;
  readonly payment: PaymentState;
  readonly chain: Pick<Chain, "lanes" | "vaultBalance" | "ownerOf" | "spendAllowance" | "prepare">;
  readonly settlement: Pick<Settlement, "topUp" | "close">;
};

/** The other end of the lane, and what it is called. */
export type Payee = { readonly address: Hex; readonly name: string };

/**
 * Deposits more on the gateway's lane to a device; only says so in a dry run.
 *
 * @throws {@link Fault} `usage` when it is not open or the amount is nothing, `lane_closing`, `funds_short`,
 * `chain_unreachable`; then as {@link Settlement.topUp}
 */
export async function topUp(
  parts: LaneDeedParts,
  payee: Payee,
  sum: Amount,
  dryRun: boolean,
): Promise<LaneDeed> {
  const { market, decimals, settlement, chain } = parts;
  const money = (count: bigint) => formatAmount(amount(count), decimals);
  if (sum === 0n) throw new Fault("usage", "expected an amount above zero");
  const { key, lane } = await openLane(parts, payee, `hirewire lane open ${payee.name} ${money(sum)}`);
  const left = await budgetOf(parts);
  if (left < sum) {
    const words = `the gateway's vault has ${money(left)} to give, less than ${money(sum)}`;
    throw new Fault("funds_short", `${words}: hirewire fund gateway AMOUNT --from KEYFILE`);
  }
  const gas = await gasOf(chain, market.gateway, fundLane(market.vault, key, sum, lane.window));
  const after = `${money(lane.deposit)} becomes ${money(lane.deposit + sum)}`;
  const what = `${money(sum)} out of the gateway's vault, which has ${money(left)}, onto its lane to ${payee.name}: ${after}`;
  const said = { dryRun, what, amount: money(sum) };
  if (dryRun) return { ...said, gas, transaction: null };
  const mined = await settlement.topUp(payee.address, sum);
  return { ...said, gas: Number(mined.gasUsed), transaction: mined.transaction };
}

/**
 * Begins to close the gateway's lane to a device, which gets what is signed to it first; only says so in a dry run.
 *
 * @throws {@link Fault} `usage` when it is not open, `lane_closing`, `chain_unreachable`; then as {@link Settlement.close}
 */
export async function closeLane(parts: LaneDeedParts, payee: Payee, dryRun: boolean): Promise<LaneDeed> {
  const { market, decimals, payment, settlement, chain } = parts;
  const money = (count: bigint) => formatAmount(amount(count), decimals);
  const { key, lane } = await openLane(parts, payee, "there is nothing to close");
  const { epoch, newest } = outgoingLane(payment, market, payee.address);
  const due = newest && epoch === lane.epoch && newest.cumulative > lane.settled ? newest : null;
  const promised = due ? due.cumulative : lane.settled;
  const rest = lane.deposit - promised;
  const claim = due ? await gasOf(chain, market.gateway, claimBatch(market.vault, market.token, [due])) : 0;
  const gas = claim + (await gasOf(chain, market.gateway, requestClose(market.vault, key)));
  const first = due ? `claims ${money(promised - lane.settled)} for ${payee.name}, then ` : "";
  const when = `after its window of ${WINDOWS[lane.window] ?? "?"}`;
  const what = `${first}asks to close the gateway's lane to ${payee.name}: ${money(rest)} of ${money(lane.deposit)} come back ${when}, and it stays closed`;
  const said = { dryRun, what, amount: money(rest) };
  if (dryRun) return { ...said, gas, transaction: null };
  const mined = await settlement.close(payee.address);
  return { ...said, gas: Number(mined.gasUsed), transaction: mined.transaction };
}

async function openLane(
  { market, chain }: LaneDeedParts,
  { address, name }: Payee,
  hint: string,
): Promise<{ readonly key: LaneKey; readonly lane: LaneOnChain }> {
  const key = { payer: market.gateway, payee: address, token: market.token };
  const { lanes } = await chain.lanes([key], "head");
  const [lane] = lanes;
  if (!lane || lane.deposit === 0n) {
    throw new Fault("usage", `the gateway's lane to ${name} is not open: ${hint}`);
  }
  if (lane.closeAt === 0) return { key, lane };
  const when = new Date(lane.closeAt * 1_000).toISOString();
  throw new Fault("lane_closing", `the gateway's lane to ${name} is closing until ${when}`);
}

/** What the gateway's key may move: all that is in the vault, or less where an owner has set a limit. */
async function budgetOf({ market, chain }: LaneDeedParts): Promise<bigint> {
  const { gateway, token } = market;
  const left = await chain.vaultBalance(gateway, token);
  if ((await chain.ownerOf(gateway)) === null) return left;
  const allowed = await chain.spendAllowance(gateway, token);
  return allowed < left ? allowed : left;
}

/** Units of gas that the call would take at most; nothing is signed. */
async function gasOf(chain: Pick<Chain, "prepare">, from: Hex, call: Call): Promise<number> {
  let gas = 0n;
  const asked = {
    address: from,
    signTransaction: (transaction: { readonly gas: bigint }): Promise<Hex> => {
      gas = transaction.gas;
      return Promise.resolve("0x");
    },
  };
  await chain.prepare(asked, call);
  return Number(gas);
}
