/** Orders that are called off, or whose robot is closed, at any turn of their way: what is signed, sent and paid for. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Answer } from "../../../devices/robot/order.ts";
import { type Amount, amount } from "../../../src/base/money.ts";
import type { Message } from "../../../src/protocol/message.ts";
import type { Voucher } from "../../../src/protocol/voucher.ts";
import { CountingClock, listeners } from "./counting-clock.ts";
import { firmware, input, RequesterStand } from "./requester-stand.ts";

type Script = {
  /** What the gateway does with the order's first offer; a second one it answers. */
  readonly fate: "answer" | "refuse" | "creditShort" | "onCancel";
  readonly payment: "prepaid" | "result";
  /** Whether a provider had accepted when it was cancelled. */
  readonly isBilled: boolean;
  readonly abort: { readonly turns: number; readonly microtasks: number } | null;
};
type Ended = { readonly answer: Answer } | { readonly error: unknown };

const FUEL = 1_000;
const CREDIT = amount(900_000n);
const LANE = { epoch: 1, deposit: amount(1_000_000n), settled: amount(0n), closeAt: 0, window: 1 };
const CANCELLED = { state: "cancelled", verdict: null, output: null, outputBytes: 0, salt: null } as const;

const moment = fc.record({ turns: fc.nat(16), microtasks: fc.nat(30) });
const script: fc.Arbitrary<Script> = fc.record({
  fate: fc.constantFrom("answer", "refuse", "creditShort", "onCancel"),
  payment: fc.constantFrom("prepaid", "prepaid", "result"),
  isBilled: fc.boolean(),
  abort: fc.option(moment, { freq: 5 }),
});

async function pass({ turns, microtasks }: { turns: number; microtasks: number }): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await nextTurn();
  for (let step = 0; step < microtasks; step++) await null;
}

/** An honest gateway, which knows an order by its price, and what it has been told and has billed. */
class Ledger {
  readonly stand: RequesterStand;
  readonly scripts = new Map<Amount, Script>();
  /** Offers that came for an order. */
  readonly offers = new Map<Amount, Message<"offer">[]>();
  /** Orders of which an offer was taken. */
  readonly accepted = new Set<Amount>();
  readonly billed = new Map<Amount, bigint>();
  /** Prices that are set aside. */
  readonly held = new Set<Amount>();
  /** Offers that may be cancelled. */
  readonly #taken = new Set<string>();
  newest: Voucher | null = null;
  readonly wrongs: string[] = [];

  constructor(stand: RequesterStand) {
    this.stand = stand;
    const { gateway, file } = stand;
    gateway.on("offer", (offer) => this.#offered(offer));
    gateway.on("cancel", ({ id, task }) => {
      gateway.ack(file, id, task);
      const offer = gateway.heard("offer").find((one) => stand.taskOf(one) === task);
      if (offer && this.#taken.has(offer.id)) this.#cancel(offer);
    });
    gateway.on("voucher", ({ id, voucher }) => {
      this.#take(voucher);
      gateway.ack(file, id);
    });
  }

  #said: Promise<unknown> = Promise.resolve();

  get told(): Amount {
    return this.newest?.cumulative ?? amount(0n);
  }

  get spent(): bigint {
    return [...this.billed.values()].reduce((sum, one) => sum + one, 0n);
  }

  get credit(): Amount {
    return amount(this.told - this.spent - [...this.held].reduce((sum, one) => sum + one, 0n));
  }

  /** What it says of the lane at a login. */
  get lane() {
    const held = amount(this.told - this.spent - this.credit);
    const { window: _, ...lane } = LANE;
    return { ...lane, signed: this.told, voucher: this.newest, credit: this.credit, held, owed: amount(0n) };
  }

  #take(voucher: Voucher): void {
    if (voucher.cumulative <= this.told) this.wrongs.push(`${voucher.cumulative} after ${this.told}`);
    else this.newest = voucher;
  }

  async #offered(offer: Message<"offer">): Promise<void> {
    const { maxPrice, voucher, payment } = offer;
    const before = this.offers.get(maxPrice) ?? [];
    if (before.some(({ id }) => id === offer.id)) return;
    this.offers.set(maxPrice, [...before, offer]);
    if (voucher) this.#take(voucher);
    const { fate } = this.scripts.get(maxPrice) ?? { fate: "refuse" };
    if (before.length === 0 && fate === "refuse") return this.stand.refuse(offer.id, "gateway_stopped");
    if (before.length === 0 && fate === "creditShort") return this.stand.refuse(offer.id, "credit_short");
    if (payment === "prepaid" && this.credit < maxPrice) {
      this.wrongs.push(`${this.credit} for ${maxPrice}`);
      return this.stand.refuse(offer.id, "gateway_stopped");
    }
    if (payment === "prepaid") this.held.add(maxPrice);
    this.accepted.add(maxPrice);
    this.#taken.add(offer.id);
    this.stand.ack(offer);
    if (fate !== "onCancel") await this.#done(offer);
  }

