/**
 * The device's view of its two lanes: through the reader its owner chose, or by the gateway's word.
 *
 * A reading serves for a few seconds, unless the gateway's terms change or it has to be fresh; that a lane stands behind
 * a voucher it proves for longer, for lanes take an hour at least to close.
 */
import type { Hex } from "../../src/base/bytes.ts";
import type { Clock, Instant } from "../../src/base/clock.ts";
import { Fault } from "../../src/base/fault.ts";
import type { Terms } from "../../src/protocol/message.ts";
import type { Market } from "../../src/protocol/typed-data.ts";
import type { Voucher } from "../../src/protocol/voucher.ts";
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
/** How long a lane that was seen open stands behind its vouchers, milliseconds: less than the shortest window. */
const BACKS_MS = 600_000;

export class LaneSight {
  readonly #options: LaneSightOptions;
  readonly #cached = new Map<Side, Cached>();
  /** The newest reading of the lane to this device. */
  #open: { readonly sight: Sight; readonly from: Instant } | null = null;

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

  /**
   * Whether the gateway's lane to this device stands behind a voucher: in the life that it is signed for, and as far as
   * its total. Any other is worth nothing, though the gateway has signed it.
   *
   * @throws {@link Fault} as {@link lane}
   */
  async backs({ epoch, cumulative }: Voucher): Promise<boolean> {
    const isBehind = (sight: Sight) => sight.epoch === epoch && cumulative <= sight.deposit;
    const { clock } = this.#options;
    const open = this.#open;
    const serves = open !== null && open.sight.closeAt === 0 && clock.now() - open.from < BACKS_MS;
    return (serves && isBehind(open.sight)) || isBehind(await this.reverse());
  }

  /** What was read counts no longer: the lanes have changed. */
  forget(): void {
    this.#cached.clear();
    this.#open = null;
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
    fresh.reading.then((sight) => {
      fresh.isDone = true;
      const isNewest = side === "reverse" && this.#cached.get(side) === fresh;
      if (isNewest) this.#open = { sight, from: fresh.from };
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
