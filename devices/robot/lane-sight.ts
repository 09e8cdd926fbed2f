/**
 * The device's view of its two lanes: through the reader its owner chose, or by the gateway's word.
 *
 * A reading serves for a few seconds, unless the gateway's terms change or it has to be fresh.
 */
import type { Hex } from "../../src/base/bytes.ts";
import type { Clock, Instant } from "../../src/base/clock.ts";
import { Fault } from "../../src/base/fault.ts";
import type { Terms } from "../../src/protocol/message.ts";
import type { Market } from "../../src/protocol/typed-data.ts";
import type { LaneReader, LaneReading } from "./lane-reader.ts";

/** A reading; the gateway's word does not tell the window. */
export type Sight = Omit<LaneReading, "window"> & { readonly window: number | null };

export type LaneSightOptions = {
  readonly source: LaneReader | "trustGateway";
  readonly market: Market;
  readonly device: Hex;
  /** What the gateway told last; null before the first login. */
  readonly terms: () => Terms | null;
  readonly clock: Clock;
};

type Side = "lane" | "reverse";

type Cached = { readonly reading: Promise<Sight>; isDone: boolean; readonly from: Instant };

/** How long a reading serves, milliseconds. */
const FRESH_MS = 3_000;

export class LaneSight {
  readonly #options: LaneSightOptions;
  readonly #cached = new Map<Side, Cached>();

  constructor(options: LaneSightOptions) {
    this.#options = options;
  }

  /** Whether the gateway's word is taken for both lanes. */
  get isTrusting(): boolean {
    return this.#options.source === "trustGateway";
  }

  /** The epoch that the gateway says it signs its vouchers for; null before the first login. */
  get promisedEpoch(): number | null {
    return this.#options.terms()?.reverse.epoch ?? null;
  }

  /**
   * The lane from this device to the gateway.
   *
   * @throws {@link Fault} as {@link LaneReader.lane}, `link_lost` when only the gateway could tell and has not yet
   */
  lane(): Promise<Sight> {
    return this.#see("lane", false);
  }

  /**
   * The lane from the gateway to this device, read anew.
   *
   * @throws {@link Fault} as {@link lane}
   */
  reverse(): Promise<Sight> {
    return this.#see("reverse", true);
  }

  /** What was read counts no longer: the lanes have changed. */
  forget(): void {
    this.#cached.clear();
  }

  #see(side: Side, isFresh: boolean): Promise<Sight> {
    const { clock } = this.#options;
    const cached = this.#cached.get(side);
    // A reading that is still under way is as fresh as one that begins now.
    const serves = cached && (!cached.isDone || (!isFresh && clock.now() - cached.from < FRESH_MS));
    if (serves) return cached.reading;
    const fresh: Cached = { reading: this.#read(side), isDone: false, from: clock.now() };
    this.#cached.set(side, fresh);
    const failed = () => {
      if (this.#cached.get(side) === fresh) this.#cached.delete(side);
    };
    fresh.reading.then(() => {
      fresh.isDone = true;
    }, failed);
    return fresh.reading;
  }

  async #read(side: Side): Promise<Sight> {
    const { source, market, device, terms } = this.#options;
    const { gateway, token } = market;
    if (source !== "trustGateway") {
      return await (side === "lane"
        ? source.lane(device, gateway, token)
        : source.lane(gateway, device, token));
    }
    const told = terms()?.[side];
    if (!told) throw new Fault("link_lost", "no terms yet: the gateway has not been reached");
    const { epoch, deposit, settled, closeAt } = told;
    return { epoch, deposit, settled, closeAt, window: null };
  }
}
