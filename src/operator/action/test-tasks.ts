/**
 * Test tasks: a device runs once more what it was paid for before, offered by the gateway's own small wallet to it alone.
 *
 * The task is like any other: it is journalled, verified and paid, and shows among all tasks. The gateway runs it too
 * (`exchange/decide.ts`), so that another output or bill than before is rejected as any wrong answer is.
 */
import type { Hex } from "../../base/bytes.ts";
import type { Clock } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import { type Amount, amount, formatAmount } from "../../base/money.ts";
import { creditAfter } from "../../exchange/charge.ts";
import { whyObstructed } from "../../exchange/house.ts";
import type { Outgoing } from "../../exchange/outbox.ts";
import type { Obstacle, State } from "../../exchange/state.ts";
import { isOperator } from "../../market/roster.ts";
import type { MarketRules } from "../../market/rules.ts";
import { roomOf } from "../../payment/lane.ts";
import { incomingLane } from "../../payment/payment.ts";
import { standingOf } from "../../payment/standing.ts";
import { type Draft, encodeDraft } from "../../protocol/draft.ts";
import type { Message } from "../../protocol/message.ts";
import type { Market } from "../../protocol/typed-data.ts";
import type { KeptWallet } from "../wallet-folder.ts";
import { offerOf, type Rehearsal, rehearsalOf, testUnderWay } from "./rehearsal.ts";
import { openTestWallet, TEST_WALLET, testWallet } from "./test-wallet.ts";

export type TestTaskParts = {
  readonly data: string;
  readonly market: Market;
  readonly decimals: number;
  readonly rules: MarketRules;
  readonly state: State;
  readonly clock: Pick<Clock, "now">;
  /** What is kept of the bytes of tasks. */
  readonly store: { readonly sizeOf: (hash: Hex) => number | null };
  /** The devices on the line, and what is said to one that is not. */
  readonly reception: {
    readonly runs: (device: Hex, what: Pick<Message<"announce">, "profile" | "memoryMiB">) => boolean;
    readonly listen: (device: Hex, heard: (outgoing: Outgoing) => void) => void;
  };
  /** Takes what the wallet says, as it takes a board's. */
  readonly custody: {
    readonly submit: (by: Hex, topic: "voucher" | "offer", payload: Uint8Array) => Promise<void>;
  };
  readonly enrolment: {
    readonly keptWallet: (device: Hex) => KeptWallet | null;
    readonly refresh: () => Promise<void>;
  };
  readonly onFault: (fault: unknown) => void;
  /** What keeps this machine from taking new work on; without it, nothing ever does. */
  readonly obstacle?: () => Obstacle | null;
};

/** What was sent and is not answered yet: what it has to come to. */
type Awaited = Pick<Rehearsal, "end"> & { readonly name: string };

/** Tests whose outcome is waited for; the oldest is forgotten first. */
const MOST_AWAITED = 256;

export class TestTasks {
  readonly #parts: TestTaskParts;
  /** What was refused to the wallet, by the id of what it had said, while somebody waits for that. */
  readonly #refused = new Map<string, Message<"refusal">>();
  readonly #awaited = new Map<Hex, Awaited>();
  /** One at a time: each counts on the credit that the one before has left. */
  #turn: Promise<unknown> = Promise.resolve();
  #listening: Hex | null = null;

  constructor(parts: TestTaskParts) {
    this.#parts = parts;
  }

