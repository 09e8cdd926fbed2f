/**
 * Opens a serial path and keeps it open. A device that is unplugged, or a server that goes away, is an event; the path
 * is tried again after 25 ms, then after twice as long each time, up to half a second. A device that appears is tried at
 * once, and then every 25 ms for two seconds: the system may still be setting its permissions.
 */
import { existsSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import type { Clock } from "../../base/clock.ts";
import { Fault, isFault } from "../../base/fault.ts";
import { type DeviceOptions, deviceOpener } from "./device-port.ts";
import type { Opener, OpenPort } from "./open-port.ts";
import { watchPath } from "./path-watch.ts";
import { isTcpPath, tcpOpener } from "./tcp-port.ts";

const FIRST_WAIT_MS = 25;
const LAST_WAIT_MS = 500;
/** An open path that lasts this long starts the waits over. */
const STEADY_MS = 250;
/** Attempts, {@link FIRST_WAIT_MS} apart, on a device that has just appeared. */
const FRESH_ATTEMPTS = 80;

export interface PortOptions extends DeviceOptions {
  /** The path is open. The callee sets the byte listener at once. */
  onOpen(port: OpenPort): void;
  /**
   * The open path is gone (`link_lost`), or an attempt failed: `link_lost`, `port_busy`, `usage` for no serial device, or
   * `config_syntax` for another USB device than the allowed ones.
   */
  onLost(fault: Fault): void;
}

/**
 * Starts opening, and opens again until the returned function is called, which resolves when nothing is held.
 *
 * @throws {@link Fault} `usage` for a TCP path without host or port
 */
export function keepPortOpen(options: PortOptions): () => Promise<void> {
  const { path, clock } = options;
  const opener = isTcpPath(path) ? tcpOpener(options) : deviceOpener(options);
  const stopping = new AbortController();
  const attempts = new Attempts(isTcpPath(path) ? null : resolve(path), clock);

  const run = async () => {
    while (!stopping.signal.aborted) {
      attempts.begin();
      await useOnce(opener, options, attempts, stopping.signal);
      await attempts.wait(stopping.signal);
    }
    attempts.pause();
  };
  const stopped = run();
  return () => {
    stopping.abort();
    return stopped;
  };
}

/** One life of the path, from opening to letting go of it. */
async function useOnce(
  opener: Opener,
  options: PortOptions,
  attempts: Attempts,
  signal: AbortSignal,
): Promise<void> {
  const { path } = options;
  const gone = Promise.withResolvers<unknown>();
  const onAbort = () => gone.resolve(undefined);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    const port = await opener(gone.resolve, signal);
    try {
      if (signal.aborted) return;
      attempts.pause();
      options.onOpen(port);
      const cause = await gone.promise;
      // Closing takes its time, and the device may be back before that.
      attempts.watch();
      options.onLost(lostFault(path, cause));
    } finally {
      await port.close();
    }
  } catch (error) {
    const fault = lostFault(path, error);
    const isTooEarly = attempts.isFresh && fault.facts["isPermitted"] === false;
    if (!signal.aborted && !isTooEarly) options.onLost(fault);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

function lostFault(path: string, cause: unknown): Fault {
  if (isFault(cause)) return cause;
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  const why = typeof code === "string" && code !== "ENOENT" ? ` (${code})` : "";
  return new Fault("link_lost", `${path} is not there${why}`, { cause, facts: { path } });
}

/** When to try next. */
class Attempts {
  /** Null for what no folder shows. */
  readonly #path: string | null;
  readonly #clock: Clock;
  #waitMs = FIRST_WAIT_MS;
  #startedAt = 0;
  /** Attempts left on a device that has just appeared. */
  #fresh = 0;
  #stopWatching: (() => void) | null = null;
  #wake = () => {};

  constructor(path: string | null, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
  }

  /** Whether the device has just appeared. */
  get isFresh(): boolean {
    return this.#fresh > 0;
  }

  begin(): void {
    this.#startedAt = this.#clock.now();
    this.watch();
  }

  /** Looks out for the device, so that what appears during an attempt is not missed either. */
  watch(): void {
    const path = this.#path;
    if (path === null || this.#stopWatching !== null) return;
    this.#stopWatching = watchPath(dirname(path), basename(path), () => {
      if (!existsSync(path)) return;
      this.#fresh = FRESH_ATTEMPTS;
      this.#wake();
    });
  }

  /** Watches no more: the path is open, or nobody wants it. */
  pause(): void {
    this.#fresh = 0;
    this.#stopWatching?.();
    this.#stopWatching = null;
  }

  async wait(signal: AbortSignal): Promise<void> {
    if (this.#clock.now() - this.#startedAt >= STEADY_MS) this.#waitMs = FIRST_WAIT_MS;
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    signal.addEventListener("abort", this.#wake);
    if (signal.aborted) woken.abort();
    const ms = this.#fresh > 0 ? FIRST_WAIT_MS : this.#waitMs;
    await this.#clock.sleep(ms, woken.signal).catch(() => {});
    signal.removeEventListener("abort", this.#wake);
    this.#wake = () => {};
    if (this.#fresh > 0) this.#fresh--;
    else this.#waitMs = Math.min(2 * this.#waitMs, LAST_WAIT_MS);
    if (this.#fresh > 0) this.#waitMs = FIRST_WAIT_MS;
  }
}
