/**
 * Who gets an award: the least rate, and among equals the earliest bid.
 *
 * The bids of a task stand in journal order, so every replay chooses the same.
 */
import type { Hex } from "../base/bytes.ts";
import { type Instant, instant } from "../base/clock.ts";
import { type Amount, subtract } from "../base/money.ts";
import type { FactNamed } from "../protocol/facts.ts";
import { UNSIGNED } from "../protocol/facts.ts";
import { awardDigest, type Market } from "../protocol/typed-data.ts";
import type { MarketRules } from "./rules.ts";
import { type Bid, mostOf, type Task } from "./task.ts";

/** Whether the gateway's lane to a provider has room for that much more. */
export type HasRoom = (provider: Hex, cost: Amount) => boolean;

/** The bids that can still be awarded, best first. */
export function rankBids(task: Task, now: Instant, rules: MarketRules, hasRoom: HasRoom): readonly Bid[] {
  const fits = ({ provider, rate }: Bid) => {
    const { price, fee } = mostOf(rate, task.fuelLimit, rules.feeBasisPoints);
    return hasRoom(provider, subtract(price, fee));
  };
  const awardable = task.bids.filter(
    (bid) =>
      bid.expires > now &&
      !task.out.includes(bid.provider) &&
      bid.provider !== task.run?.provider &&
      fits(bid),
  );
  return awardable.toSorted((a, b) => (a.rate < b.rate ? -1 : a.rate > b.rate ? 1 : 0));
}

/** An award without its signature, which the gateway adds before the fact is journalled. */
export function awardTo(
  market: Market,
  task: Task,
  bid: Bid,
  role: "run" | "check",
  now: Instant,
  rules: MarketRules,
): FactNamed<"awarded"> {
  const acceptBy = instant(Math.min(now + rules.acceptMs, task.deadline));
  const runBy = instant(Math.min(acceptBy + rules.runMs, task.deadline));
  const terms = {
    role,
    provider: bid.provider,
    rate: bid.rate,
    feeBasisPoints: rules.feeBasisPoints,
    acceptBy,
    runBy,
  };
  const { requester, firmware, input, profile, memoryMiB, fuelLimit, meter, costs } = task;
  const run = { requester, firmware, input, profile, memoryMiB, fuelLimit, meter, costs };
  const award = awardDigest(market, { ...terms, ...run, task: task.id });
  return { kind: "awarded", task: task.id, ...terms, award, signature: UNSIGNED };
}
