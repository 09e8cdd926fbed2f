/**
 * A task: what an offer became, and the one table of the ways it can go.
 *
 * The states are the words that code, pages, docs and logs share.
 */
import type { Hex } from "../base/bytes.ts";
import type { Instant } from "../base/clock.ts";
import { Fault } from "../base/fault.ts";
import type { Amount } from "../base/money.ts";
import {
  feeOf,
  type MemoryClass,
  type Outcome,
  type Profile,
  priceOf,
  type RunVerdict,
} from "../protocol/fuel.ts";
import type { Manifest } from "../protocol/manifest.ts";
import type { PAYMENTS } from "../protocol/message.ts";

/** Every legal transition. A state without successors is an end. */
export const TRANSITIONS = {
  offered: ["announced", "cancelled"],
  announced: ["announced", "awarded", "cancelled", "expired"],
  awarded: ["accepted", "awarded", "announced", "declined", "forfeited", "cancelled"],
  accepted: ["running", "cancelled"],
  running: ["delivered", "awarded", "forfeited", "cancelled"],
  delivered: ["verified", "awarded", "rejected", "forfeited", "refunded"],
  verified: ["paid", "invoiced"],
  invoiced: ["paid"],
  paid: ["settled"],
  settled: [],
  declined: [],
  expired: [],
  forfeited: [],
  rejected: [],
  cancelled: [],
  refunded: [],
} as const satisfies Record<string, readonly string[]>;

export type TaskState = keyof typeof TRANSITIONS;

export const TASK_STATES = Object.keys(TRANSITIONS) as readonly TaskState[];

/** States in which a task still wants something from somebody. */
const OPEN = new Set<TaskState>([
  "offered",
  "announced",
  "awarded",
  "accepted",
  "running",
  "delivered",
  "verified",
  "invoiced",
]);

/** Whether the task can still cost its requester something: until it is paid or has ended. */
export function isOpen(task: Task): boolean {
  return OPEN.has(task.state);
}

export type Bid = {
  readonly provider: Hex;
  /** Of 10^12 of fuel. */
  readonly rate: Amount;
  readonly expires: Instant;
};

/** An award and what its provider has done about it. */
export type Assignment = {
  readonly provider: Hex;
  /** Of 10^12 of fuel. */
  readonly rate: Amount;
  readonly feeBasisPoints: number;
  /** The most that it can come to, which is the price of the whole limit; once it is delivered, what its fuel costs. */
  readonly price: Amount;
  /** The gateway's part of `price`. */
  readonly fee: Amount;
  readonly acceptBy: Instant;
  readonly runBy: Instant;
  /** The award's digest, which the provider's accept and result sign. */
  readonly award: Hex;
  /** The gateway's signature over it. */
  readonly signature: Hex;
  readonly stage: "awarded" | "running" | "delivered";
  /** The provider's signature over `Accept`; null before it has accepted. */
  readonly accept: Hex | null;
  /** How its run has ended; null before it is delivered. */
  readonly verdict: RunVerdict | null;
  /** Null before it is delivered, and after a run that gave none. */
  readonly output: Hex | null;
  readonly outputBytes: number;
  readonly fuel: number;
};

export type Task = {
  readonly id: Hex;
  readonly requester: Hex;
  readonly offerId: string;
  readonly firmware: Hex;
  readonly firmwareBytes: number;
  readonly input: Hex;
  readonly inputBytes: number;
  readonly maxPrice: Amount;
  readonly checkBudget: Amount;
  readonly deadline: Instant;
  readonly payment: (typeof PAYMENTS)[number];
  readonly profile: Profile;
  readonly memoryMiB: MemoryClass;
  readonly fuelLimit: number;
  /** The meter that counts its fuel, and the hash of its cost table. */
  readonly meter: number;
  readonly costs: Hex;
  readonly manifest: Manifest | null;
  readonly offeredAt: Instant;
  readonly state: TaskState;
  readonly bidBy: Instant | null;
  readonly bids: readonly Bid[];
  /** Providers that are out of this task, in any role. */
  readonly out: readonly Hex[];
  readonly run: Assignment | null;
  readonly check: Assignment | null;
  readonly evidence: Evidence;
  /** A second run agreed with the answer. */
  readonly rechecked: boolean;
  readonly invoice: TaskInvoice | null;
  readonly end: TaskEnd | null;
};