  /** Whether {@link send} would go well now, or why not; before the first test, that there is no money yet is no reason. */
  readiness(device: Hex): { readonly ready: boolean; readonly why: string } {
    const found = this.#ready(device);
    if (typeof found === "string") return { ready: false, why: found };
    const wallet = testWallet(this.#parts.data);
    if (!wallet)
      return { ready: true, why: `the first test makes the wallet ${TEST_WALLET}, which pays for it` };
    const short = this.#shortOf(wallet.device, this.#offer(found, device).maxPrice);
    return short === null ? { ready: true, why: "" } : { ready: false, why: short };
  }

  /**
   * Has the device run once more what it was paid for before. Resolves to the task once its offer is journalled.
   *
   * @throws {@link Fault} `usage` when there is nothing to run, the device is not there or a test of it is under way;
   * `funds_short` with the command that mends it; `refused` when the gateway's own rules refuse it; `disk_failed`
   */
  send(device: Hex): Promise<Hex> {
    const turn = this.#turn.then(() => this.#send(device));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #send(device: Hex): Promise<Hex> {
    const { data, market, enrolment } = this.#parts;
    const found = this.#ready(device);
    if (typeof found === "string") throw new Fault("usage", `${this.#nameOf(device)}: ${found}`);
    const { device: wallet, isNew } = openTestWallet(data, market);
    if (isNew || enrolment.keptWallet(wallet) === null) await enrolment.refresh();
    this.#listen(wallet);
    const offer = this.#offer(found, device);
    const short = this.#shortOf(wallet, offer.maxPrice);
    if (short !== null) throw new Fault("funds_short", short);
    await this.#pay(wallet, offer);
    await this.#say(wallet, "offer", offer.id, encodeDraft("offer", offer));
    const task = this.#parts.state.answers.get(wallet)?.get(offer.id)?.task;
    if (!task) throw new Fault("refused", "the test task was not taken; see hirewire log");
    this.#await(task, { end: found.end, name: this.#nameOf(device) });
    return task;
  }

  /** What there is to run, or why nothing is sent, in words. */
  #ready(device: Hex): Rehearsal | string {
    const { state, store, reception, rules } = this.#parts;
    const known = state.roster.get(device);
    if (!known || isOperator(known)) return "it is no device";
    if (state.disabled.has(device)) return `it is disabled: hirewire devices enable ${known.name}`;
    if (state.payment.stopped !== null)
      return `nothing is paid: ${state.payment.stopped}; hirewire resume-paying`;
    if (state.halted !== null) return `no offers are taken: ${state.halted}; hirewire resume`;
    const obstructed = whyObstructed({ obstacle: this.#parts.obstacle?.() ?? null });
    if (obstructed) return obstructed.hint;
    const underWay = testUnderWay(state, device);
    if (underWay) return `a test of it is under way: ${underWay.id}`;
    const isMetered = ({ meter, costs }: Rehearsal["task"]) =>
      meter === rules.meter.version && costs === rules.meter.costs;
    const found = rehearsalOf(state, device, (hash) => store.sizeOf(hash), isMetered);
    if (found === null) return "it was paid for no answer yet that could be asked for again";
    if (found === "bytes")
      return "firmware or input of what it has answered are not kept any more: blobs.retention_ms";
    return reception.runs(device, found.task)
      ? found
      : "it is not connected, or does not run such firmware now";
  }

  #offer(found: Rehearsal, device: Hex): Draft<"offer"> {
    return offerOf(found, device, this.#parts.clock.now(), this.#parts.rules);
  }

  /** Why the wallet cannot pay this price, with the command that mends it; null when it can. */
  #shortOf(wallet: Hex, price: Amount): string | null {
    const { state, market, decimals, enrolment } = this.#parts;
    const needed = this.#missing(wallet, price);
    if (needed === 0n) return null;
    const money = (count: bigint) => formatAmount(amount(count), decimals);
    const lane = incomingLane(state.payment, market, wallet);
    if (lane.closeAt !== 0) return `the lane of ${TEST_WALLET} is closing: open it anew once it is closed`;
    const room = roomOf(lane);
    if (room < needed) {
      const mend = `hirewire fund ${TEST_WALLET} 0.10 --from KEYFILE`;
      return `the wallet ${TEST_WALLET} has ${money(room)} left, and this may cost ${money(price)}: ${mend}`;
    }
    const { promised } = standingOf(state.payment.standings, wallet);
    const cap = enrolment.keptWallet(wallet)?.cap ?? null;
    if (cap === null || promised + needed <= cap) return null;
    return `the cap of the wallet ${TEST_WALLET}, ${money(cap)}, is used up: hirewire device cap ${TEST_WALLET} AMOUNT`;
  }

  /** What has to be signed for the price to be covered by credit. */
  #missing(wallet: Hex, price: Amount): bigint {
    const credit = creditAfter(this.#parts.state, wallet, []);
    return credit < price ? price - credit : 0n;
  }

  async #pay(wallet: Hex, { maxPrice }: Draft<"offer">): Promise<void> {
    const { state, market } = this.#parts;
    const needed = this.#missing(wallet, maxPrice);
    if (needed === 0n) return;
    const { epoch, signed } = incomingLane(state.payment, market, wallet);
    const cumulative = amount(signed + needed);
    const draft = { version: 1 as const, id: `v-${epoch}-${cumulative}`, epoch, cumulative };
    await this.#say(wallet, "voucher", draft.id, encodeDraft("voucher", draft));
  }

  async #say(wallet: Hex, topic: "voucher" | "offer", id: string, text: string): Promise<void> {
    this.#refused.delete(id);
    await this.#parts.custody.submit(wallet, topic, new TextEncoder().encode(text));
    const refusal = this.#refused.get(id);
    this.#refused.delete(id);
    if (refusal)
      throw new Fault(
        "refused",
        `the ${topic} of ${TEST_WALLET} was refused, ${refusal.code}: ${refusal.hint}`,
      );
  }

  #listen(wallet: Hex): void {
    if (this.#listening === wallet) return;
    this.#listening = wallet;
    this.#parts.reception.listen(wallet, (outgoing) => {
      if (outgoing.topic === "answer") this.#answered(outgoing.message);
      if (outgoing.topic !== "refusal" || outgoing.message.id === null) return;
      this.#refused.set(outgoing.message.id, outgoing.message);
    });
  }

  #await(task: Hex, awaited: Awaited): void {
    this.#awaited.set(task, awaited);
    const [oldest] = this.#awaited.keys();
    if (this.#awaited.size > MOST_AWAITED && oldest !== undefined) this.#awaited.delete(oldest);
  }

  /** What was found right now and is not what was found right before tells of a wrong answer that was paid for. */
  #answered({ task, state, output, fuel }: Message<"answer">): void {
    const awaited = this.#awaited.get(task);
    this.#awaited.delete(task);
    if (!awaited || state !== "paid") return;
    if (output === awaited.end.output && fuel === awaited.end.fuel) return;
    const words = `test ${task}: ${awaited.name} gave another output or bill than it was paid for before`;
    this.#parts.onFault(new Fault("firmware_failed", words, { facts: { task } }));
  }

  #nameOf(device: Hex): string {
    return this.#parts.state.roster.get(device)?.name ?? device;
  }
}
