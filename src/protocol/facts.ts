/**
 * The closed union of facts: all that the journal can say has happened.
 *
 * A fact is past tense and complete: applying the facts in order rebuilds every state, and nothing else is stored.
 * What one command caused stands in one record, so that a payment is never half there.
 */
import { z } from "zod";
import type { Hex } from "../base/bytes.ts";
import { Fault } from "../base/fault.ts";
import { REFUSALS, type RefusalCode } from "../base/refusal.ts";
import { compiled } from "./compiled.ts";
import { PROFILES, RUN_VERDICTS } from "./fuel.ts";
import { manifestSchema } from "./manifest.ts";
import { PAYMENTS, ROLES } from "./message.ts";
import {
  address,
  amount,
  change,
  commandId,
  fuel,
  fuelLimit,
  hash32,
  instant,
  memoryClass,
  meterVersion,
  rate,
  signature,
  taskId,
  topicLevel,
} from "./scalar.ts";
import { voucherSchema } from "./voucher.ts";

const count = z.number().int().min(0);

/** Stands where the gateway's signature goes, from the decision to the seal. */
export const UNSIGNED: Hex = `0x${"0".repeat(130)}`;

/**
 * A change of one account of the books, debit positive. Accounts are `in:<payer>`, `out:<payee>`, `credit:<device>`,
 * `held:<device>`, `owed:<device>`, `fee` and `recovery`; the changes of one record sum to zero.
 */
const posting = z.strictObject({
  account: z.string().regex(/^(fee|recovery|(in|out|credit|held|owed):0x[0-9a-f]{40})$/),
  change,
});

export type Posting = z.output<typeof posting>;

const postings = z.array(posting);

/** One voucher that the gateway gives: which lane, what for. */
const leg = z.strictObject({
  payee: address,
  role: z.enum(ROLES),
  amount,
  voucher: voucherSchema,
});

export type Leg = z.output<typeof leg>;

/**
 * What a task has cost its requester, and the vouchers that pay those who worked on it. Whoever has no room on its lane
 * gets credit in place of a leg.
 */
const bill = { requester: address, price: amount, fee: amount, checks: amount, legs: z.array(leg) };

/** What a transaction of the gateway's is for. */
export const PURPOSES = ["claim", "fund", "close", "withdraw", "approve", "owner"] as const;

const laneState = {
  payer: address,
  payee: address,
  token: address,
  epoch: count,
  deposit: amount,
  settled: amount,
  /** Unix seconds; 0 while the lane is open. */
  closeAt: count,
  /** The class of its challenge window, see `payment/lane.ts`. */
  window: count,
};

/** How the end of a task came about, beside its state. */
export const END_STATES = ["declined", "expired", "forfeited", "rejected", "cancelled", "refunded"] as const;

