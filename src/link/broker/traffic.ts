/**
 * What each device has said and heard since the start: counts, its newest messages without their payloads, and its
 * sessions. Kept in memory, within bounds.
 */
import type { Hex } from "../../base/bytes.ts";
import type { Clock, Instant } from "../../base/clock.ts";
import type { Session } from "./broker.ts";

/** How long a device may say nothing before it counts as silent, milliseconds. */
export const SILENT_MS = 300_000;

/** Messages that are kept of one device. */
const MOST_MESSAGES = 20;

/** Devices of which messages are kept: those that spoke or were spoken to last. */
const MOST_DEVICES = 1_000;

/** One message, without what it says. */
export type TrafficMessage = {
  readonly at: Instant;
  readonly direction: "in" | "out";
  readonly topic: string;
  /** Of its payload. */
  readonly bytes: number;
  /** The code that it was refused with, or that it tells the device. */
  readonly refused: string | null;
};

/** One device's, live: read it, never keep it. */
export type DeviceTraffic = {
  /** Of its session, or of the last one; null before the first. */
  readonly link: "mqtt" | "serial" | null;
  readonly origin: string | null;
  /** Since when it has a session; null while it has none. */
  readonly sessionSince: Instant | null;
  /** When its last session ended; null before one has, and while it has another. */
  readonly goneAt: Instant | null;
  /** When it was heard of last, pings included; null before the first time. */
  readonly heardAt: Instant | null;
  /** Whether all that it sends is seen here: through somebody else's broker a device may be there and say nothing. */
  readonly isWatched: boolean;
  readonly messagesIn: number;
  readonly messagesOut: number;
  readonly sessions: number;
  /** Refusals by code. */
  readonly refused: ReadonlyMap<string, number>;
};

type DeviceRecord = {
  -readonly [Key in Exclude<keyof DeviceTraffic, "refused" | "sessionSince">]: DeviceTraffic[Key];
} & {
  /** Its sessions, by id, oldest first. */
  readonly live: Map<string, Session>;
  readonly refused: Map<string, number>;
  readonly sessionSince: Instant | null;
};

type Kept = { -readonly [Key in keyof TrafficMessage]: TrafficMessage[Key] };

/** Whether a device is in session and was heard of within {@link SILENT_MS}. */
export function isLive(traffic: DeviceTraffic | null, now: number): boolean {
  if (traffic === null || traffic.sessionSince === null) return false;
  const heardAt = traffic.heardAt ?? traffic.sessionSince;
  return !traffic.isWatched || now - heardAt <= SILENT_MS;
}

export class Traffic {
  readonly #clock: Pick<Clock, "now">;
  readonly #devices = new Map<Hex, DeviceRecord>();
  /** Newest last; the device whose newest message is the oldest comes first. */
  readonly #messages = new Map<Hex, Kept[]>();

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /** A device's; null where nothing was heard of it since the start. */
  of(device: Hex): DeviceTraffic | null {
    return this.#devices.get(device) ?? null;
  }

  /** The device's newest messages, newest first, 20 at most; none where 1,000 others were heard of since. */
  messages(device: Hex): readonly TrafficMessage[] {
    return (this.#messages.get(device) ?? []).toReversed();
  }

  /** A device logged in. */
  began(session: Session): void {
    const record = this.#recordOf(session.device);
    record.live.set(session.id, session);
    record.sessions++;
    record.link = session.way === "wire" ? "serial" : "mqtt";
    record.origin = session.origin;
    record.isWatched = session.way !== "elsewhere";
    record.heardAt = this.#clock.now();
    record.goneAt = null;
  }

  /** A session is over. */
  ended({ device, id }: Session): void {
    const record = this.#devices.get(device);
    if (!record?.live.delete(id)) return;
    const left = [...record.live.values()].at(-1);
    if (left === undefined) record.goneAt = this.#clock.now();
    else {
      record.link = left.way === "wire" ? "serial" : "mqtt";
      record.origin = left.origin;
      record.isWatched = left.way !== "elsewhere";
    }
  }

  /** A device has shown that it is there. */
  alive(device: Hex): void {
    this.#recordOf(device).heardAt = this.#clock.now();
  }

  /** A message of a device came. */
  heard(device: Hex, topic: string, bytes: number): void {
    const record = this.#recordOf(device);
    record.messagesIn++;
    record.heardAt = this.#clock.now();
    this.#keep(device, { at: record.heardAt, direction: "in", topic, bytes, refused: null });
  }

  /**
   * A message is handed over to a device; false when it is not in session, so that nothing is.
   *
   * @param refused - the code that it tells; null unless it is a refusal
   */
  said(device: Hex, topic: string, bytes: number, refused: string | null): boolean {
    const record = this.#devices.get(device);
    if (!record || record.live.size === 0) return false;
    record.messagesOut++;
    this.#keep(device, { at: this.#clock.now(), direction: "out", topic, bytes, refused });
    return true;
  }

  /** Something of a device was refused: the newest message of that topic that was not refused before, if it is kept. */
  refused(device: Hex, topic: string, code: string): void {
    const { refused } = this.#recordOf(device);
    refused.set(code, (refused.get(code) ?? 0) + 1);
    const message = this.#messages
      .get(device)
      ?.findLast((one) => one.direction === "in" && one.topic === topic && one.refused === null);
    if (message) message.refused = code;
  }

  #recordOf(device: Hex): DeviceRecord {
    const there = this.#devices.get(device);
    if (there) return there;
    const live = new Map<string, Session>();
    const record: DeviceRecord = {
      ...{ link: null, origin: null, goneAt: null, heardAt: null, isWatched: true },
      ...{ messagesIn: 0, messagesOut: 0, sessions: 0 },
      live,
      refused: new Map(),
      get sessionSince() {
        for (const { since } of live.values()) return since;
        return null;
      },
    };
    this.#devices.set(device, record);
    return record;
  }

  #keep(device: Hex, message: Kept): void {
    const kept = this.#messages.get(device) ?? [];
    if (kept.length === MOST_MESSAGES) kept.shift();
    kept.push(message);
    this.#messages.delete(device);
    this.#messages.set(device, kept);
    if (this.#messages.size <= MOST_DEVICES) return;
    for (const oldest of this.#messages.keys()) {
      this.#messages.delete(oldest);
      return;
    }
  }
}
