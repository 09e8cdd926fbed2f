/** What an operator may set about the market; every duration in milliseconds. */
export type MarketRules = {
  /** How long bids are gathered after an announce. */
  readonly bidWindowMs: number;
  /** How long a provider has to accept an award. */
  readonly acceptMs: number;
  /** Wall-clock limit of one run. */
  readonly runMs: number;
  /** How long the requester has to hand over firmware and input. */
  readonly inputMs: number;
  /** Part of delivered answers that a second provider runs again, `0..1`. */
  readonly checkRate: number;
  /** The gateway's part of each price, in hundredths of a percent, `0..10_000`. */
  readonly feeBasisPoints: number;
  /** Open tasks per requester. */
  readonly maxOpen: number;
  /** How far ahead a deadline may lie. */
  readonly maxDeadlineMs: number;
};

export const DEFAULT_RULES: MarketRules = {
  bidWindowMs: 250,
  acceptMs: 3_000,
  runMs: 30_000,
  inputMs: 10_000,
  checkRate: 0.25,
  feeBasisPoints: 200,
  maxOpen: 256,
  maxDeadlineMs: 86_400_000,
};
