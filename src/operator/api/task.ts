/** Tasks, live and past, and the whole life of one. */
import { z } from "zod";
import { account, digest, firmwareName, money, party, taskId, time } from "./scalar.ts";

export const taskRow = z.strictObject({
  task: taskId,
  /** As everywhere: `announced`, `running`, `paid`, … */
  state: z.string(),
  requester: party,
  /** Who runs it, or ran it. */
  provider: party.nullable(),
  firmware: firmwareName,
  offeredAt: time,
  /** When it came into its state. */
  at: time,
  deadline: time,
  /** maxPrice until it is paid, then the price. */
  price: money,
  payment: z.string(),
});

export const taskList = z.strictObject({ at: time, tasks: z.array(taskRow), next: z.string().nullable() });

export const taskQuery = z.strictObject({
  /** `live`: not over; `ended`: over, newest first. */
  view: z.enum(["live", "ended"]).default("live"),
  device: z.string().max(128).optional(),
  state: z.string().max(32).optional(),
  firmware: z.string().max(66).optional(),
  /** `next` of the page before. */
  before: z.string().max(40).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(50),
});

export const taskParams = z.strictObject({ task: taskId });

const index = z.number().int();
const signed = { index, at: time, signature: z.string().nullable() };

/** A voucher of this task's money, and how far it has come. */
const storyVoucher = z.strictObject({
  ...signed,
  payer: party,
  payee: party,
  role: z.string(),
  /** What it adds for this task. */
  amount: money,
  epoch: index,
  cumulative: money,
  settlement: z.string().describe("pending, sent, confirmed, final or failed"),
  transaction: digest.nullable(),
});

export const storyTransaction = z.strictObject({
  transaction: digest,
  purpose: z.string(),
  nonce: index,
  state: z.string(),
  block: index.nullable(),
  /** Decimal text. */
  gasUsed: z.string().nullable(),
  /** Native units of the smallest kind, decimal text. */
  gasCost: z.string().nullable(),
  confirmations: index.nullable(),
  confirmationsNeeded: index.nullable(),
  url: z.string().nullable(),
});

/** One record of the journal that this is told from. `text` is null where it also tells another owner's business. */
export const storyEntry = z.strictObject({
  index,
  at: time,
  hash: digest,
  previous: digest,
  kinds: z.array(z.string()),
  text: z.string().nullable(),
});

/** From offer to settlement. Hashes, signatures and amounts are those of the journal. */
export const story = z.strictObject({
  task: taskId,
  state: z.string(),
  requester: party,
  provider: party.nullable(),
  offer: z.strictObject({
    ...signed,
    id: z.string(),
    maxPrice: money,
    checkBudget: money,
    deadline: time,
    payment: z.string(),
    profile: z.string(),
    memoryMiB: index,
    fuelLimit: z.number(),
    meter: z.string(),
    costs: digest,
    firmware: firmwareName,
    firmwareBytes: index,
    author: account.nullable(),
    input: digest,
    inputBytes: index,
  }),
  bids: z.array(
    z.strictObject({
      ...signed,
      provider: party,
      /** Price of 10^12 of fuel. */
      rate: money,
      /** At the whole fuel limit. */
      price: money,
      won: z.boolean(),
      /** Why it won or lost: `lowest`, `dearer`, `no room on its lane`, `declined`, … */
      why: z.string(),
    }),
  ),
  awards: z.array(
    z.strictObject({
      ...signed,
      role: z.string(),
      provider: party,
      rate: money,
      award: digest,
      acceptBy: time,
      runBy: time,
      accepted: z.strictObject(signed).nullable(),
      /** `delivered`, or how its provider left. */
      outcome: z.string(),
    }),
  ),
  runs: z.array(
    z.strictObject({
      ...signed,
      role: z.string(),
      provider: party,
      verdict: z.string(),
      output: digest.nullable(),
      outputBytes: index,
      fuel: z.number(),
    }),
  ),
  checks: z.array(
    z.strictObject({
      index,
      at: time,
      rung: z.string(),
      provider: party.nullable(),
      verdict: z.string().nullable(),
      output: digest.nullable(),
      fuel: z.number(),
      passed: z.boolean(),
      reason: z.string(),
    }),
  ),
  /** `how`: one sentence in English on how it was reached. */
  verdict: z
    .strictObject({ index, at: time, verdict: z.string(), rechecked: z.boolean(), how: z.string() })
    .nullable(),
  bill: z
    .strictObject({
      index,
      at: time,
      price: money,
      fee: money,
      checks: money,
      receipt: z.string().nullable(),
    })
    .nullable(),
  vouchers: z.array(storyVoucher),
  transactions: z.array(storyTransaction),
  entries: z.array(storyEntry),
});

export type TaskRow = z.output<typeof taskRow>;
export type TaskList = z.output<typeof taskList>;
export type TaskQuery = z.output<typeof taskQuery>;
export type Story = z.output<typeof story>;
export type StoryEntry = z.output<typeof storyEntry>;
export type StoryTransaction = z.output<typeof storyTransaction>;
