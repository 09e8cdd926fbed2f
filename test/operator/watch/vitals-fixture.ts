/** A gateway that is well: the vitals that tests make ill in one place. */
import type { Hex } from "../../../src/base/bytes.ts";
import { instant } from "../../../src/base/clock.ts";
import { TASK_STATES, type TaskState } from "../../../src/market/task.ts";
import type { DeviceVital, LaneVital, SpendVital, Vitals } from "../../../src/operator/watch/vitals.ts";

export const NOW = instant(1_763_800_000_000);
export const ago = (ms: number) => instant(NOW - ms);
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

export const account = (fill: number): Hex => `0x${fill.toString(16).padStart(2, "0").repeat(20)}`;
export const OWNER = account(0x0a);
export const NEIGHBOUR = account(0x0b);

export function device(change: Partial<DeviceVital> = {}): DeviceVital {
  const known = {
    device: account(1),
    name: "robot-1",
    owner: OWNER,
    link: "mqtt",
    heardAt: ago(1_000),
  } as const;
  return { ...known, state: "live", since: ago(HOUR), ...change };
}

export function endingLane(change: Partial<LaneVital> = {}): LaneVital {
  const whose = { id: `${account(1)}-in`, device: account(1), name: "robot-1", owner: OWNER };
  return { ...whose, closesAt: instant(NOW + 24 * HOUR), unsettled: 1_200_000n, ...change };
}

export function spend(change: Partial<SpendVital> = {}): SpendVital {
  const whose = { kind: "device", who: account(1), name: "robot-1", owner: OWNER } as const;
  return { ...whose, spent: 500_000n, cap: 1_000_000n, ...change };
}

export function well(change: Partial<Vitals> = {}): Vitals {
  return {
    ...{ at: NOW, startedAt: ago(24 * HOUR), version: "0.1.0", gateway: account(0xee) },
    ...{ decimals: 6, symbol: "USDT", isPlayMoney: false, halted: null, stopped: null },
    journal: {
      ...{ entries: 12_408, hash: `0x${"9f".repeat(32)}`, intact: true },
      ...{ verifiedAt: ago(2 * MINUTE), broken: null },
    },
    chain: { id: 42_161, head: { block: 100, time: ago(12_000) }, finalized: 88, readAt: ago(1_000) },
    ...{ clockOffsetMs: 400, clockObstacle: null },
    wallet: {
      ...{ vault: 52_114_000n, lanes: 10_000_000n, gas: 41_200_000_000_000_000n, gasPrice: 2_000_000_000n },
      ...{ settlementsLeft: 200, gasAlarm: 3 },
    },
    settlement: {
      ...{ everyMs: 6 * HOUR, lastAt: ago(HOUR), waitingSince: ago(HOUR), nextAt: null, pending: 0 },
    },
    unsettled: { incoming: 1_902_400n, outgoing: 700_000n, lanes: 3 },
    lanes: { open: 4, closing: 0, unfunded: 1 },
    endingLanes: [],
    sessions: 1,
    devices: [device()],
    lines: [],
    traffic: { heard: 10, said: 20 },
    disk: { freeBytes: 50e9, sizeBytes: 100e9, reserveBytes: 64e6 },
    store: { bytes: 1_000_000, writtenBytes: 5_000_000 },
    tasks: {
      open: 0,
      states: Object.fromEntries(TASK_STATES.map((state) => [state, 0])) as Record<TaskState, number>,
      running: new Map(),
    },
    verdicts: { accepted: 100, rejected: 0 },
    spentToday: 500_000n,
    spending: [spend()],
    faults: new Map(),
    refusals: new Map(),
    ...change,
  };
}

/** The same, of a part alone. */
export function ill<Part extends "journal" | "chain" | "wallet" | "settlement">(
  part: Part,
  change: Partial<Vitals[Part]>,
): Vitals {
  const vitals = well();
  return { ...vitals, [part]: { ...vitals[part], ...change } };
}