/** What verification has found so far; null where a rung has not spoken. */
export type Evidence = {
  readonly checker: boolean | null;
  /** What the gateway's own run has come to; `"none"` when that run tells nothing. */
  readonly referee: Outcome | "none" | null;
};

export const NO_EVIDENCE: Evidence = { checker: null, referee: null };

/** What an on-result task's requester has been told it costs. */
export type TaskInvoice = {
  /** Whose output is the answer. */
  readonly provider: Hex;
  readonly award: Hex;
  /** The provider's signature over `Accept`. */
  readonly accept: Hex;
  readonly verdict: RunVerdict;
  readonly output: Hex | null;
  readonly outputBytes: number;
  readonly fuel: number;
  readonly rate: Amount;
  readonly salt: Hex;
  readonly saltedOutput: Hex;
  readonly price: Amount;
  readonly fee: Amount;
  readonly checks: Amount;
  readonly due: Instant;
  readonly signature: Hex;
  readonly receipt: Hex;
  readonly paidUpTo: TaskEnd["paidUpTo"];
};

/** How a task ended: what its requester is told. */
export type TaskEnd = {
  readonly reason: string;
  readonly provider: Hex | null;
  /** How the run ended that was paid for; null when none was. */
  readonly verdict: RunVerdict | null;
  readonly output: Hex | null;
  readonly outputBytes: number;
  /** What was billed: the limit of a run that was cancelled, 0 where nothing was. */
  readonly fuel: number;
  /** At which rate; 0 where nothing was. */
  readonly rate: Amount;
  /** Opens the invoice's salted hash; null for a prepaid task. */
  readonly salt: Hex | null;
  readonly spent: Amount;
  readonly fee: Amount;
  readonly checks: Amount;
  readonly receipt: Hex | null;
  /** The lane's cumulative that pays each provider; claimed up to there means settled. */
  readonly paidUpTo: readonly {
    readonly payee: Hex;
    readonly role: "run" | "check";
    readonly epoch: number;
    readonly cumulative: Amount;
    readonly amount: Amount;
  }[];
};

/**
 * Moves a task on.
 *
 * @throws {@link Fault} `impossible` when the table has no such transition: a decision was wrong, not an input
 */
export function moveTo(task: Task, state: TaskState, change: Partial<Task> = {}): Task {
  const legal: readonly TaskState[] = TRANSITIONS[task.state];
  if (!legal.includes(state)) {
    throw new Fault("impossible", `a task cannot go from ${task.state} to ${state}`, {
      facts: { task: task.id },
    });
  }
  return { ...task, ...change, state };
}

/** The price of a whole fuel limit at a rate: what is set aside for it, and the gateway's part. */
export function mostOf(
  rate: Amount,
  fuelLimit: number,
  feeBasisPoints: number,
): { readonly price: Amount; readonly fee: Amount } {
  const price = priceOf(rate, fuelLimit);
  return { price, fee: feeOf(price, feeBasisPoints) };
}

/** An assignment with what its run has come to, which from then on is what it costs. */
export function withOutcome(
  assignment: Assignment,
  outcome: Outcome & { readonly outputBytes: number },
): Assignment {
  const { verdict, output, outputBytes, fuel } = outcome;
  const price = priceOf(assignment.rate, fuel);
  const fee = feeOf(price, assignment.feeBasisPoints);
  return { ...assignment, stage: "delivered", verdict, output, outputBytes, fuel, price, fee };
}

/** What a delivered assignment's run has come to; null before. */
export function outcomeIn(assignment: Assignment | null): Outcome | null {
  if (!assignment?.verdict) return null;
  const { verdict, output, fuel } = assignment;
  return { verdict, output, fuel };
}

/** The assignment whose run is the answer. */
export function answerOf(task: Task, provider: Hex): Assignment | null {
  return task.run?.provider === provider ? task.run : task.check;
}

/** A task without one of its providers. Who has only declined may bid again; any other is out of it for good. */
export function without(task: Task, role: "run" | "check", provider: Hex, how: string): Task {
  if (how !== "declined") return { ...task, [role]: null, out: [...task.out, provider] };
  return { ...task, [role]: null, bids: task.bids.filter((bid) => bid.provider !== provider) };
}
