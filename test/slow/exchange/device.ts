/**
 * A device that survives its gateway: what it has signed, what it was told, and the commands that nobody has answered.
 *
 * Real keys and real messages, no network. It repeats a command byte for byte until it is answered, as the SDK does.
 */
import { expect } from "vitest";
import type { Hex } from "../../../src/base/bytes.ts";
import { instant } from "../../../src/base/clock.ts";
import { amount } from "../../../src/base/money.ts";
import type { Outgoing } from "../../../src/exchange/outbox.ts";
import type { Outcome } from "../../../src/protocol/fuel.ts";
import { encodeMessage, type Message } from "../../../src/protocol/message.ts";
import type { Signer } from "../../../src/protocol/signer.ts";
import type { CommandTopic } from "../../../src/protocol/topic.ts";
import { awardDigest } from "../../../src/protocol/typed-data.ts";
import { type Voucher, voucherPayer } from "../../../src/protocol/voucher.ts";
import {
  accept,
  bid,
  FUEL,
  GATEWAY,
  hash32,
  MARKET,
  offer,
  offerTerms,
  outcome,
  result,
  taskOfOffer,
  voucherOf,
} from "../../exchange/stage.ts";
import type { Random } from "./random.ts";

export type Command = {
  readonly topic: CommandTopic;
  readonly bytes: string;
  /** Total that its voucher promises; null without one. */
  readonly cumulative: bigint | null;
  /** Repeated although it was acked, until the task's answer is there. */
  readonly task: Hex | null;
};

/** What a task comes to on every machine: one in four ends in a trap, each with a bill of its own. */
export function truthOf(task: Hex): Outcome {
  const digit = Number.parseInt(task.slice(-1), 16);
  const fuel = ((digit + 1) * FUEL) / 16;
  return outcome({ verdict: digit % 4 === 3 ? "trap" : "ok", output: hash32(0x01), fuel });
}

export class Device {
  readonly signer: Signer;
  readonly serves: boolean;
  /** By id, oldest first. */
  readonly waiting = new Map<string, Command>();
  /** Highest total signed to the gateway, and the highest that was acknowledged. */
  signed = 0n;
  acked = 0n;
  /** The gateway's highest voucher. */
  heard: Voucher | null = null;
  /** What each task has cost, as its answer said. */
  readonly answers = new Map<Hex, Message<"answer">>();
  readonly #invoices = new Set<Hex>();
  readonly #awards = new Map<Hex, "accepted" | "over">();
  readonly #paid = new Map<string, bigint>();
  readonly #random: Random;
  #ids = 0;

  constructor(signer: Signer, serves: boolean, random: Random) {
    this.signer = signer;
    this.serves = serves;
    this.#random = random;
  }

  get address(): Hex {
    return this.signer.address;
  }

  /** The total that the gateway has promised to this device. */
  get received(): bigint {
    return this.heard?.cumulative ?? 0n;
  }

  /** What all answers told of have cost. */
  get spent(): bigint {
    return [...this.answers.values()].reduce((sum, { spent }) => sum + spent, 0n);
  }

  /** Tasks of this device that nothing final was heard of. */
  get open(): readonly Hex[] {
    return [...this.waiting.values()].flatMap(({ task }) => (task === null ? [] : [task]));
  }

  async pay(more: bigint): Promise<void> {
    const voucher = await this.#voucher(more);
    this.#wait("voucher", { version: 1, id: this.#id(), voucher });
  }

