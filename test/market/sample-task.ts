/** A task to start from, in a state that the test chooses. */
import type { Hex } from "../../src/base/bytes.ts";
import { instant } from "../../src/base/clock.ts";
import { amount } from "../../src/base/money.ts";
import { NO_EVIDENCE, type Task } from "../../src/market/task.ts";

export const provider = (fill: number): Hex => `0x${fill.toString(16).padStart(2, "0").repeat(20)}`;

/** As much as a rate is the price of: a whole limit costs what the rate says. */
export const FUEL = 10 ** 12;

export function taskWith(change: Partial<Task>): Task {
  return {
    id: `0x${"7a".repeat(16)}`,
    requester: provider(0xff),
    offerId: "o-1",
    firmware: `0x${"f1".repeat(32)}`,
    firmwareBytes: 100,
    input: `0x${"17".repeat(32)}`,
    inputBytes: 10,
    maxPrice: amount(1_000n),
    checkBudget: amount(0n),
    deadline: instant(10_000),
    offeredAt: instant(0),
    state: "announced",
    bidBy: instant(100),
    bids: [],
    out: [],
    run: null,
    check: null,
    evidence: NO_EVIDENCE,
    rechecked: false,
    payment: "prepaid",
    profile: "task/1",
    memoryMiB: 1,
    fuelLimit: FUEL,
    meter: 1,
    costs: `0x${"c0".repeat(32)}`,
    manifest: null,
    invoice: null,
    end: null,
    ...change,
  };
}
