/** The emulator's machine protocol (QMP): commands as JSON lines, each answered in turn. */

import { createInterface } from "node:readline";
import type { Duplex } from "node:stream";
import { Fault } from "../../../src/base/fault.ts";

type Waiting = { readonly resolve: () => void; readonly reject: (fault: Fault) => void };

export class Monitor {
  readonly #stream: Duplex;
  readonly #waiting: Waiting[] = [];

  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.once("close", () => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Fault("link_lost", "the emulator ended"));
    });
    const lines = createInterface({ input: stream }).on("line", (text) => this.#hear(text));
    // A reader of lines passes its stream's errors on: each of the two needs somebody who hears them.
    for (const one of [stream, lines]) one.on("error", () => undefined);
  }

  /** Begins the conversation. */
  open(): Promise<void> {
    return this.execute("qmp_capabilities");
  }

  /**
   * Runs one command without arguments.
   *
   * @throws {@link Fault} `impossible` when the emulator refuses it, `link_lost` when it has ended
   */
  execute(command: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    if (this.#stream.destroyed) reject(new Fault("link_lost", "the emulator ended"));
    else this.#waiting.push({ resolve, reject });
    this.#stream.write(`${JSON.stringify({ execute: command })}\n`);
    return promise;
  }

  #hear(text: string): void {
    const said: unknown = JSON.parse(text);
    if (typeof said !== "object" || said === null) return;
    // The greeting and events are no answers.
    if ("return" in said) this.#waiting.shift()?.resolve();
    if ("error" in said) {
      this.#waiting.shift()?.reject(new Fault("impossible", `the emulator refused a command: ${text}`));
    }
  }
}
