/** The bytes of one order: held for the gateway to pull, and how much of them it has pulled. */
import type { Hex } from "../../src/base/bytes.ts";
import type { Blobs } from "./blobs.ts";
import type { Order } from "./order.ts";

/** Hears how many bytes of how many the gateway has pulled. */
export type UploadListener = (sent: number, total: number) => void;

export class Upload {
  readonly firmware: Hex;
  readonly input: Hex;
  readonly #blobs: Blobs;
  readonly #total: number;
  #unwatch: () => void = () => {};
  #isReleased: boolean = false;

  private constructor(blobs: Blobs, firmware: Hex, input: Hex, total: number) {
    this.#blobs = blobs;
    this.firmware = firmware;
    this.input = input;
    this.#total = total;
  }

  /**
   * Copies an order's bytes, at once, and names them.
   *
   * @param most - bytes that may be held for the gateway in all
   * @throws {@link Fault} `queue_full` when they would be more
   */
  static async hold(blobs: Blobs, { firmware, input }: Order, most: number): Promise<Upload> {
    const kept = await Promise.allSettled([blobs.keep(firmware, most), blobs.keep(input, most)]);
    const [module, run] = kept;
    if (module.status === "fulfilled" && run.status === "fulfilled") {
      return new Upload(blobs, module.value, run.value, firmware.length + input.length);
    }
    const reasons = kept.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
    for (const one of kept) if (one.status === "fulfilled") blobs.release(one.value);
    throw reasons[0];
  }

  /** Tells of each byte that the gateway pulls from now on, until released; what it has already it does not pull. */
  watch(told: UploadListener): void {
    this.#unwatch();
    const tell = () =>
      told(this.#blobs.pulledOf(this.firmware) + this.#blobs.pulledOf(this.input), this.#total);
    const stops = [this.firmware, this.input].map((hash) => this.#blobs.watch(hash, tell));
    this.#unwatch = () => {
      for (const stop of stops) stop();
    };
  }

  /** The gateway can pull them no longer, unless another order names them too. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#unwatch();
    this.#blobs.release(this.firmware);
    this.#blobs.release(this.input);
  }
}
