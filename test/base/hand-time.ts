/** A machine's two clocks, moved by a test. */
import type { TimeSource } from "../../src/base/clock.ts";

export class HandTime implements TimeSource {
  #wall: number;
  #steady = 0;

  constructor(wall: number) {
    this.#wall = wall;
  }

  wall(): number {
    return this.#wall;
  }

  steady(): number {
    return this.#steady;
  }

  /** So many milliseconds go by on both. */
  pass(ms: number): void {
    this.#wall += ms;
    this.#steady += ms;
  }

  /** Somebody sets the machine's clock by so much. */
  set(by: number): void {
    this.#wall += by;
  }
}