  async #done(offer: Message<"offer">): Promise<void> {
    const price = amount(10n);
    if (offer.payment === "prepaid") return await this.#answer(offer, price);
    this.#taken.delete(offer.id);
    this.stand.gateway.say(this.stand.file, "invoice", await this.stand.invoice(offer, price));
    while (this.credit < price) await nextTurn();
    await this.#answer(offer, price);
  }

  #cancel(offer: Message<"offer">): void {
    const isBilled = offer.payment === "prepaid" && this.scripts.get(offer.maxPrice)?.isBilled === true;
    const spent = isBilled ? offer.maxPrice : amount(0n);
    void this.#answer(offer, spent, { ...CANCELLED, fuel: spent === 0n ? 0 : FUEL });
  }

  async #answer(
    offer: Message<"offer">,
    spent: Amount,
    more: Partial<Message<"answer">> = {},
  ): Promise<void> {
    const { maxPrice } = offer;
    if (this.billed.has(maxPrice)) return;
    this.billed.set(maxPrice, spent);
    this.held.delete(maxPrice);
    const { credit } = this;
    // a gateway says them in the order of its records: an older credit never comes after a newer one
    this.#said = this.#said.then(() => this.stand.answer(offer, spent, { credit, ...more }));
    await this.#said;
  }
}

describe("orders that end at any turn of their way", () => {
  let folder: string;
  let walletPath: string;
  let clock: CountingClock;
  let stand: RequesterStand;
  let ledger: Ledger;
  let price = 1_000n;
  const options = () => ({
    ...{ clock, walletPath, creditLimit: CREDIT },
    lanes: { lane: async () => await nextTurn(LANE) },
  });
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "abort-"));
    walletPath = join(folder, "wallet.json");
    clock = new CountingClock();
    stand = await RequesterStand.start(options());
    ledger = new Ledger(stand);
  });
  afterEach(async () => {
    await stand.stop();
    rmSync(folder, { recursive: true });
  });
  const file = () => (existsSync(walletPath) ? readFileSync(walletPath, "utf8") : '{ "signed": "0" }');
  const saved = () => BigInt(JSON.parse(file()).signed);

  /** Orders, calls off as the script says, and looks at how it ended against what the gateway knows. */
  const place = async (what: Script) => {
    const maxPrice = amount(price++);
    ledger.scripts.set(maxPrice, what);
    const stop = new AbortController();
    const reason = new Error("called off");
    const order = { firmware, input, fuelLimit: FUEL, maxPrice, payment: what.payment };
    const hired = stand.robot.hire({ ...order, signal: stop.signal });
    const ended: Promise<Ended> = hired.then(
      (answer) => ({ answer }),
      (error: unknown) => ({ error }),
    );
    if (what.abort) await pass(what.abort);
    else if (what.fate === "onCancel") await stand.gateway.until(() => ledger.offers.has(maxPrice));
    if (what.abort || what.fate === "onCancel") stop.abort(reason);
    const result = await ended;
    expect(listeners(stop.signal)).toBe(0);
    return { maxPrice, reason, ...result };
  };

  it("are billed what their answers say, or not at all; no total is signed twice or told that is not on disk", async () => {
    const law = async (scripts: readonly Script[]) => {
      const placed = await Promise.all(scripts.map(place));
      // offers leave one after the other: whatever still was to leave has come before this one
      await place({ fate: "answer", payment: "prepaid", isBilled: false, abort: null });
      for (const one of placed) {
        const billed = ledger.billed.get(one.maxPrice);
        if ("answer" in one) expect(one.answer.spent).toBe(billed);
        else {
          expect(ledger.accepted.has(one.maxPrice)).toBe(false);
          const isOurs = one.error === one.reason;
          expect(isOurs || ledger.offers.has(one.maxPrice), String(one.error)).toBe(true);
          if (!isOurs) expect(one.error).toMatchObject({ code: "refused" });
        }
      }
      const { signed, exposure } = stand.robot.wallet;
      expect(ledger.wrongs).toEqual([]);
      expect(ledger.told).toBeLessThanOrEqual(signed);
      expect(ledger.told).toBeLessThanOrEqual(saved());
      expect(exposure).toBe(signed - ledger.spent);
      expect(ledger.held.size).toBe(0);
      expect(stand.robot.waiting).toEqual({ queued: 0, sent: 0, bytes: 0 });
    };
    await fc.assert(fc.asyncProperty(fc.array(script, { minLength: 1, maxLength: 4 }), law), { numRuns: 15 });
    await stand.robot.close();
    expect(clock.pending).toBe(0);
  });

  it("settle when their robot is closed, which leaves the wallet alone from then on", async () => {
    const law = async (scripts: readonly Script[], when: { turns: number; microtasks: number }) => {
      const placed = Promise.all(scripts.map((one) => place({ ...one, abort: null, fate: "answer" })));
      await pass(when);
      await stand.robot.close();
      const { pending } = clock;
      const text = file();
      for (const one of await placed) {
        if ("answer" in one) expect(one.answer.spent).toBe(ledger.billed.get(one.maxPrice));
        else expect(one.error).toMatchObject({ code: "link_lost" });
      }
      await pass({ turns: 20, microtasks: 0 });
      expect(pending).toBe(0);
      expect(file()).toBe(text);
      expect(ledger.told).toBeLessThanOrEqual(saved());
      stand.gateway.lane = ledger.lane;
      await stand.connect(options());
    };
    const several = fc.array(script, { minLength: 1, maxLength: 3 });
    await fc.assert(fc.asyncProperty(several, moment, law), { numRuns: 6 });
  });
});
