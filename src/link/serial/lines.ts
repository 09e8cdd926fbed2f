/**
 * All serial lines of a gateway: those that are named, and one for each adapter that a pattern finds.
 *
 * A pattern is a path whose last part has `*` or `?` in it: `/dev/serial/by-id/*`. Its folder is watched; a name that
 * appears gets a line, which ends when the name goes. What another entry names is that entry's, whichever link leads
 * there; what several patterns find is the first one's.
 */
import { readdirSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Duplex } from "node:stream";
import type { Clock } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import { type LineProfile, type LineState, openSerialLine, type SerialLine } from "./line.ts";
import { watchPath } from "./path-watch.ts";
import type { LinkStatistics } from "./statistics.ts";
import { isTcpPath } from "./tcp-port.ts";
import { usbIdOf } from "./usb.ts";

/** How often folders are looked at besides, where the system does not tell of changes. */
const LOOK_MS = 500;

/** One line, or a pattern of them, as `[[serial]]` has it. */
export type SerialEntry = {
  /** `/dev/...`, `tcp://host:port`, or a pattern. */
  readonly path: string;
  /** Bits per second. */
  readonly baud: number;
  readonly profile: LineProfile;
  /** The USB devices it is meant for, `vendor:product`; any device when there is none in it. */
  readonly usb: readonly string[];
};

/** How one line is doing. */
export type LineReport = {
  readonly path: string;
  readonly baud: number;
  readonly profile: LineProfile;
  /** `vendor:product`; null when it is no USB device, or not there. */
  readonly usb: string | null;
  readonly state: LineState;
  /** From sending to the acknowledgement, milliseconds, smoothed; null where it is not measured. */
  readonly roundTripMs: number | null;
  /** Since the line was opened, live. */
  readonly statistics: Readonly<LinkStatistics>;
};

export interface SerialLinesOptions {
  readonly entries: readonly SerialEntry[];
  readonly clock: Clock;
  /** Where the kernel lists its terminals: /sys/class/tty by default. */
  readonly ttyFolder?: string | undefined;
  /** A new session on the line of this path; the path's stream before it is destroyed by then. */
  onSession(stream: Duplex, path: string): void;
  /** A path is not there (any more), may not be opened, or brings what is no frame. */
  onFault(fault: Fault): void;
}

type OpenLine = {
  readonly entry: SerialEntry;
  readonly path: string;
  state: LineState;
  /** What was said of it since its last session: a line that comes and goes says the same thing once. */
  readonly said: Set<string>;
  readonly line: SerialLine;
};

/** Whether a serial path is a pattern of device names. */
export function isPattern(path: string): boolean {
  return !isTcpPath(path) && /[*?]/.test(basename(path));
}

/**
 * The devices that a pattern finds now, as paths; none where its folder is not there.
 *
 * @param pattern - absolute; only its last part is one
 * @throws what the system says, when the folder is there and cannot be read
 */
export function findDevices(pattern: string): string[] {
  const folder = dirname(pattern);
  const source = basename(pattern).replaceAll(/[\\^$.|+()[\]{}]/g, "\\$&");
  const name = new RegExp(`^${source.replaceAll("*", ".*").replaceAll("?", ".")}$`);
  try {
    const names = readdirSync(folder).filter((one) => name.test(one));
    return names.toSorted().map((one) => join(folder, one));
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw error;
  }
}

export class SerialLines {
  readonly #options: SerialLinesOptions;
  readonly #lines = new Map<string, OpenLine>();
  /** Lines whose paths are not free yet. */
  readonly #closing = new Map<string, Promise<void>>();
  readonly #stops: (() => void)[] = [];
  #cancelLook = () => {};
  #isClosed: boolean = false;

  /**
   * Opens what is named and what is found.
   *
   * @throws {@link Fault} `usage` for a TCP path without host or port
   */
  constructor(options: SerialLinesOptions) {
    this.#options = options;
    for (const entry of options.entries) if (!isPattern(entry.path)) this.#open(entry.path, entry);
    const patterns = options.entries.filter(({ path }) => isPattern(path));
    if (patterns.length === 0) return;
    for (const folder of new Set(patterns.map(({ path }) => dirname(path)))) {
      this.#stops.push(watchPath(folder, null, () => this.#look(patterns)));
    }
    this.#lookAgain(patterns);
  }

