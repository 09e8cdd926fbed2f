/**
 * What a task costs at its end, and who pays it when: out of the hold, or as a debt that a voucher makes good.
 *
 * Pure. Each function returns facts with their postings; vouchers and receipts are signed later (`seal.ts`).
 */
import type { Hex } from "../base/bytes.ts";
import { instant } from "../base/clock.ts";
import { type Amount, add, amount, subtract, ZERO } from "../base/money.ts";
import { heldFor, openTasks } from "../market/market.ts";
import type { Assignment, Task } from "../market/task.ts";
import { type Account, move } from "../payment/books.ts";
import {
  creditOf,
  type Due,
  decideBill,
  decidePayout,
  hubRoom,
  owedBy,
  release,
} from "../payment/payment.ts";
import { creditLimit } from "../payment/standing.ts";
import {
  type END_STATES,
  type Fact,
  type FactNamed,
  type Leg,
  postingsOf,
  UNSIGNED,
} from "../protocol/facts.ts";
import { NO_OUTPUT, saltedHash } from "../protocol/typed-data.ts";
import type { Context, State } from "./state.ts";

/**
 * What a prepaid task reserves of its requester's credit from its offer to its end: `maxPrice` and `checkBudget`.
 *
 * @throws {@link Fault} `amount_range` when both together exceed `MAX_AMOUNT`
 */
function heldBy(task: Task): Amount {
  return task.payment === "result" ? ZERO : budgetOf(task);
}

/** The most that a task can cost. */
function budgetOf({ maxPrice, checkBudget }: Pick<Task, "maxPrice" | "checkBudget">): Amount {
  return add(maxPrice, checkBudget);
}

/** What these requesters' on-result tasks can still come to, besides what they have been invoiced for. */
export function openOnResult(state: State, requesters: readonly Hex[]): bigint {
  const theirs = new Set(requesters);
  let sum = 0n;
  for (const task of openTasks(state.market)) {
    const counts = theirs.has(task.requester) && task.payment === "result" && task.state !== "invoiced";
    if (counts) sum += budgetOf(task);
  }
  return sum;
}

/** The end of a task that costs nobody anything. */
export function endFree(task: Task, state: (typeof END_STATES)[number], reason: string): FactNamed<"ended"> {
  const { id, requester } = task;
  const postings = [...release(requester, heldBy(task))];
  const bill = { requester, price: ZERO, fee: ZERO, checks: ZERO, legs: [], postings };
  return { kind: "ended", task: id, state, reason, ...bill };
}

/**
 * A cancelled task: free unless its provider has accepted, who then gets the price of the whole fuel limit, as nobody can
 * check what its run has burnt so far.
 *
 * @param before - what the same record signs already
 */
export function endCancelled(
  state: State,
  context: Context,
  task: Task,
  reason: string,
  before: readonly Leg[] = [],
): FactNamed<"ended"> {
  const free = endFree(task, "cancelled", reason);
  const { id, requester, run } = task;
  if (!run || run.stage === "awarded") return free;
  const due: Due = { payee: run.provider, role: "run", price: run.price, fee: run.fee };
  const bill = decideBill(state.payment, context.market, sourceOf(task), [due], before);
  const rest = release(requester, left(task, bill.price));
  const postings = [...bill.postings, ...rest];
  return { kind: "ended", task: id, state: "cancelled", reason, requester, checks: ZERO, ...bill, postings };
}

function sourceOf({ payment, requester }: Task): `${"held" | "owed"}:${Hex}` {
  return payment === "result" ? `owed:${requester}` : `held:${requester}`;
}

function left(task: Task, price: Amount): Amount {
  return task.payment === "result" ? ZERO : subtract(heldBy(task), price);
}

/** Pays for an accepted answer; the requester's part comes out of its hold, or is invoiced. */
export function charge(
  state: State,
  context: Context,
  task: Task,
  answer: Assignment,
  dues: readonly Due[],
): Fact[] {
  const { id, requester } = task;
  const bill = decideBill(state.payment, context.market, sourceOf(task), dues);
  const checks = subtract(bill.price, answer.price);
  const { provider, fuel } = answer;
  const cost = { ...bill, task: id, requester, provider, fuel, checks, receipt: UNSIGNED };
  if (task.payment === "prepaid") {
    const postings = [...bill.postings, ...release(requester, left(task, bill.price))];
    return [{ kind: "paid", ...cost, postings }];
  }
  const salt = context.salt();
  const saltedOutput = saltedHash(salt, answer.output ?? NO_OUTPUT);
  const due = instant(context.now + context.limits.invoiceMs);
  const invoiced: Fact = { kind: "invoiced", ...cost, salt, saltedOutput, due, signature: UNSIGNED };
  const credit = creditAfter(state, requester, [invoiced]);
  return credit < bill.price ? [invoiced] : [invoiced, invoicePaid(id, invoiced)];
}

