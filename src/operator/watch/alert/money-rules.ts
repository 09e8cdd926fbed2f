/** Rules about money: what is owed to us and not claimed, what claims cost, and what is spent. */
import { formatAmount } from "../../../base/money.ts";
import type { LaneVital, SpendVital, Vitals } from "../vitals.ts";
import { type Finding, moneyText, percentText, type Rule, spanText } from "./rule.ts";

/** Nothing settled for so many intervals. */
const INTERVALS = 2;

/** How long before a lane's end somebody has to know of it. */
const ENDING_MS = 6 * 3_600_000;

/** Part of a cap from which on it is told, and below which it is over. */
const SPENT = { on: 0.8, off: 0.75 } as const;

/** Settlements above the alarm at which it is over: the price of gas goes up and down. */
const GAS_SLACK = 1;

const COIN_DECIMALS = 18;

/** Vouchers wait although they are worth their gas: the chain, the node or the key is in the way. */
export const settlementOverdue: Rule = {
  severity: "page",
  when: `vouchers that are worth their gas wait for ${INTERVALS} × settlement.every_ms`,
  expression: `time() - hirewire_settlement_waiting_since_timestamp_seconds > ${INTERVALS} * hirewire_settlement_interval_seconds`,
  costs: "What is not claimed can be lost when a payer closes its lane.",
  mend: "hirewire settle --now",
  find: (vitals) => {
    const { at, settlement, unsettled } = vitals;
    const { waitingSince, everyMs } = settlement;
    if (waitingSince === null || at - waitingSince <= INTERVALS * everyMs) return [];
    const amount = moneyText(vitals, unsettled.incoming);
    return [
      {
        subject: null,
        concern: "gateway",
        since: waitingSince,
        what: `nothing was settled for ${spanText(at - waitingSince)}: ${amount} waits to be claimed`,
        costs: `${amount} can be lost when a payer closes its lane`,
        mend: "hirewire settle --now",
        facts: { amount, lanes: String(unsettled.lanes), waiting: spanText(at - waitingSince) },
        remedy: { kind: "action", name: "settle", subject: null },
      },
    ];
  },
};

/** A lane closes, and its vouchers are void once its window is over. */
export const laneEnding: Rule = {
  severity: "page",
  when: `a lane ends within ${ENDING_MS / 3_600_000} h with money that is not claimed`,
  expression: `hirewire_lane_expiry_timestamp_seconds - time() < ${ENDING_MS / 1_000}`,
  costs: "What is not claimed by then is lost.",
  mend: "hirewire settle --now",
  find: (vitals) =>
    vitals.endingLanes
      .filter(({ closesAt, unsettled }) => unsettled > 0n && closesAt - vitals.at < ENDING_MS)
      .map((lane) => endingLane(vitals, lane)),
};

function endingLane(vitals: Vitals, lane: LaneVital): Finding {
  const { id, device, name, owner, closesAt, unsettled } = lane;
  const amount = moneyText(vitals, unsettled);
  const left = closesAt - vitals.at;
  const ends = left > 0 ? `ends in ${spanText(left)}` : `has ended ${spanText(-left)} ago`;
  const who = name ?? device;
  const loser = id.endsWith("-in") ? "the gateway" : who;
  return {
    subject: id,
    concern: { owner },
    since: null,
    what: `the lane ${id.endsWith("-in") ? "from" : "to"} ${who} ${ends} with ${amount} not claimed`,
    costs: `${amount}, which ${loser} loses then`,
    mend: "hirewire settle --now",
    facts: {
      lane: id,
      device: who,
      amount,
      left: left > 0 ? spanText(left) : "0 s",
      endsAt: String(closesAt),
    },
    remedy: { kind: "action", name: "settle", subject: id },
  };
}

/** The coins that pay for claims run out. */
export const gasLow: Rule = {
  severity: "warning",
  when: "the gateway's coins pay for fewer settlements than settlement.gas_alarm (3 unless set)",
  expression: "hirewire_wallet_settlements_left < hirewire_wallet_settlements_alarm",
  costs: "Without gas nothing can be claimed, and lanes cannot be filled.",
  mend: "send coins for gas to the gateway's address",
  find: (vitals, isOn) => {
    const { settlementsLeft: left, gasAlarm, gas } = vitals.wallet;
    if (left === null || left >= gasAlarm + (isOn(null) ? GAS_SLACK : 0)) return [];
    const coins = formatAmount(gas ?? 0n, COIN_DECIMALS).replace(/\.?0+$/, "");
    const amount = moneyText(vitals, vitals.unsettled.incoming);
    return [
      {
        subject: null,
        concern: "gateway",
        since: null,
        what: `the gas left pays for ${left} ${left === 1 ? "settlement" : "settlements"}`,
        costs: `without gas nothing can be claimed: ${amount} waits`,
        mend: `send coins to ${vitals.gateway}`,
        facts: { left: String(left), alarm: String(gasAlarm), coins, amount, gateway: vitals.gateway },
        remedy: { kind: "page", name: "settings", subject: null },
      },
    ];
  },
};

/** A limit of `[limits]`, of a device or of a kept wallet is nearly used. */
export const spendHigh: Rule = {
  severity: "warning",
  when: `more than ${percentText(SPENT.on)} % of what a device, an owner or a kept wallet may spend is spent`,
  expression: `hirewire_spend_cap_used_ratio > ${SPENT.on}`,
  costs: "Offers above the cap are refused.",
  mend: "hirewire device budget NAME AMOUNT",
  find: (vitals, isOn) =>
    vitals.spending
      .filter((spend) => spentPart(spend) > (isOn(subjectOf(spend)) ? SPENT.off : SPENT.on))
      .map((spend) => highSpend(vitals, spend)),
};

/** How much of a cap is used; all of a cap of nothing. Also the metric's value. */
export function spentPart({ spent, cap }: SpendVital): number {
  if (cap === 0n) return spent > 0n ? 1 : 0;
  return Number((spent * 1_000_000n) / cap) / 1_000_000;
}

function subjectOf({ kind, who }: SpendVital): string {
  return `${kind} ${who}`;
}

function highSpend(vitals: Vitals, spend: SpendVital): Finding {
  const { kind, name, who, owner, spent, cap } = spend;
  const percent = percentText(spentPart(spend));
  const period = kind === "wallet" ? "in all" : "today";
  const mends = {
    device: `hirewire device budget ${name} AMOUNT`,
    owner: "set limits.owner_per_day in gateway.toml",
    wallet: `hirewire device cap ${name} AMOUNT`,
  } as const;
  return {
    subject: subjectOf(spend),
    concern: { owner },
    since: null,
    what: `${name} has spent ${moneyText(vitals, spent)} ${period}, ${percent} % of its cap`,
    costs: `offers above the cap of ${moneyText(vitals, cap)} are refused`,
    mend: mends[kind],
    facts: { kind, name, spent: moneyText(vitals, spent), cap: moneyText(vitals, cap), percent },
    remedy: kind === "owner" ? null : { kind: "page", name: "device", subject: who },
  };
}