  /** Every line that is open now, or tries to be. */
  get reports(): readonly LineReport[] {
    const { ttyFolder } = this.#options;
    return [...this.#lines.values()].map(({ entry: { baud, profile }, path, state, line }) => {
      const target = targetOf(path);
      const usb = target === null ? null : usbIdOf(target, ttyFolder);
      const { stats: statistics, roundTripMs } = line;
      return { path, baud, profile, usb, state, roundTripMs, statistics };
    });
  }

  /** Ends every session; resolves when all ports are released. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const stop of this.#stops) stop();
    this.#cancelLook();
    await Promise.all([
      ...this.#closing.values(),
      ...[...this.#lines.values()].map(({ line }) => line.close()),
    ]);
  }

  #lookAgain(patterns: readonly SerialEntry[]): void {
    this.#look(patterns);
    this.#cancelLook = this.#options.clock.after(LOOK_MS, () => this.#lookAgain(patterns));
  }

  #look(patterns: readonly SerialEntry[]): void {
    if (this.#isClosed) return;
    let wanted: Map<string, SerialEntry>;
    try {
      wanted = this.#wanted(patterns);
    } catch {
      // Not even a folder can be opened now: that is no reason to end the sessions that there are.
      return;
    }
    for (const [path, { entry }] of this.#lines) {
      if (isPattern(entry.path) && wanted.get(path) !== entry) this.#closeLine(path, patterns);
    }
    for (const [path, entry] of wanted) {
      if (!this.#lines.has(path) && !this.#closing.has(path)) this.#open(path, entry);
    }
  }

  /** Which devices there are, and whose they are. */
  #wanted(patterns: readonly SerialEntry[]): Map<string, SerialEntry> {
    const { entries, ttyFolder } = this.#options;
    const taken = new Set(
      entries.filter(({ path }) => !isPattern(path) && !isTcpPath(path)).map(({ path }) => targetOf(path)),
    );
    const wanted = new Map<string, SerialEntry>();
    for (const entry of patterns) {
      // A device may have several names, of which one has a line already.
      const isNew = (path: string) => Number(!this.#lines.has(path));
      for (const path of findDevices(entry.path).toSorted((one, other) => isNew(one) - isNew(other))) {
        const target = targetOf(path);
        if (target === null || taken.has(target) || !isTerminal(target)) continue;
        if (entry.usb.length > 0 && !entry.usb.includes(usbIdOf(target, ttyFolder) ?? "")) continue;
        taken.add(target);
        wanted.set(path, entry);
      }
    }
    return wanted;
  }

  #open(path: string, entry: SerialEntry): void {
    const { clock, ttyFolder, onSession, onFault } = this.#options;
    const { baud, profile, usb } = entry;
    const line = openSerialLine({
      ...{ path, baud, profile, usb, role: "gateway", clock },
      ...(ttyFolder === undefined ? {} : { ttyFolder }),
      onSession: (stream) => onSession(stream, path),
      onState: (state) => {
        opened.state = state;
        // Whoever closes a line knows that it is lost.
        if (this.#isClosed || this.#lines.get(path) !== opened) return;
        if (state.state === "session") opened.said.clear();
        else if (state.fault !== undefined && !opened.said.has(state.fault.message)) {
          opened.said.add(state.fault.message);
          onFault(state.fault);
        }
      },
    });
    const state: LineState = { state: "absent", fault: notThere(path) };
    const opened: OpenLine = { entry, path, state, said: new Set(), line };
    this.#lines.set(path, opened);
  }

  /** Ends the line of a name that is gone, or somebody else's now. */
  #closeLine(path: string, patterns: readonly SerialEntry[]): void {
    const open = this.#lines.get(path);
    if (open === undefined) return;
    this.#lines.delete(path);
    if (open.state.state !== "absent") this.#options.onFault(notThere(path));
    const closed = open.line.close().then(() => {
      this.#closing.delete(path);
      this.#look(patterns);
    });
    this.#closing.set(path, closed);
  }
}

function notThere(path: string): Fault {
  return new Fault("link_lost", `${path} is not there`, { facts: { path } });
}

/** What a path leads to; null when it leads nowhere. */
function targetOf(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
}

function isTerminal(path: string): boolean {
  try {
    return statSync(path).isCharacterDevice();
  } catch {
    return false;
  }
}
