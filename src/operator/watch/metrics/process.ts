/** What the process itself is like, under the names that every exporter uses. What a system does not tell is left out. */
import { readdirSync, readFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Clock } from "../../../base/clock.ts";

export type ProcessFigures = {
  readonly process_cpu_seconds_total: number;
  readonly process_resident_memory_bytes: number;
  readonly process_virtual_memory_bytes: number | null;
  readonly process_heap_bytes: number;
  readonly process_open_fds: number | null;
  readonly process_max_fds: number | null;
  readonly process_start_time_seconds: number;
  readonly nodejs_eventloop_lag_seconds: number | null;
};

/** How often the event loop is looked at, milliseconds. */
const LOOK_MS = 20;

const NS_PER_MS = 1e6;

/** Reads them whenever it is asked; between readings it watches the event loop. */
export class ProcessGauge {
  readonly #delay = monitorEventLoopDelay({ resolution: LOOK_MS });
  readonly #startedAt: number;

  constructor(clock: Pick<Clock, "now">) {
    this.#startedAt = clock.now() / 1_000 - process.uptime();
    this.#delay.enable();
  }

  read(): ProcessFigures {
    const { user, system } = process.cpuUsage();
    const { rss, heapTotal } = process.memoryUsage();
    return {
      process_cpu_seconds_total: (user + system) / 1e6,
      process_resident_memory_bytes: rss,
      process_virtual_memory_bytes: ofProc("status", /^VmSize:\s+(\d+) kB$/m, 1_024),
      process_heap_bytes: heapTotal,
      process_open_fds: openFiles(),
      process_max_fds: ofProc("limits", /^Max open files\s+(\d+)/m, 1),
      process_start_time_seconds: this.#startedAt,
      nodejs_eventloop_lag_seconds: this.#lag(),
    };
  }

  stop(): void {
    this.#delay.disable();
  }

  /** The delay beyond what was asked for; null when the loop has not turned since. */
  #lag(): number | null {
    const { count, mean } = this.#delay;
    this.#delay.reset();
    return count === 0 ? null : Math.max(0, mean / NS_PER_MS - LOOK_MS) / 1_000;
  }
}

/** Bytes that this process has had written to disks since it started; null where the system does not say. */
export function writtenBytes(): number | null {
  return ofProc("io", /^write_bytes: (\d+)$/m, 1);
}

function ofProc(file: string, pattern: RegExp, unit: number): number | null {
  try {
    const found = pattern.exec(readFileSync(`/proc/self/${file}`, "utf8"))?.[1];
    return found === undefined ? null : Number(found) * unit;
  } catch {
    return null;
  }
}

function openFiles(): number | null {
  try {
    // the folder itself is open while it is read
    return readdirSync("/proc/self/fd").length - 1;
  } catch {
    return null;
  }
}
