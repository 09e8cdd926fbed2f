/**
 * A market whose gateway dies again and again: devices that remember, a disk that survives, a chain that goes on.
 *
 * One process is a heartbeat over a {@link killingJournal}. It dies at a boundary of the journal, or with half of what
 * it had to say said; the next one begins with what the disk holds, and the devices say again what was not answered.
 */
import { isDeepStrictEqual } from "node:util";
import { expect } from "vitest";
import { type Instant, instant } from "../../../src/base/clock.ts";
import { amount } from "../../../src/base/money.ts";
import { firstDue } from "../../../src/exchange/course.ts";
import type { InnerCommand } from "../../../src/exchange/decide.ts";
import { sayAgain } from "../../../src/exchange/outbox.ts";
import { replay, saveSnapshot } from "../../../src/exchange/replay.ts";
import { apply, emptyState, type State } from "../../../src/exchange/state.ts";
import { wantOf } from "../../../src/exchange/wants.ts";
import type { Journal } from "../../../src/journal/journal.ts";
import { memoryJournal } from "../../../src/journal/memory-journal.ts";
import { openTasks } from "../../../src/market/market.ts";
import { creditOf } from "../../../src/payment/payment.ts";
import { type Counter, openCounter } from "../../exchange/counter.ts";
import { ARM, BOARD, CAMERA, CART, GATEWAY, MARKET, ROBOT, RULES, START } from "../../exchange/stage.ts";
import { type KillingJournal, killingJournal } from "../../journal/killing-journal.ts";
import { expectBooks, expectNothingDoubled } from "./books-laws.ts";
import { type Command, Device, truthOf } from "./device.ts";
import { LedgerChain } from "./ledger-chain.ts";
import { type Random, randomFrom } from "./random.ts";

/** What a disk, or the memory built from it, may have lost in tests of the tests. */
export type Flaw = (disk: Journal, state: State) => { readonly disk: Journal; readonly state: State };

const SOUND: Flaw = (disk, state) => ({ disk, state });

/** Most boundaries that a process passes before it dies. */
const MOST_BOUNDARIES = 10;
/** Turns after which a life hangs. */
const MOST_TURNS = 4_000;

const LIMITS = { onResult: amount(2_000n), credit: amount(6_000n) };

export class Trade {
  readonly chain = new LedgerChain();
  readonly buyers: readonly Device[];
  readonly devices: readonly Device[];
  /** How often a process died: before its group was on disk, after it, and while it spoke. */
  readonly kills = { lost: 0, kept: 0, speaking: 0 };
  readonly #random: Random;
  readonly #flaw: Flaw;
  #disk: Journal = memoryJournal();
  #journal: KillingJournal = killingJournal(this.#disk);
  #counter: Counter = openCounter({ journal: this.#journal, limits: LIMITS });
  #now: Instant = START;
  #isMute: boolean = false;
  #isMortal: boolean = false;
  #submitted = new Set<Command>();

  constructor(seed: number, flaw: Flaw = SOUND) {
    const random = randomFrom(seed);
    this.#random = random;
    this.#flaw = flaw;
    this.buyers = [ROBOT, CART].map((signer) => new Device(signer, false, random));
    const providers = [BOARD, ARM, CAMERA].map((signer) => new Device(signer, true, random));
    this.devices = [...this.buyers, ...providers];
    for (const { address } of this.buyers) this.chain.deposit(address, GATEWAY.address, 10_000_000n);
    for (const { address } of this.devices) this.chain.deposit(GATEWAY.address, address, 3_000n);
  }

