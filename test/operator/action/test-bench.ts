/** Test tasks on a real heartbeat and a real custody: BOARD was paid for a task of ROBOT's, and is on the line. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { fromHex, type Hex } from "../../../src/base/bytes.ts";
import { parseAmount } from "../../../src/base/money.ts";
import { Custody } from "../../../src/custody.ts";
import { type Outgoing, refusalMessage } from "../../../src/exchange/outbox.ts";
import type { Obstacle } from "../../../src/exchange/state.ts";
import { taskOf } from "../../../src/market/market.ts";
import { TestTasks } from "../../../src/operator/action/test-tasks.ts";
import { enrolments, readRoster, writeRosterEntry } from "../../../src/operator/roster-folder.ts";
import { type KeptWallet, parseWallet, walletFile } from "../../../src/operator/wallet-folder.ts";
import { keySigner, type Signer } from "../../../src/protocol/signer.ts";
import { type Counter, openCounter } from "../../exchange/counter.ts";
import {
  ARM,
  accept,
  BOARD,
  bid,
  FUEL,
  funded,
  GATEWAY,
  hash32,
  laneSeen,
  MARKET,
  outcome,
  ROBOT,
  RULES,
  result,
  START,
} from "../../exchange/stage.ts";
import { awardOf, running, TASK } from "../../exchange/way.ts";

export const OUTPUT = hash32(0x01);
const FIRMWARE = hash32(0xf1);

export class Bench {
  readonly data = mkdtempSync(join(tmpdir(), "hirewire-tests-"));
  readonly counter: Counter = openCounter();
  readonly faults: unknown[] = [];
  /** Blobs that are kept, and how many bytes each has. */
  readonly kept = new Map<Hex, number>([
    [FIRMWARE, 100],
    [hash32(0x17), 10],
  ]);
  /** Who is on the line. */
  readonly connected = new Set<Hex>([BOARD.address, ARM.address]);
  readonly tests: TestTasks;

  static async open(): Promise<Bench> {
    const bench = new Bench();
    onTestFinished(() => rmSync(bench.data, { recursive: true }));
    bench.enrol(ROBOT, "robot");
    bench.enrol(BOARD, "board");
    bench.enrol(ARM, "arm");
    await bench.refresh();
    await bench.counter.observe(funded([ROBOT, BOARD, ARM], 10_000n));
    return bench;
  }

  #obstacle: Obstacle | null = null;

  private constructor() {
    const { counter } = this;
    const { state, heartbeat, clock } = counter;
    const listeners = new Map<Hex, (outgoing: Outgoing) => void>();
    const push = counter.events.push.bind(counter.events);
    counter.events.push = (...made) => {
      for (const one of made) if (one.what === "said") listeners.get(one.outgoing.to)?.(one.outgoing);
      return push(...made);
    };
    const keptWallet = (device: Hex) => this.wallet(device);
    const custody = new Custody({
      ...{ state, market: MARKET, decimals: 6, heartbeat, keptWallet },
      refuse: (device, id, topic, { refused, hint }) =>
        listeners.get(device)?.(refusalMessage(device, id, topic, refused, hint)),
      onFault: (fault) => this.faults.push(fault),
    });
    this.tests = new TestTasks({
      ...{ data: this.data, market: MARKET, decimals: 6, rules: RULES, state, clock, custody },
      store: { sizeOf: (hash) => this.kept.get(hash) ?? null },
      reception: {
        runs: (device) => this.connected.has(device),
        listen: (device, heard) => void listeners.set(device, heard),
      },
      enrolment: { keptWallet, refresh: () => this.refresh() },
      onFault: (fault) => this.faults.push(fault),
      obstacle: () => this.#obstacle,
    });
  }

  /** The machine is in the way of new work, or no more. */
  hinder(by: Obstacle | null): void {
    this.#obstacle = by;
    this.counter.hinder(by);
  }

  enrol({ address: device }: Signer, name: string): void {
    const place = { owner: null, manufacturer: "m", serialNumber: name };
    writeRosterEntry(this.data, { version: 1, device, name, ...place });
  }

  async refresh(): Promise<void> {
    const facts = enrolments(readRoster(this.data).entries, this.counter.state.roster);
    if (facts.length > 0) await this.counter.observe(facts);
  }

  wallet(device: Hex): KeptWallet | null {
    try {
      const file = walletFile(this.data, device);
      const { key, secret, cap } = parseWallet(readFileSync(file, "utf8"), file);
      return { signer: keySigner(fromHex(key)), secret: fromHex(secret), cap: parseAmount(cap, 6) };
    } catch {
      return null;
    }
  }

  /** The wallet that pays for tests; made by the first of them. */
  get operator(): Hex {
    const entry = readRoster(this.data).entries.find(({ name }) => name === "operator");
    if (!entry) throw new Error("no wallet for tests");
    return entry.device;
  }

  /** BOARD runs what ROBOT has offered, burns a third of the limit, and is paid for it. */
  async answered(): Promise<void> {
    const { counter } = this;
    await running(counter);
    const ran = { verdict: "ok" as const, output: OUTPUT, fuel: FUEL / 4 };
    const award = awardOf(counter);
    await counter.send(BOARD, "result", await result(BOARD, "r-1", TASK, award, ran));
    await counter.tell({ topic: "inspected", task: TASK, award, passed: true, reason: "valid" });
  }

  /** Money on the lane of the wallet for tests. */
  fund(units: bigint): Promise<void> {
    return this.counter.observe([laneSeen(this.operator, GATEWAY.address, units)]);
  }

  /** BOARD does a test, and says this; the gateway's own run says that. */
  async run(task: Hex, said: Hex, own: Hex): Promise<void> {
    const { counter } = this;
    const { market } = counter.state;
    await counter.tell({ topic: "blobsHere", task });
    await counter.send(
      BOARD,
      "bid",
      await bid(BOARD, `b-${task.slice(2, 10)}`, task, 500n, this.now + 30_000),
    );
    counter.clock.set(this.now + 100);
    await counter.tell({ topic: "due", task });
    const award = taskOf(market, task).run?.award ?? "0x";
    await counter.send(BOARD, "accept", await accept(BOARD, `a-${task.slice(2, 10)}`, task, award));
    const ran = { verdict: "ok" as const, output: said, fuel: FUEL / 4 };
    await counter.send(BOARD, "result", await result(BOARD, `r-${task.slice(2, 10)}`, task, award, ran));
    await counter.tell({ topic: "inspected", task, award, passed: true, reason: "valid" });
    const run = outcome({ verdict: "ok", output: own, fuel: FUEL / 4 });
    await counter.tell({ topic: "refereed", task, award, outcome: run, reason: "the gateway's own run" });
  }

  get now(): number {
    return this.counter.clock.now();
  }
}

export const LATER = START + 1_000;
