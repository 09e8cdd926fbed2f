/** How far a run is, told to its requester: each step at once, and in between once a second at most. */
import type { Hex } from "../../src/base/bytes.ts";
import type { Instant } from "../../src/base/clock.ts";
import type { Message } from "../../src/protocol/message.ts";
import type { RobotParts } from "./parts.ts";

type Step = Message<"progress">["step"];

/** Between two messages on the same step, milliseconds. */
const LEAST_MS = 1_000;

export class RunProgress {
  readonly #parts: Pick<RobotParts, "publish" | "clock" | "events">;
  readonly #task: Hex;
  #step: Step | null = null;
  #told: Instant | null = null;
  #unwatch: () => void = () => {};
  #isStopped: boolean = false;

  constructor(parts: Pick<RobotParts, "publish" | "clock" | "events">, task: Hex) {
    this.#parts = parts;
    this.#task = task;
  }

  /** Bytes of firmware and input, or of the output; see the message for the unit of each step. */
  tell(step: Step, done: number, total: number): void {
    const { publish, clock, events } = this.#parts;
    const now = clock.now();
    if (step === this.#step && this.#told !== null && now - this.#told < LEAST_MS) return;
    this.#step = step;
    this.#told = now;
    publish("progress", { version: 1, from: "device", task: this.#task, step, done, total });
    events.emit({ kind: "progress", task: this.#task, side: "provider", step, done, total });
  }

  /** Says every second that it runs, until {@link stop}: `wallMs` is what it may take, milliseconds. */
  running(wallMs: number): void {
    if (this.#isStopped) return;
    const { clock } = this.#parts;
    const begun = clock.now();
    const again = () => {
      this.tell("running", Math.max(0, Math.min(wallMs, clock.now() - begun)), wallMs);
      this.#unwatch = clock.after(LEAST_MS, again);
    };
    again();
  }

  /** Says nothing by itself any more. */
  stop(): void {
    this.#isStopped = true;
    this.#unwatch();
  }
}
