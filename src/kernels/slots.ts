/** Areas of one length that are taken and given back: memory that was reserved once is used again. */
import type { Memory } from "./memory.ts";

export class Slots {
  readonly #memory: Memory;
  readonly #free: number[] = [];
  /** Bytes of each. */
  readonly length: number;

  constructor(memory: Memory, length: number) {
    this.#memory = memory;
    this.length = length;
  }

  /** The address of one, with whatever its last user left in it. */
  take(): number {
    return this.#free.pop() ?? this.#memory.reserve(this.length);
  }

  /** Whoever gives one back keeps no address of it. */
  give(address: number): void {
    this.#free.push(address);
  }
}
