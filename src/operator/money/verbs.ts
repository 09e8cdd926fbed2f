/**
 * What an operator can ask of the gateway's key: of a running gateway through its control socket, or of the key itself
 * while none runs. One implementation for both, so that a command need not know which it was.
 *
 * Requests and answers are plain JSON: amounts as decimal text with the token's decimals, wei as decimal text.
 */
import { z } from "zod";
import type { Hex } from "../../base/bytes.ts";
import { Fault } from "../../base/fault.ts";
import { formatAmount, parseAmount } from "../../base/money.ts";
import { PURPOSES } from "../../protocol/facts.ts";
import { address } from "../../protocol/scalar.ts";
import type { Market } from "../../protocol/typed-data.ts";
import type { Call } from "../../settlement/chain.ts";
import type { MinedTransaction, Purpose } from "../../settlement/queue.ts";
import type { ClaimPlan, Settled, Settlement } from "../../settlement/settlement.ts";
import type { ControlRequest, Verb } from "../control/server.ts";

export type VerbParts = {
  readonly settlement: Pick<Settlement, "plan" | "settle" | "openLane" | "topUp" | "close">;
  /** Sends one call with the gateway's key, in its turn, and waits until that counts. */
  readonly transact: (purpose: Purpose, call: Call) => Promise<MinedTransaction>;
  readonly market: Market;
  readonly decimals: number;
};

const MoneyVerb = { settle: 0, openLane: 0, topUpLane: 0, closeLane: 0, transact: 0 } as const;

const device = address;
const amount = z.string().max(64);
const settleRequest = z.object({ dryRun: z.boolean().default(false), force: z.boolean().default(false) });
const openRequest = z.object({ device, amount, window: z.number().int().min(0).max(3) });
const topUpRequest = z.object({ device, amount });
const closeRequest = z.object({ device });
const callRequest = z.object({
  purpose: z.enum(PURPOSES),
  to: address,
  data: z.string().regex(/^0x([0-9a-f]{2}){4,100000}$/),
});

/**
 * The verbs `settle`, `openLane`, `topUpLane`, `closeLane` and `transact`, which sends a call to the vault or the token.
 *
 * They throw {@link Fault} `usage` for a request of another shape, and whatever settlement throws.
 */
export function moneyVerbs(parts: VerbParts): Readonly<Record<keyof typeof MoneyVerb, Verb>> {
  const { settlement, transact, market, decimals } = parts;
  return {
    settle: async (request) => {
      const { dryRun, force } = shaped(settleRequest, request);
      const plan = planAsJson(await settlement.plan({ force }), market, decimals);
      const settled = dryRun ? [] : await settlement.settle({ force });
      return { plan, settled: settled.map(settledAsJson) };
    },
    openLane: async (request) => {
      const found = shaped(openRequest, request);
      const sum = parseAmount(found.amount, decimals);
      return minedAsJson(await settlement.openLane(found.device, sum, found.window));
    },
    topUpLane: async (request) => {
      const found = shaped(topUpRequest, request);
      return minedAsJson(await settlement.topUp(found.device, parseAmount(found.amount, decimals)));
    },
    closeLane: async (request) => minedAsJson(await settlement.close(shaped(closeRequest, request).device)),
    transact: async (request) => {
      const { purpose, to, data } = shaped(callRequest, request);
      if (to !== market.vault && to !== market.token) {
        throw new Fault("usage", `${to} is neither the vault nor the token of this gateway`);
      }
      return minedAsJson(await transact(purpose, { to, data: data as Hex }));
    },
  };
}

function shaped<T>(schema: z.ZodType<T>, request: ControlRequest): T {
  const found = schema.safeParse(request);
  if (found.success) return found.data;
  const why = z.prettifyError(found.error).replaceAll(/\s+/g, " ");
  throw new Fault("usage", `the gateway does not take this ${String(request["do"])}: ${why}`);
}

function minedAsJson({ transaction, block, gasUsed, gasCost }: MinedTransaction) {
  return { transaction, block: Number(block), gasUsed: Number(gasUsed), gasCost: String(gasCost) };
}

function settledAsJson({ transaction, rows, gasUsed }: Settled) {
  return { transaction, rows, gasUsed: Number(gasUsed) };
}

/** A plan as its reader gets it: what speaks for each lane, and the sum of those that have a reason. */
export function planAsJson(plan: ClaimPlan, { gateway }: Market, decimals: number) {
  const money = (count: bigint | null) => (count === null ? null : formatAmount(count, decimals));
  return {
    rows: plan.rows.map(({ lane, value, gas, cost, reason }) => ({
      device: lane.payer === gateway ? lane.payee : lane.payer,
      direction: lane.payer === gateway ? "out" : "in",
      epoch: lane.epoch,
      value: money(value),
      gas: Number(gas),
      cost: money(cost),
      reason,
    })),
    value: money(plan.value),
    gas: Number(plan.gas),
    cost: money(plan.cost),
    gasPrice: String(plan.gasPrice),
  };
}
