/**
 * What a provider is owed and what it has been paid: before an award is accepted, and after its work is done.
 *
 * Work that was done and not paid for counts as owed for a day: so much a gateway can run away with in a day.
 */
import type { Hex } from "../../src/base/bytes.ts";
import { type Instant, instant } from "../../src/base/clock.ts";
import { type Amount, subtract, ZERO } from "../../src/base/money.ts";
import { feeOf, priceOf } from "../../src/protocol/fuel.ts";
import type { Message } from "../../src/protocol/message.ts";
import type { Breach } from "./events.ts";
import { whyUnpayable } from "./lane-check.ts";
import type { RobotParts } from "./parts.ts";

export type EarningsOptions = {
  /** The shortest challenge window of the gateway's lane that is put up with, seconds; an hour unless told. */
  readonly minWindow?: number;
  /**
   * The most that may be accepted or delivered and not paid. Unless told, all that the lane has room for; where the
   * gateway's word is taken for that, ten times the largest price that could come of what was asked so far.
   */
  readonly exposure?: Amount;
};

/** One award's pay. */
type Claim = {
  readonly award: Message<"award">;
  /** What its provider receives, fee taken off: for the whole fuel limit, and once it is delivered for its fuel. */
  due: Amount;
  /** An earlier process of this device had accepted it, and may have delivered. */
  readonly isAccepted: boolean;
  /** Gateway time from which it counts no longer, paid or not. */
  readonly until: Instant;
  isDelivered: boolean;
  /** Its receipt was quicker than the voucher of its payment could be saved. */
  isReceipted: boolean;
};

/** How long after its end an award that nobody pays counts as owed, milliseconds. */
const UNPAID_MS = 86_400_000;
/** From a payment to its receipt, milliseconds. */
const RECEIPT_MS = 30_000;
/** The shortest challenge window unless told, seconds. */
const MIN_WINDOW = 3_600;
/** Largest prices that a gateway whose word is taken may owe, unless told. */
const TRUSTED_PRICES = 10n;
/** Awards whose payment is known when it is said again: more than can be said again at one session. */
const REMEMBERED = 4_096;

export class Earnings {
  readonly #parts: RobotParts;
  readonly #options: EarningsOptions;
  /** By the award's hash. */
  readonly #claims = new Map<Hex, Claim>();
  /** Those that were paid last, by task and role. */
  readonly #paid = new Set<string>();
  /** Receipts that are waited for, by task, and what ends the wait. */
  readonly #unreceipted = new Map<Hex, () => void>();
  #largestPrice: Amount = ZERO;
  #isStopped: boolean = false;

  constructor(parts: RobotParts, options: EarningsOptions) {
    this.#parts = parts;
    this.#options = options;
  }

  /** A rate was asked that may come to this price. */
  asked(price: Amount): void {
    if (price > this.#largestPrice) this.#largestPrice = price;
  }

  /**
   * Counts an award as owed, if the gateway's lane can pay for it; else says why not. Reads the lane.
   *
   * @param isAccepted - an earlier process of this device has accepted it
   */
  async claim(hash: Hex, award: Message<"award">, isAccepted: boolean): Promise<string | null> {
    const { lanes, wallet, events, takings, now } = this.#parts;
    const { minWindow = MIN_WINDOW } = this.#options;
    const { runBy } = award;
    try {
      const due = dueOf(award, award.fuelLimit);
      const sight = await lanes.reverse();
      // From here to the claim nothing is awaited: two awards must not both take the last of the room.
      const { promisedEpoch } = lanes;
      const received = wallet.receivedIn(sight.epoch);
      const owed = { received, unpaid: this.#unpaid(), limit: this.#limit() };
      const reason = whyUnpayable(sight, { due, runBy, isAccepted, promisedEpoch, minWindow, ...owed });
      if (reason !== null) return reason;
      const until = instant(Math.max(runBy, now()) + UNPAID_MS);
      this.#claims.set(hash, { award, due, until, isAccepted, isDelivered: false, isReceipted: false });
      takings.expect();
      return null;
    } catch (error) {
      events.emit({ kind: "fault", error });
      return "the gateway's lane to us cannot be read";
    }
  }

  /** Nothing is owed for an award: no work was done. */
  drop(hash: Hex): void {
    if (this.#claims.delete(hash)) this.#parts.takings.unexpect();
  }

  /** Its result is with the gateway: what its fuel costs is due, and a receipt with the payment. */
  delivered(hash: Hex, fuel: number): void {
    const claim = this.#claims.get(hash);
    if (!claim) return;
    claim.due = dueOf(claim.award, fuel);
    claim.isDelivered = true;
  }

  /** A payment has come; the hash of the award that it pays, if the vouchers have grown by what that was to pay. */
  paid({ task, role, amount }: Message<"payment">): Hex | null {
    const { takings } = this.#parts;
    const name = `${task} ${role}`;
    // A gateway that comes back says it for the accept and for the result: what else has grown is not for this.
    if (this.#paid.has(name)) return null;
    const found = [...this.#claims].find(([, { award }]) => award.task === task && award.role === role);
    if (!found || task === null) {
      // Work of an earlier process: there is nothing to hold the payment against.
      takings.drawRest(amount);
      return null;
    }
    const [hash, claim] = found;
    const { isDelivered, isReceipted } = claim;
    // What an earlier process has delivered is paid by a fuel that we do not know yet.
    const due = claim.isAccepted && !isDelivered && amount < claim.due ? amount : claim.due;
    if (amount < due || !takings.draw(due)) {
      this.breach(task, "underpaid", `${due} was agreed, and its voucher does not add that`);
      return null;
    }
    // Cancelled while its result was on the way, it is paid for the whole limit.
    takings.drawRest(subtract(amount, due));
    this.drop(hash);
    this.#paid.add(name);
    const [oldest = name] = this.#paid;
    if (this.#paid.size > REMEMBERED) this.#paid.delete(oldest);
    if (isDelivered && !isReceipted && role === "run") this.#awaitReceipt(task);
    return hash;
  }

  /** A receipt for a task, signed by the gateway. */
  receipted(task: Hex): void {
    this.#unreceipted.get(task)?.();
    this.#unreceipted.delete(task);
    for (const claim of this.#claims.values()) if (claim.award.task === task) claim.isReceipted = true;
  }

  #awaitReceipt(task: Hex): void {
    if (this.#isStopped) return;
    const missing = () => {
      this.#unreceipted.delete(task);
      this.breach(task, "receipt_missing", "no receipt came with the payment");
    };
    this.#unreceipted.set(task, this.#parts.clock.after(RECEIPT_MS, missing));
  }

  breach(task: Hex, breach: Breach, reason: string): void {
    this.#parts.events.emit({ kind: "breached", task, side: "provider", breach, reason });
  }

  /** Waits for nothing any more. */
  stop(): void {
    this.#isStopped = true;
    for (const unwatch of this.#unreceipted.values()) unwatch();
    this.#unreceipted.clear();
  }

  #unpaid(): bigint {
    const now = this.#parts.now();
    let sum = 0n;
    for (const [hash, { due, until }] of this.#claims) {
      if (until <= now) this.drop(hash);
      else sum += due;
    }
    return sum;
  }

  #limit(): bigint | null {
    const trusted = this.#parts.lanes.isTrusting ? TRUSTED_PRICES * this.#largestPrice : null;
    return this.#options.exposure ?? trusted;
  }
}

/** What the provider receives for so much fuel. */
function dueOf({ rate, feeBasisPoints }: Message<"award">, fuel: number): Amount {
  const price = priceOf(rate, fuel);
  return subtract(price, feeOf(price, feeBasisPoints));
}