  /** Offers a task; a prepaid one brings all the money that it may cost. */
  async offer(now: number, maxPrice: bigint, payment: "prepaid" | "result"): Promise<void> {
    const checkBudget = amount(this.#random.chance(0.5) ? maxPrice : 0n);
    const voucher = payment === "prepaid" ? await this.#voucher(maxPrice + checkBudget) : undefined;
    const deadline = instant(now + 500 + this.#random.below(60_000));
    const terms = offerTerms(this.#id(), {
      ...{ maxPrice: amount(maxPrice), checkBudget, deadline, payment },
      ...(voucher && { voucher }),
    });
    this.#wait("offer", await offer(this.signer, terms), taskOfOffer(this.signer, terms));
  }

  cancel(task: Hex): void {
    this.#wait("cancel", { version: 1, id: this.#id(), task });
  }

  payout(): void {
    this.#wait("payout", { version: 1, id: this.#id() });
  }

  /** Takes in one message, and does what a device does then. */
  async hear({ topic, message }: Outgoing): Promise<void> {
    switch (topic) {
      case "ack":
        return await this.#acknowledged(message);
      case "refusal":
        if (message.id !== null) this.waiting.delete(message.id);
        return;
      case "announce":
        if (this.serves && this.#random.chance(0.8)) await this.#bid(message);
        return;
      case "award":
        return await this.#awarded(message);
      case "invoice":
        if (this.#invoices.has(message.task)) return;
        this.#invoices.add(message.task);
        return await this.pay(message.price);
      case "payment":
        return this.#takeIn(message);
      case "answer":
        return this.#answered(message);
      default:
    }
  }

  async #acknowledged({ id }: Message<"ack">): Promise<void> {
    const command = this.waiting.get(id);
    if (!command) return;
    if (command.cumulative !== null && command.cumulative > this.acked) this.acked = command.cumulative;
    if (command.task === null) this.waiting.delete(id);
    if (command.topic !== "accept") return;
    const { task, award } = JSON.parse(command.bytes) as Message<"accept">;
    const luck = this.#random.draw();
    if (luck < 0.8) {
      const truth = truthOf(task);
      const lies = [{ output: hash32(0x02) }, { fuel: FUEL }, { verdict: "out-of-fuel" as const }];
      const lie = this.#random.chance(0.25) ? this.#random.pick(lies) : {};
      const ran = outcome({ ...truth, output: truth.output ?? hash32(0x01), ...lie });
      this.#wait("result", await result(this.signer, this.#id(), task, award, ran));
    } else if (luck < 0.95) {
      this.#wait("forfeit", { version: 1, id: this.#id(), task, reason: "tired" });
    }
    this.#awards.set(award, "over");
  }

  async #bid({ task, maxPrice, deadline }: Message<"announce">): Promise<void> {
    const rate = maxPrice - (maxPrice * BigInt(this.#random.below(50))) / 100n;
    this.#wait("bid", await bid(this.signer, this.#id(), task, rate, deadline));
  }

  async #awarded(message: Message<"award">): Promise<void> {
    const award = awardDigest(MARKET, message);
    if (this.#awards.has(award)) return;
    const declines = this.#random.chance(0.1);
    this.#awards.set(award, declines ? "over" : "accepted");
    if (declines) this.#wait("decline", { version: 1, id: this.#id(), task: message.task });
    else this.#wait("accept", await accept(this.signer, this.#id(), message.task, award));
  }

  #takeIn({ task, role, amount: sum, voucher }: Message<"payment">): void {
    expect(voucherPayer(voucher)).toBe(GATEWAY.address);
    expect(voucher).toMatchObject({ payee: this.address, token: MARKET.token, epoch: 0 });
    if (task !== null) {
      const what = `${task} ${role}`;
      expect(this.#paid.get(what) ?? sum, `${what} was paid for with two amounts`).toBe(sum);
      this.#paid.set(what, sum);
    }
    if (voucher.cumulative > this.received) this.heard = voucher;
  }

  #answered(answer: Message<"answer">): void {
    const { credit: _, ...rest } = answer;
    const { credit: __, ...before } = this.answers.get(answer.task) ?? answer;
    expect(rest).toEqual(before);
    this.answers.set(answer.task, answer);
    for (const [id, { task, topic }] of this.waiting) {
      if (task === answer.task && topic === "offer") this.waiting.delete(id);
    }
  }

  async #voucher(more: bigint): Promise<Voucher> {
    // before the bytes leave
    this.signed += more;
    return await voucherOf(this.signer, this.signed);
  }

  #id(): string {
    this.#ids += 1;
    return `c-${this.#ids}`;
  }

  #wait<T extends CommandTopic>(topic: T, message: Message<T>, task: Hex | null = null): void {
    const voucher = "voucher" in message ? message.voucher : undefined;
    const cumulative = voucher?.cumulative ?? null;
    this.waiting.set(message.id, { topic, bytes: encodeMessage(topic, message), cumulative, task });
  }
}
