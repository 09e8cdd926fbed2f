/** What an operator can do: each is an action of the page, of the API and of the command line. */
import { z } from "zod";
import { account, digest, money, taskId } from "./scalar.ts";

export const nothing = z.strictObject({});

export const done = z.strictObject({ done: z.literal(true) });

export const settleBody = z.strictObject({
  /** Only show what would be claimed, and why. */
  dryRun: z.boolean().default(true),
  /** Everything, not only what is worth its gas. */
  force: z.boolean().default(true),
});

export const settlePlan = z.strictObject({
  dryRun: z.boolean(),
  plan: z.strictObject({
    rows: z.array(
      z.strictObject({
        device: account,
        name: z.string().nullable(),
        direction: z.string(),
        epoch: z.number().int(),
        value: money.nullable(),
        gas: z.number(),
        cost: money.nullable(),
        /** Why it is claimed; null for one that waits. */
        reason: z.string().nullable(),
      }),
    ),
    value: money.nullable(),
    gas: z.number(),
    cost: money.nullable(),
    gasPrice: z.string(),
  }),
  settled: z.array(z.strictObject({ transaction: digest, rows: z.number().int(), gasUsed: z.number() })),
});

export const reasonBody = z.strictObject({ reason: z.string().min(1).max(200).default("by the operator") });

export const laneParams = z.strictObject({ lane: z.string().regex(/^0x[0-9a-f]{40}-(in|out)$/) });

export const topUpBody = z.strictObject({
  /** Decimal text. */
  amount: z.string().regex(/^\d{1,20}(\.\d{1,36})?$/),
  dryRun: z.boolean().default(true),
});

export const closeBody = z.strictObject({ dryRun: z.boolean().default(true) });

/** What a transaction of a lane would do, or has done. */
export const laneDeed = z.strictObject({
  dryRun: z.boolean(),
  /** One sentence in English. */
  what: z.string(),
  amount: money.nullable(),
  gas: z.number().nullable(),
  transaction: digest.nullable(),
});

export const budgetBody = z.strictObject({
  /** Decimal text; null for no limit of its own. */
  perDay: z
    .string()
    .regex(/^\d{1,20}(\.\d{1,36})?$/)
    .nullable(),
});

/** What a rotation needs: a kept wallet gets a new secret at once; a key of the device's own is replaced by this command. */
export const rotation = z.strictObject({
  done: z.boolean(),
  command: z.string().nullable(),
  what: z.string(),
});

export const testTask = z.strictObject({ task: taskId });
