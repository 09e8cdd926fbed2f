/** Errands at a desk: a clock that stands still, devices that hold blobs, and finds handed out one by one. */
import type { Hex } from "../src/base/bytes.ts";
import { type Clock, instant } from "../src/base/clock.ts";
import { amount } from "../src/base/money.ts";
import { hashBlob } from "../src/blob/blob.ts";
import { Errands } from "../src/errands.ts";
import type { TaskCommand } from "../src/exchange/decide.ts";
import type { Executor } from "../src/firmware/executor.ts";
import type { Task } from "../src/market/task.ts";
import { taskModule } from "./firmware/module.ts";
import { BlobStand } from "./link/blob-stand.ts";
import { taskWith } from "./market/sample-task.ts";

export const ROBOT: Hex = `0x${"a1".repeat(20)}`;
export const BOARD: Hex = `0x${"b2".repeat(20)}`;
export const AWARD: Hex = `0x${"aa".repeat(32)}`;
/** From the clock's start to every task's deadline. */
export const LIFE_MS = 60_000;
export const INPUT_MS = 10_000;
/** As much as no run here burns, but an endless one. */
export const FUEL_LIMIT = 1_000_000;

export const INPUT = Uint8Array.of(1, 2, 3);
export const OUTPUT = Uint8Array.of(9, 9);
export const ECHO_FIRMWARE = taskModule();

/** What the board's delivery makes of an offer. */
export const DELIVERED = {
  state: "delivered",
  run: {
    provider: BOARD,
    rate: amount(500n),
    feeBasisPoints: 200,
    price: amount(500n),
    fee: amount(10n),
    verdict: "ok",
    fuel: 1_000,
    acceptBy: instant(0),
    runBy: instant(0),
    award: AWARD,
    signature: "0x",
    stage: "delivered",
    accept: null,
    output: hashBlob(OUTPUT),
    outputBytes: OUTPUT.length,
  },
} as const satisfies Partial<Task>;

export type DeskOptions = {
  readonly executor: Executor;
  /** 10,000 unless told. */
  readonly runMs?: number;
  /** Of the store, bytes. */
  readonly quota?: number;
};

/** What an errand has found, or the fault that it met. */
export type Heard = { readonly told: TaskCommand } | { readonly fault: unknown };

/** Errands whose finds are handed out one by one. */
export class Desk extends BlobStand {
  readonly errands: Errands;
  /** Requesters that were told of a refusal, and its code. */
  readonly refused: { readonly task: Hex; readonly code: string }[] = [];
  /** What came and was not waited for. */
  readonly heard: Heard[] = [];
  /** Timers that are set and neither due nor cancelled. */
  readonly timers = new Set<object>();
  #task: Task | undefined;
  #wake: ((heard: Heard) => void) | null = null;

  constructor({ quota, ...options }: DeskOptions) {
    super(quota);
    const { courier, store } = this;
    this.errands = new Errands({
      ...{
        courier,
        store,
        ownerOf: (device: Hex) => `owner of ${device}`,
        clock: this.#counted(),
        runMs: 10_000,
        inputMs: INPUT_MS,
        graceUntil: () => instant(0),
        ...options,
      },
      taskOf: (id) => (this.#task?.id === id ? this.#task : undefined),
      tell: (told) => Promise.resolve(this.#take({ told })),
      onRefused: ({ id }, { refused }) => this.refused.push({ task: id, code: refused }),
      onFault: (fault) => this.#take({ fault }),
    });
  }

  /** The task is this now. */
  consider(task: Task): void {
    this.#task = task;
    this.errands.consider(task);
  }

  /** What the errand of the task finds; devices answer on their own. */
  findOf(task: Task): Promise<Heard> {
    this.consider(task);
    return this.next();
  }

  /** The next find that nobody has been handed. */
  next(): Promise<Heard> {
    const first = this.heard.shift();
    if (first) return Promise.resolve(first);
    return new Promise((wake) => {
      this.#wake = wake;
    });
  }

  #counted(): Clock {
    const { now, sleep, after } = this.clock;
    const counted = (ms: number, then: () => void) => {
      const timer = {};
      this.timers.add(timer);
      const cancel = after(ms, () => {
        this.timers.delete(timer);
        then();
      });
      return () => {
        this.timers.delete(timer);
        cancel();
      };
    };
    return { now, sleep, after: counted };
  }

  #take(heard: Heard): void {
    const wake = this.#wake;
    this.#wake = null;
    if (wake) wake(heard);
    else this.heard.push(heard);
  }

  /** An offer whose bytes are still with the requester. */
  offered(firmware = ECHO_FIRMWARE): Task {
    return taskWith({
      requester: ROBOT,
      firmware: hashBlob(firmware),
      firmwareBytes: firmware.length,
      input: hashBlob(INPUT),
      inputBytes: INPUT.length,
      offeredAt: this.clock.now(),
      deadline: instant(this.clock.now() + LIFE_MS),
      state: "offered",
      fuelLimit: FUEL_LIMIT,
    });
  }

  /** A task whose bytes are in the store, and whose output is still with the board. */
  async delivered(firmware: Uint8Array, checker: boolean | null = null): Promise<Task> {
    for (const bytes of [firmware, INPUT]) await this.store.put(bytes, `owner of ${ROBOT}`);
    return { ...this.offered(firmware), ...DELIVERED, evidence: { checker, referee: null } };
  }
}
