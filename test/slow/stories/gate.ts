/** A gate that a story closes to hold somebody at one point, and opens to let all who wait go on. */
import type { LaneReader } from "../../../devices/robot/lane-reader.ts";
import type { ServeOptions } from "../../../devices/robot/serve.ts";

export class Gate {
  #opened: PromiseWithResolvers<void> | null = null;

  close(): void {
    this.#opened ??= Promise.withResolvers<void>();
  }

  open(): void {
    this.#opened?.resolve();
    this.#opened = null;
  }

  /** Resolves at once while the gate is open. */
  async passed(): Promise<void> {
    await this.#opened?.promise;
  }

  /** Lanes that are not told while the gate is closed. */
  reader(lanes: LaneReader): LaneReader {
    return {
      lane: async (...key) => {
        await this.passed();
        return await lanes.lane(...key);
      },
    };
  }

  /** Runs that do not begin while the gate is closed. */
  runs(executor: ServeOptions["executor"]): ServeOptions["executor"] {
    return {
      run: async (request) => {
        await this.passed();
        return await executor.run(request);
      },
    };
  }
}
