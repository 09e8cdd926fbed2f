/**
 * Tells systemd how the gateway is: when it serves, that it lives, and that it stops (`Type=notify`, `WatchdogSec=`).
 *
 * A sign of life goes out only after a command has gone through the whole heartbeat: a process whose loop turns while its
 * heart stands still is started again.
 */
import { execFile } from "node:child_process";
import type { Clock } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";

/** For how much longer a start may go on after each word of progress, microseconds. */
const EXTEND_US = 120_000_000;

/** How long one message may take, milliseconds. */
const PATIENCE_MS = 10_000;

/** How often the line in `systemctl status` is brought up to date where there is no watchdog, milliseconds. */
const STATUS_MS = 30_000;

export type SupervisorOptions = {
  /** `NOTIFY_SOCKET`, `WATCHDOG_USEC`, `WATCHDOG_PID` and `PATH` are read. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** This process: a watchdog that is another's is not answered. */
  readonly pid: number;
  readonly clock: Pick<Clock, "after">;
  /** Resolves once the gateway has done something from end to end. */
  readonly probe: () => Promise<void>;
  /** One line for `systemctl status`. */
  readonly status: () => string;
  readonly onFault: (fault: unknown) => void;
};

/** What systemd is told. None of it is waited for by anything but an end, and nothing of it throws. */
export interface Supervisor {
  /** The start takes long, and goes on. */
  busy(line: string): void;
  /** The gateway serves; signs of life begin. */
  ready(): void;
  /** The gateway ends; signs of life go on until {@link Supervisor.close}. Resolves once it is said. */
  stopping(): Promise<void>;
  /** Resolves when nothing is under way any more. */
  close(): Promise<void>;
}

/** Where nobody supervises, all of it does nothing. */
export function openSupervisor(options: SupervisorOptions): Supervisor {
  const { NOTIFY_SOCKET: socket = "" } = options.env;
  return socket === "" ? UNSUPERVISED : new Notifier(options, socket);
}

const UNSUPERVISED: Supervisor = {
  busy: () => undefined,
  ready: () => undefined,
  stopping: () => Promise.resolve(),
  close: () => Promise.resolve(),
};

class Notifier implements Supervisor {
  readonly #options: SupervisorOptions;
  readonly #socket: string;
  /** Messages go out one after the other, so that the newest is believed. */
  #sending: Promise<void> = Promise.resolve();
  #isMissingTold: boolean = false;
  #isClosed: boolean = false;
  #isProbing: boolean = false;
  #stopTimer: () => void = () => undefined;

  constructor(options: SupervisorOptions, socket: string) {
    this.#options = options;
    this.#socket = socket;
  }

  busy(line: string): void {
    void this.#send(statusOf(line), `EXTEND_TIMEOUT_USEC=${EXTEND_US}`);
  }

  ready(): void {
    void this.#send("READY=1", statusOf(this.#options.status()));
    this.#wait();
  }

  stopping(): Promise<void> {
    return this.#send("STOPPING=1", statusOf("stopping"));
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#stopTimer();
    return this.#sending;
  }

  #wait(): void {
    if (this.#isClosed) return;
    const watchdog = watchdogMs(this.#options);
    this.#stopTimer = this.#options.clock.after(watchdog === null ? STATUS_MS : watchdog / 2, () => {
      void this.#sign(watchdog !== null);
      this.#wait();
    });
  }

  async #sign(isWatched: boolean): Promise<void> {
    // one that does not come back is waited for, so that silence is what systemd hears
    if (this.#isProbing) return;
    this.#isProbing = true;
    try {
      await this.#options.probe();
      if (!this.#isClosed)
        await this.#send(...(isWatched ? ["WATCHDOG=1"] : []), statusOf(this.#options.status()));
    } catch (fault) {
      this.#options.onFault(fault);
    } finally {
      this.#isProbing = false;
    }
  }

  #send(...lines: readonly string[]): Promise<void> {
    this.#sending = this.#sending.then(() => this.#notify(lines));
    return this.#sending;
  }

  /** Node has no datagram sockets in the file system: systemd's own program writes to it. */
  #notify(lines: readonly string[]): Promise<void> {
    const { PATH } = this.#options.env;
    const env = { NOTIFY_SOCKET: this.#socket, ...(PATH === undefined ? {} : { PATH }) };
    return new Promise((resolve) => {
      execFile("systemd-notify", lines, { env, timeout: PATIENCE_MS }, (cause) => {
        if (cause) this.#tellMissing(cause);
        resolve();
      });
    });
  }

  #tellMissing(cause: Error): void {
    if (this.#isMissingTold) return;
    this.#isMissingTold = true;
    const isMissing = "code" in cause && cause.code === "ENOENT";
    const why = isMissing ? "it is not installed" : cause.message.trim();
    const words = `systemd-notify cannot tell the supervisor how the gateway is: ${why}; install systemd, or set Type=exec and no WatchdogSec`;
    this.#options.onFault(new Fault(isMissing ? "not_found" : "timed_out", words, { cause }));
  }
}

function statusOf(line: string): string {
  return `STATUS=${line.replace(/\s+/g, " ")}`;
}

/** Within which time systemd wants a sign of life of this process, milliseconds; null when it wants none. */
function watchdogMs({ env, pid }: Pick<SupervisorOptions, "env" | "pid">): number | null {
  const { WATCHDOG_USEC: usec = "", WATCHDOG_PID: whose } = env;
  if (!/^[1-9]\d*$/.test(usec) || (whose !== undefined && whose !== String(pid))) return null;
  return Number(usec) / 1_000;
}