type Invoiced = Omit<FactNamed<"paid">, "kind" | "task" | "legs" | "postings">;

function invoicePaid(task: Hex, invoice: Invoiced): FactNamed<"paid"> {
  const { requester, provider, fuel, price, fee, checks, receipt } = invoice;
  const postings = move(`credit:${requester}`, `owed:${requester}`, price);
  return { kind: "paid", task, requester, provider, fuel, price, fee, checks, receipt, legs: [], postings };
}

/** What a requester's new credit makes good: its invoices in the order they were written, then any other debt. */
export function payDebts(state: State, requester: Hex, before: readonly Fact[]): Fact[] {
  let credit = creditAfter(state, requester, before);
  let owed: bigint = owedBy(state.payment, requester);
  if (owed === 0n) return [];
  const paid: Fact[] = [];
  let invoiced = 0n;
  for (const task of openTasks(state.market)) {
    if (task.requester !== requester || task.state !== "invoiced" || !task.invoice) continue;
    const { price } = task.invoice;
    invoiced += price;
    if (price > credit) continue;
    paid.push(invoicePaid(task.id, { ...task.invoice, requester }));
    credit -= price;
    owed -= price;
    invoiced -= price;
  }
  const other = owed - invoiced;
  const sum = amount(other < credit ? other : credit);
  if (sum === 0n) return paid;
  const postings = move(`credit:${requester}`, `owed:${requester}`, sum);
  return [...paid, { kind: "debtPaid", device: requester, amount: sum, postings }];
}

/**
 * A device's credit once these facts are applied, as far as its deposit stands behind it: a reorganization may have
 * taken a deposit away that was signed on.
 */
export function creditAfter(state: State, device: Hex, facts: readonly Fact[]): bigint {
  const credit = creditOf(state.payment, device) - changeOf(`credit:${device}`, facts);
  const lane = state.payment.incoming.get(device);
  const unbacked = lane && lane.signed > lane.deposit ? lane.signed - lane.deposit : 0n;
  return credit > unbacked ? credit - unbacked : 0n;
}

/** What of a device's credit may leave it once these facts are applied: what it owes stays behind. */
export function freeAfter(state: State, device: Hex, facts: readonly Fact[]): bigint {
  const credit = creditAfter(state, device, facts);
  const owed = owedBy(state.payment, device) + changeOf(`owed:${device}`, facts);
  return credit > owed ? credit - owed : 0n;
}

function changeOf(account: Account, facts: readonly Fact[]): bigint {
  return postingsOf(facts).reduce((sum, one) => (one.account === account ? sum + one.change : sum), 0n);
}

/**
 * Credit above a device's limit goes back to it, with whatever else this record does. What a payout of the same record
 * has left had no room: a second one would sign the same room again.
 */
export function payOutExcess(state: State, context: Context, facts: readonly Fact[]): Fact[] {
  const devices = new Set(postingsOf(facts).map(({ account }) => deviceIn(account)));
  const found: Fact[] = [];
  for (const device of devices) {
    if (device === null || facts.some((one) => one.kind === "creditPaidOut" && one.device === device))
      continue;
    const credit = freeAfter(state, device, facts);
    const limit = creditLimit(state.payment.standings, device, context.limits);
    if (limit !== null && credit > limit) {
      const payout = payOut(state, context, device, credit, legsOf(facts));
      if (payout) found.push(payout);
    }
  }
  return found;
}

function deviceIn(account: string): Hex | null {
  return account.startsWith("credit:") ? (account.slice("credit:".length) as Hex) : null;
}

/**
 * Credit of a device's on the gateway's lane to it, as far as that has room beside what its running awards need.
 *
 * @param credit - what may leave, see {@link freeAfter}
 */
export function payOut(
  state: State,
  context: Context,
  device: Hex,
  credit: bigint,
  legs: readonly Leg[],
): FactNamed<"creditPaidOut"> | null {
  const room = hubRoom(state.payment, context.market, device, heldFor(state.market, device));
  const sum = amount(credit < room ? credit : room);
  return sum === 0n ? null : decidePayout(state.payment, context.market, device, sum, legs);
}

function legsOf(facts: readonly Fact[]): readonly Leg[] {
  return facts.flatMap((fact) => ("legs" in fact ? fact.legs : []));
}