const kinds = {
  gatewayStarted: {
    gateway: address,
    chainId: count,
    vault: address,
    token: address,
    decimals: count,
    feeBasisPoints: count,
  },
  deviceEnrolled: {
    device: address,
    owner: address.nullable(),
    name: z.string(),
    manufacturer: topicLevel,
    serialNumber: topicLevel,
  },
  laneObserved: { ...laneState, block: count },
  /**
   * The chain shows more, or less, signed on a lane than the journal knows: a voucher claimed that was never seen here
   * (`amount` above zero), or vouchers that a close has made void before they were claimed (below).
   */
  laneReconciled: { payer: address, payee: address, epoch: count, amount: change, postings },
  /** A voucher is money even where its command is refused; `amount` is what it adds to the lane. */
  voucherReceived: { payer: address, amount, voucher: voucherSchema, postings },
  /**
   * A voucher of the gateway's own that this journal did not know: its payee has shown it. `amount` is what it adds;
   * nothing is signed below it.
   */
  voucherShown: { payee: address, amount, voucher: voucherSchema, postings },
  /** Credit that no task has spent, given back on the lane to its device. */
  creditPaidOut: { device: address, amount, voucher: voucherSchema, postings },
  /** Owed without an invoice that is still open: work that was under way when its on-result task was cancelled. */
  debtPaid: { device: address, amount, postings },
  /** No new offers are taken, by the operator's or the gateway's own decision. */
  halted: { reason: z.string() },
  resumed: { reason: z.string() },
  /** By the operator: from here on no voucher is signed, and no award is made that a voucher would have to pay. */
  payingStopped: { reason: z.string() },
  payingResumed: { reason: z.string() },
  /** Kept out by its operator: it may not log in, and no award goes to it. What it has on lanes stays its own. */
  deviceDisabled: { device: address },
  deviceEnabled: { device: address },
  offered: {
    task: taskId,
    requester: address,
    id: commandId,
    firmware: hash32,
    firmwareBytes: count,
    input: hash32,
    inputBytes: count,
    maxPrice: amount,
    checkBudget: amount,
    deadline: instant,
    payment: z.enum(PAYMENTS),
    profile: z.enum(PROFILES),
    memoryMiB: memoryClass,
    fuelLimit,
    meter: meterVersion,
    costs: hash32,
    manifest: manifestSchema.nullable(),
    signature,
    postings,
  },
  announced: { task: taskId, bidBy: instant },
  bidPlaced: { task: taskId, provider: address, id: commandId, rate, expires: instant, signature },
  awarded: {
    task: taskId,
    role: z.enum(ROLES),
    provider: address,
    rate,
    feeBasisPoints: count,
    acceptBy: instant,
    runBy: instant,
    award: hash32,
    signature,
  },
  accepted: { task: taskId, role: z.enum(ROLES), provider: address, award: hash32, signature },
  /** The provider has the award's go-ahead and the wall clock of the run counts. */
  started: { task: taskId, role: z.enum(ROLES), provider: address, runBy: instant },
  /** A provider is out: it declined, gave up, or let a deadline pass. */
  withdrawn: {
    task: taskId,
    role: z.enum(ROLES),
    provider: address,
    how: z.enum(["declined", "accept_timeout", "forfeited", "run_timeout", "output_missing", "outvoted"]),
    reason: z.string(),
  },
  delivered: {
    task: taskId,
    role: z.enum(ROLES),
    provider: address,
    award: hash32,
    verdict: z.enum(RUN_VERDICTS),
    output: hash32.nullable(),
    outputBytes: count,
    fuel,
    signature,
  },
  /** One rung of verification and what it said. */
  checked: {
    task: taskId,
    rung: z.enum(["checker", "rerun", "referee"]),
    provider: address.nullable(),
    /** How this rung's own run ended; null for the checker, and for a run that tells nothing. */
    verdict: z.enum(RUN_VERDICTS).nullable(),
    output: hash32.nullable(),
    fuel,
    passed: z.boolean(),
    reason: z.string(),
  },
  verified: { task: taskId, verdict: z.enum(["accepted", "rejected"]), rechecked: z.boolean() },
  /** An on-result task's providers are paid and its requester owes the price. */
  invoiced: {
    task: taskId,
    /** Whose output is the answer. */
    provider: address,
    /** Of the answer's run. */
    fuel,
    ...bill,
    salt: hash32,
    saltedOutput: hash32,
    due: instant,
    /** Over the typed `Invoice`. */
    signature,
    /** Over the typed `Receipt`. */
    receipt: signature,
    postings,
  },
  /** Legs are empty where an invoice has paid them before. */
  paid: {
    task: taskId,
    provider: address,
    /** Of the answer's run. */
    fuel,
    ...bill,
    /** Over the typed `Receipt`. */
    receipt: signature,
    postings,
  },
  /** Legs pay whoever had begun to work. */
  ended: { task: taskId, state: z.enum(END_STATES), reason: z.string(), ...bill, postings },
  /** Written before the transaction is sent. The same nonce again, with `replaces`, pays a higher fee for the same call. */
  transactionPrepared: {
    transaction: hash32,
    purpose: z.enum(PURPOSES),
    nonce: count,
    raw: z.string().regex(/^0x[0-9a-f]+$/),
    /** Wei per unit of gas. */
    maxFeePerGas: change,
    maxPriorityFeePerGas: change,
    replaces: hash32.nullable(),
    rows: count,
  },
  /** In a block that counts as confirmed; a claim is told as `claimed`. */
  transactionMined: {
    transaction: hash32,
    block: count,
    gasUsed: change,
    gasCost: change,
    succeeded: z.boolean(),
  },
  /** It can never be mined: another one has its nonce. */
  transactionDropped: { transaction: hash32, reason: z.string() },
  claimed: {
    transaction: hash32,
    block: count,
    gasUsed: change,
    /** Native units paid for the gas. */
    gasCost: change,
    lanes: z.array(z.strictObject(laneState)),
  },
  /** Blocks that were read as confirmed are no longer on the chain. */
  chainReorganized: { block: count, was: hash32, is: hash32 },
} as const;

export type FactKind = keyof typeof kinds;

type FactOf<K extends FactKind> = { readonly kind: K } & z.output<z.ZodObject<(typeof kinds)[K]>>;

/** One thing that happened. */
export type Fact = { [K in FactKind]: FactOf<K> }[FactKind];

export type FactNamed<K extends FactKind> = Extract<Fact, { kind: K }>;

export const FACT_KINDS = Object.keys(kinds) as readonly FactKind[];

const schemas = Object.fromEntries(
  FACT_KINDS.map((kind) => [kind, z.strictObject({ kind: z.literal(kind), ...kinds[kind] })]),
) as unknown as Record<FactKind, z.ZodType<Fact>>;

const refusalCode = z.enum(Object.keys(REFUSALS) as [RefusalCode, ...RefusalCode[]]);

/** What caused a record: a device's command, or the gateway itself (`by` null). */
const cause = z.strictObject({
  by: address.nullable(),
  topic: z.string(),
  id: z.string(),
  /** Of the command's bytes: the same id with other bytes is another command. */
  digest: z.string(),
  /** Why the command was refused although its voucher was kept. */
  refused: refusalCode.nullable(),
});

export type Cause = z.output<typeof cause>;

/** Everything one command caused. `index` counts from 1 without gaps. */
export type JournalRecord = {
  readonly index: number;
  readonly at: number;
  readonly cause: Cause;
  readonly facts: readonly Fact[];
};

/** A fact as plain JSON values, keys in the schema's order, so that its text is canonical. */
export function encodeFact(fact: Fact): unknown {
  return z.encode(schemas[fact.kind], fact);
}

const kindOf = z.looseObject({ kind: z.enum(FACT_KINDS as [FactKind, ...FactKind[]]) });

const decoders = new Map<unknown, (value: unknown) => Fact>(
  FACT_KINDS.map((kind) => [kind, compiled(schemas[kind])]),
);

/** @throws ZodError when the value is not a fact */
export function decodeFact(value: unknown): Fact {
  const kind = typeof value === "object" && value !== null && "kind" in value ? value.kind : null;
  const decode = decoders.get(kind) ?? decoders.get(kindOf.parse(value).kind);
  if (!decode) throw new Fault("impossible", "a kind without a schema");
  return decode(value);
}

/** @throws ZodError when the value is not a cause */
export const decodeCause: (value: unknown) => Cause = compiled(cause);

/** The changes that a record makes to the books. */
export function postingsOf(facts: readonly Fact[]): readonly Posting[] {
  return facts.flatMap((fact) => ("postings" in fact ? fact.postings : []));
}