  /** Trades until the gateway has died so often, then until nothing is open, and compares what everybody holds. */
  async live(kills: number): Promise<void> {
    await this.#begin(kills);
    for (let turn = 0; this.killed < kills; turn++) {
      expect(turn).toBeLessThan(MOST_TURNS);
      await this.#turn(true);
      while (this.#isDead()) await this.#begin(kills);
    }
    for (let turn = 0; this.#isBusy(); turn++) {
      if (turn === MOST_TURNS) throw new Error(`never ends: ${this.#open()}`);
      await this.#turn(false);
    }
    this.#compare();
  }

  /** Deaths at a boundary of the journal. */
  get killed(): number {
    return this.kills.lost + this.kills.kept;
  }

  /** Payments that were acknowledged to their payers and told to their payees, in atomic units. */
  get acknowledged(): bigint {
    return this.devices.reduce((sum, { acked, received }) => sum + acked + received, 0n);
  }

  #isDead(): boolean {
    return this.#journal.isDead || this.#isMute;
  }

  /** A new process: first it is asked what it holds of all that was acknowledged, then everything is said again. */
  async #begin(kills: number): Promise<void> {
    const last = this.#counter.state;
    const wasKept = this.#journal.passed % 2 === 0;
    if (this.#journal.isDead) this.kills[wasKept ? "kept" : "lost"] += 1;
    else if (this.#isMute) this.kills.speaking += 1;
    const { disk, state } = this.#flaw(this.#disk, replay(this.#disk, MARKET));
    if (this.#isDead()) this.#inquire(disk, state, wasKept ? last : null);
    this.#disk = disk;
    this.#isMute = false;
    this.#isMortal = this.killed < kills;
    this.#submitted = new Set();
    const killAt = this.#isMortal ? 1 + this.#random.below(MOST_BOUNDARIES) : Number.POSITIVE_INFINITY;
    this.#journal = killingJournal(disk, killAt);
    const draw = this.#random.draw;
    this.#counter = openCounter({ journal: this.#journal, state, limits: LIMITS, draw });
    this.#counter.clock.set(this.#now);
    this.#tell({ topic: "observed", facts: this.chain.look() });
    await this.#listen();
    if (!this.#isDead()) await this.#reunite();
  }

  /** Everybody connects, hears what a device that connects is told, and repeats what was not answered. */
  async #reunite(): Promise<void> {
    const { state } = this.#counter;
    for (const { id } of openTasks(state.market))
      this.#tell({ topic: "reopened", task: id, from: this.#now });
    for (const device of this.devices) {
      const lane = state.payment.incoming.get(device.address);
      expect((lane?.signed ?? 0n) <= device.signed, "the gateway claims more than was signed").toBe(true);
      for (const outgoing of sayAgain(state, device.address, device.serves)) await device.hear(outgoing);
    }
    this.#submit();
    await this.#listen();
  }

  /** What the new process knows before anybody has told it anything. */
  #inquire(disk: Journal, state: State, last: State | null): void {
    const { incoming, outgoing } = state.payment;
    for (const { address, acked, signed, received } of this.devices) {
      const here = incoming.get(address)?.signed ?? 0n;
      expect(here >= acked, `${here} of ${acked} that were acknowledged`).toBe(true);
      expect(here <= signed, `${here} of ${signed} that were signed`).toBe(true);
      const given = outgoing.get(address)?.signed ?? 0n;
      expect(given >= received, `${given} of ${received} that its payee holds`).toBe(true);
    }
    for (const { answers } of this.buyers) {
      for (const [task, { spent }] of answers) expect(state.market.tasks.get(task)?.end?.spent).toBe(spent);
    }
    expectBooks(state);
    if (last) expect(isDeepStrictEqual(state, last), "replayed to another state").toBe(true);
    const again = emptyState();
    for (const entry of disk.entries()) apply(again, MARKET, entry);
    expect(isDeepStrictEqual(state, again), "replayed to another state than from a snapshot").toBe(true);
  }

  /** A few things happen at once, and land in one group. */
  async #turn(trades: boolean): Promise<void> {
    const { state, clock } = this.#counter;
    this.#now = instant(this.#now + this.#random.below(trades ? 60 : 2_000));
    if (trades) await this.#trade();
    clock.set(this.#now);
    this.#submit();
    for (const task of openTasks(state.market)) {
      const want = wantOf(task);
      if (want && this.#random.chance(0.7)) this.#tell(this.#found(want));
    }
    const due = firstDue(state, RULES.inputMs, () => START);
    if (due && due.at <= this.#now) this.#tell({ topic: "due", task: due.task });
    if (this.#random.chance(0.06)) this.#settle();
    await this.#listen();
    if (!this.#isDead() && this.#random.chance(0.03)) saveSnapshot(this.#journal, state);
  }

  /** What this process has not been told yet, oldest first. */
  #submit(): void {
    for (const device of this.devices) {
      for (const command of device.waiting.values()) {
        if (this.#submitted.has(command)) continue;
        this.#submitted.add(command);
        const bytes = new TextEncoder().encode(command.bytes);
        void this.#counter.heartbeat.submit(device.address, command.topic, bytes);
      }
    }
  }

  async #trade(): Promise<void> {
    const random = this.#random;
    for (const buyer of this.buyers) {
      const luck = random.draw();
      const sum = BigInt(1 + random.below(900));
      if (luck < 0.35 && buyer.open.length < 3) {
        await buyer.offer(this.#now, sum, random.chance(0.25) ? "result" : "prepaid");
      } else if (luck < 0.6) await buyer.pay(sum);
      else if (luck < 0.65) buyer.payout();
      else if (luck < 0.68 && buyer.open.length > 0) buyer.cancel(random.pick(buyer.open));
    }
  }

  #found(want: NonNullable<ReturnType<typeof wantOf>>): InnerCommand {
    const { id: task } = want.task;
    const reason = "as found";
    if (want.want === "blobs") return { topic: "blobsHere", task };
    const { award } = want;
    if (want.want === "inspection") {
      return { topic: "inspected", task, award, passed: this.#random.chance(0.85), reason };
    }
    return { topic: "refereed", task, award, outcome: truthOf(task), reason };
  }

  /** Claims, and now and then more room for what the gateway owes. */
  #settle(): void {
    const claimed = this.chain.claim(this.#counter.state.payment);
    if (claimed) this.#tell({ topic: "observed", facts: [claimed] });
    const { address } = this.#random.pick(this.devices);
    this.chain.deposit(GATEWAY.address, address, 2_000n);
    this.#tell({ topic: "observed", facts: this.chain.look() });
  }

  #tell(inner: InnerCommand): void {
    void this.#counter.heartbeat.tell(inner);
  }

  /** The group is written, and heard by those it is for; unless the process dies over its words. */
  async #listen(): Promise<void> {
    await this.#counter.heartbeat.idle();
    const said = this.#counter.heard();
    const dies = !this.#journal.isDead && said.length > 1 && this.#isMortal && this.#random.chance(0.06);
    const heard = dies ? said.slice(0, this.#random.below(said.length)) : said;
    for (const outgoing of heard) {
      await this.devices.find(({ address }) => address === outgoing.to)?.hear(outgoing);
    }
    this.#isMute = dies;
  }

  #isBusy(): boolean {
    const waiting = this.devices.some((device) => device.waiting.size > 0);
    return waiting || [...openTasks(this.#counter.state.market)].length > 0;
  }

  #open(): string {
    const waiting = this.devices.flatMap((device) => [...device.waiting.values()]);
    const tasks = [...openTasks(this.#counter.state.market)].map(({ state, id }) => `${id} ${state}`);
    return [...waiting.map(({ topic, bytes }) => `${topic} ${bytes}`), ...tasks].join("\n");
  }

  /** Nothing is open: what each device signed and holds, what the books say and what the tasks cost are one thing. */
  #compare(): void {
    const { state } = this.#counter;
    const { incoming, outgoing } = state.payment;
    for (const { address, signed, received } of this.devices) {
      expect(incoming.get(address)?.signed ?? 0n).toBe(signed);
      expect(outgoing.get(address)?.signed ?? 0n).toBe(received);
    }
    for (const { address, spent, signed, received } of this.buyers) {
      expect(spent + creditOf(state.payment, address) + received).toBe(signed);
    }
    expectBooks(state);
    expectNothingDoubled(this.#disk);
  }
}
