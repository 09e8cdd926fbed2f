/**
 * What the living gateway is like at one moment, as plain values: all that alerts, metrics and the first screen need to
 * know of it and that no journal says.
 *
 * Amounts are atomic units of the market's token, coins are wei. What could not be read (yet) is null.
 */
import type { Hex } from "../../base/bytes.ts";
import type { Instant } from "../../base/clock.ts";
import type { FaultCode } from "../../base/fault.ts";
import type { RefusalCode } from "../../base/refusal.ts";
import type { ClockObstacle } from "../../exchange/state.ts";
import type { TaskState } from "../../market/task.ts";

/** How a device comes in: over a network, or over a serial line. */
export const LINKS = ["mqtt", "serial"] as const;
export type Link = (typeof LINKS)[number];

/** An enrolled device. Guests are not among these: nobody here looks after them. */
export type DeviceVital = {
  readonly device: Hex;
  readonly name: string;
  readonly owner: Hex | null;
  /** `live`: has a session, which ends by itself once nothing is heard of it. */
  readonly state: "live" | "silent" | "disabled";
  /** Since when it is so; of a device that was not here since the start, the start. */
  readonly since: Instant;
  /** Of its session, or of the last one; null before its first since the start. */
  readonly link: Link | null;
  /** When its newest message came; null before the first since the start. */
  readonly heardAt: Instant | null;
};

/** A lane that ends, with money on it that is signed and not claimed. */
export type LaneVital = {
  /** As in the API: `<device>-in` or `<device>-out`. */
  readonly id: string;
  readonly device: Hex;
  readonly name: string | null;
  readonly owner: Hex | null;
  /** Until when it can be claimed. */
  readonly closesAt: Instant;
  readonly unsettled: bigint;
};

/** A limit on what is spent, and how much of it is used. */
export type SpendVital = {
  /** `device`, `owner`: in a day (UTC). `wallet`: in all, of a wallet that the gateway keeps. */
  readonly kind: "device" | "owner" | "wallet";
  /** The device, or the owner. */
  readonly who: Hex;
  readonly name: string;
  /** Who owns it; the owner itself. */
  readonly owner: Hex | null;
  readonly spent: bigint;
  readonly cap: bigint;
};

/** A serial line's counters since it was opened. */
export type LineVital = {
  readonly path: string;
  readonly framesReceived: number;
  readonly framesSent: number;
  readonly discardedBytes: number;
};

export type LaneState = "open" | "closing" | "unfunded";

export type Vitals = {
  readonly at: Instant;
  readonly startedAt: Instant;
  readonly version: string;
  readonly gateway: Hex;
  /** Decimals of the token. */
  readonly decimals: number;
  readonly symbol: string;
  /** On a chain that makes up its time and its money. */
  readonly isPlayMoney: boolean;
  /** Why no new offers are taken, and since when; null while they are. */
  readonly halted: { readonly reason: string; readonly since: Instant } | null;
  /** Why nothing is paid and claimed either; null while it is. */
  readonly stopped: { readonly reason: string; readonly since: Instant } | null;
  readonly journal: {
    readonly entries: number;
    readonly hash: Hex;
    /** What the newest walk has found; null before the first. */
    readonly intact: boolean | null;
    readonly verifiedAt: Instant | null;
    /** The first entry that does not hold, and why. */
    readonly broken: { readonly index: number; readonly why: string } | null;
  };
  readonly chain: {
    readonly id: number;
    /** Number and time of the newest block seen, and of the newest that counts. */
    readonly head: { readonly block: number; readonly time: Instant } | null;
    readonly finalized: number | null;
    /** When the node answered last. */
    readonly readAt: Instant | null;
  };
  /** How far this machine's clock is ahead of the chain's, milliseconds; null on play money, and before two blocks. */
  readonly clockOffsetMs: number | null;
  /** Why no offers are taken for the sake of time; null while it can be relied on. */
  readonly clockObstacle: ClockObstacle | null;
  readonly wallet: {
    /** Free in the vault. */
    readonly vault: bigint | null;
    /** Deposited on the gateway's own lanes and not signed. */
    readonly lanes: bigint;
    /** Coins for gas. */
    readonly gas: bigint | null;
    /** Wei per unit of gas, of this minute. */
    readonly gasPrice: bigint | null;
    /** How many settlements the coins pay for at that price. */
    readonly settlementsLeft: number | null;
    /** How many they should. */
    readonly gasAlarm: number;
  };
  readonly settlement: {
    readonly everyMs: number;
    /** When a claim was confirmed last; null before the first. */
    readonly lastAt: Instant | null;
    /** Since when the oldest voucher waits that is worth its gas; null while none does. */
    readonly waitingSince: Instant | null;
    /** When it is claimed at the latest. */
    readonly nextAt: Instant | null;
    /** Transactions that are prepared and not over. */
    readonly pending: number;
  };
  /** Signed and not claimed: to the gateway, and by it. */
  readonly unsettled: { readonly incoming: bigint; readonly outgoing: bigint; readonly lanes: number };
  readonly lanes: Readonly<Record<LaneState, number>>;
  /** First those that end first. */
  readonly endingLanes: readonly LaneVital[];
  /** Sessions of devices, guests included. */
  readonly sessions: number;
  readonly devices: readonly DeviceVital[];
  readonly lines: readonly LineVital[];
  /** Messages from devices and to them since the start. */
  readonly traffic: { readonly heard: number; readonly said: number };
  /** Of the file system that holds the data folder; with less than `reserveBytes` free new offers are not taken. */
  readonly disk: {
    readonly freeBytes: number;
    readonly sizeBytes: number;
    readonly reserveBytes: number;
  } | null;
  /** Of the data folder; `writtenBytes` is what this process has had written to disks since its start. */
  readonly store: { readonly bytes: number | null; readonly writtenBytes: number | null };
  readonly tasks: {
    readonly open: number;
    readonly states: Readonly<Record<TaskState, number>>;
    /** Runs that are under way, by firmware, with its manifest's name where it has one. */
    readonly running: ReadonlyMap<Hex, { readonly runs: number; readonly name: string | null }>;
  };
  /** Verdicts of the last hour. */
  readonly verdicts: { readonly accepted: number; readonly rejected: number };
  /** Spent today (UTC) by all devices, and every limit that there is. */
  readonly spentToday: bigint;
  readonly spending: readonly SpendVital[];
  /** Since the start, by code. */
  readonly faults: ReadonlyMap<FaultCode, number>;
  readonly refusals: ReadonlyMap<RefusalCode, number>;
};
