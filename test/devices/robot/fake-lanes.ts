/** A reader of lanes that shows what it is told, and counts how often it was asked. */
import type { LaneReader, LaneReading } from "../../../devices/robot/lane-reader.ts";
import type { Hex } from "../../../src/base/bytes.ts";
import { amount, ZERO } from "../../../src/base/money.ts";

export class FakeLanes implements LaneReader {
  /** Of every lane, unless its payer has one of its own. */
  shown: LaneReading = { epoch: 1, deposit: amount(1_000_000n), settled: ZERO, closeAt: 0, window: 0 };
  readonly byPayer = new Map<Hex, LaneReading>();
  /** Thrown in place of a reading. */
  fault: Error | null = null;
  /** Waited for before each reading. */
  gate: Promise<void> = Promise.resolve();
  reads = 0;

  async lane(payer: Hex): Promise<LaneReading> {
    this.reads++;
    await this.gate;
    if (this.fault) throw this.fault;
    return this.byPayer.get(payer) ?? this.shown;
  }

  show(more: Partial<LaneReading>): void {
    this.shown = { ...this.shown, ...more };
  }
}
