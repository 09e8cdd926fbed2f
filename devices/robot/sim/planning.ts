/** Path planning by hiring: offers a batch of queries until it is answered, and counts the optimal lengths. */
import { systemClock } from "../../../src/base/clock.ts";
import { isFault } from "../../../src/base/fault.ts";
import { amount } from "../../../src/base/money.ts";
import { priceOf } from "../../../src/protocol/fuel.ts";
import { readManifest } from "../manifest-file.ts";
import type { Answer as Hired, Order } from "../order.ts";
import type { KnownQuery } from "../plan/course.ts";
import type { Grid } from "../plan/grid.ts";
import { type Answer, decodeOutput, encodeInput, pathLength } from "../plan/job.ts";
import type { Robot } from "../robot.ts";
import { say } from "./program.ts";

/** Offers of one batch: a task that fails through no fault of ours is offered again. */
const TRIES = 6;

/** Before an offer that did not come about is made again, milliseconds. */
const PAUSE_MS = 1_000;

/** Relative; published lengths have 8 decimals. */
const TOLERANCE = 1e-6;

/**
 * Defaults of `--fuel-limit N` and `--max-price N` of one task, which follow from its map and queries unless told, and of
 * `--manifest FILE`, none unless told.
 */
export const LIMIT_OPTIONS = { "fuel-limit": "", "max-price": "", manifest: "" } as const;

/** More fuel than a query takes for a cell of the map, or what is done once takes for it: twice what was ever seen. */
const CELL_FUEL = 4_000;
/** The highest rate that is put up with, unless a price is told: atomic units for 10^12 of fuel. */
const MOST_RATE = amount(170_000_000n);

/** What a batch of queries on a map may burn and cost, and the manifest of what it runs on. */
export async function limitsOf(
  options: { readonly [K in keyof typeof LIMIT_OPTIONS]: string },
  { width, height }: Grid,
  queries: number,
): Promise<Pick<Order, "fuelLimit" | "maxPrice" | "manifest"> & { checkBudget: Order["maxPrice"] }> {
  const { "fuel-limit": fuel, "max-price": price, manifest } = options;
  const fuelLimit = fuel === "" ? CELL_FUEL * width * height * (queries + 1) : Number(fuel);
  const maxPrice = price === "" ? priceOf(MOST_RATE, fuelLimit) : amount(BigInt(price));
  const limits = { fuelLimit, maxPrice, checkBudget: maxPrice };
  return manifest === "" ? limits : { ...limits, manifest: await readManifest(manifest) };
}

/** Hires one batch and tells the parent; returns how many lengths are optimal. */
export async function planBatch(
  robot: Robot,
  grid: Grid,
  queries: readonly KnownQuery[],
  terms: Omit<Order, "input">,
  number: number,
): Promise<number> {
  const answer = await hireUntilAnswered(robot, { ...terms, input: encodeInput(grid, queries) }, number);
  const optimal = answer?.output ? countOptimal(answer.output, queries) : 0;
  const { task, provider, state, verdict, fuel, spent, rechecked } = answer ?? NO_ANSWER;
  const cost = { verdict, fuel, spent, rechecked };
  say("answer", { number, task, provider, state, ...cost, queries: queries.length, optimal });
  return optimal;
}

const NO_ANSWER = {
  ...{ task: null, provider: null, state: "refused" },
  ...{ verdict: null, fuel: 0, spent: 0n, rechecked: false },
};

async function hireUntilAnswered(robot: Robot, order: Order, number: number): Promise<Hired | null> {
  let answer: Hired | null = null;
  for (let attempt = 0; attempt < TRIES && answer?.state !== "paid" && !order.signal?.aborted; attempt++) {
    try {
      answer = await robot.hire(order);
      const { state, task, reason } = answer;
      if (state !== "paid") say("unanswered", { number, task, state, reason });
    } catch (error) {
      if (!isFault(error)) throw error;
      say("unanswered", { number, task: null, state: error.code, reason: error.message });
      // answers that are on their way give room again
      await systemClock.sleep(PAUSE_MS);
    }
  }
  return answer;
}

function countOptimal(output: Uint8Array, queries: readonly KnownQuery[]): number {
  const answers = decodeOutput(output, queries.length);
  return queries.filter((query, at) => isOptimal(answers?.[at], query)).length;
}

/** Whether an answer to a query is of the optimal length; a path's moves are not looked at. */
export function isOptimal(answer: Unlisted | undefined, { optimal }: KnownQuery): boolean {
  if (answer?.status !== "found") return optimal === null && answer !== undefined;
  return optimal !== null && Math.abs(pathLength(answer) - optimal) <= TOLERANCE * Math.max(1, optimal);
}

/** An answer without its moves. */
type Unlisted = Exclude<Answer, { status: "found" }> | Omit<Extract<Answer, { status: "found" }>, "moves">;
