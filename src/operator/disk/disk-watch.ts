/**
 * Watches how much room the data folder's disk has left. Below the reserve new offers are not taken, so that what is open
 * can be finished and paid with the rest; a little above it they are taken again.
 */
import type { Clock } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import { bytesText, type FreeBytes, freeBytes } from "./free-bytes.ts";

/** Between two looks, milliseconds. */
const EVERY_MS = 5_000;

/** The same when the reserve is near, or reached. */
const NEAR_EVERY_MS = 1_000;

/** From this many times the reserve down it is near. */
const NEAR = 4;

/** It is over at this many times the reserve, so that a disk at the border is not told of at each look. */
export const OVER = 1.1;

export type DiskWatchOptions = {
  readonly folder: string;
  /** Bytes that are to stay free. */
  readonly reserve: number;
  readonly clock: Clock;
  readonly free?: FreeBytes;
  /** Is told a `disk_full` each time that the reserve is reached. */
  readonly onFault: (fault: Fault) => void;
  /** The reserve was reached, or is free again. */
  readonly onChange: (isFull: boolean) => void;
};

export class DiskWatch {
  readonly #options: DiskWatchOptions;
  #isFull: boolean = false;
  #cancel: () => void = () => undefined;

  constructor(options: DiskWatchOptions) {
    this.#options = options;
  }

  /** Whether less than the reserve is left. What cannot be read leaves what was known. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** Looks at once, and goes on looking. */
  start(): void {
    const free = this.#look();
    const { reserve, clock } = this.#options;
    const isNear = free !== null && free < NEAR * reserve;
    this.#cancel = clock.after(isNear ? NEAR_EVERY_MS : EVERY_MS, () => this.start());
  }

  stop(): void {
    this.#cancel();
  }

  #look(): number | null {
    const { folder, reserve, free = freeBytes, onFault, onChange } = this.#options;
    const found = free(folder);
    if (found === null) return null;
    const isFull = found < (this.#isFull ? OVER * reserve : reserve);
    if (isFull === this.#isFull) return found;
    this.#isFull = isFull;
    if (isFull) onFault(nearlyFull(folder, found, reserve));
    onChange(isFull);
    return found;
  }
}

function nearlyFull(folder: string, free: number, reserve: number): Fault {
  const room = `${bytesText(free)} are free where ${folder} is, and ${bytesText(reserve)} are kept for open tasks`;
  return new Fault("disk_full", `new offers are not taken: ${room}; make room there`, {
    facts: { folder, free, reserve },
  });
}
