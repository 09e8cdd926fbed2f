/** The ask: rates that this device stands by, signed, as its factsheet shows them; renewed as long as it serves. */
import { instant } from "../../src/base/clock.ts";
import { Fault } from "../../src/base/fault.ts";
import type { Amount } from "../../src/base/money.ts";
import { COSTS_HASH, METER_VERSION } from "../../src/firmware/meter/costs.ts";
import { MEMORY_CLASSES, type MemoryClass } from "../../src/protocol/fuel.ts";
import type { Message } from "../../src/protocol/message.ts";
import { askDigest } from "../../src/protocol/typed-data.ts";
import type { Publish } from "./outbox.ts";
import type { RobotParts } from "./parts.ts";

/**
 * Checks that a device which is to serve says of itself what it runs.
 *
 * @throws {@link Fault} `usage` when it names no profile, or less memory than the least class: it would never hear of a
 * task
 */
export function mustRun({ profiles, memoryMiB }: Message<"factsheet">): void {
  const [least] = MEMORY_CLASSES;
  if (profiles.length > 0 && memoryMiB >= least) return;
  const said = `profiles [${profiles.join(", ")}] and memoryMiB ${memoryMiB}`;
  const needed = `serving takes a profile and memoryMiB of at least ${least}`;
  throw new Fault("usage", `the factsheet says ${said}: ${needed}`);
}

export type StandingRate = {
  readonly memoryMiB: MemoryClass;
  /** Atomic units for 10^12 of fuel, above zero, fee included. */
  readonly rate: Amount;
};

/** What the device asks, and how fast it was measured to be. */
export type Standing = {
  readonly rates: readonly StandingRate[];
  readonly speed: ReadonlyMap<MemoryClass, number> | null;
  /** When it began to say so, milliseconds of gateway time. */
  readonly measured: number;
  /** Whether it still serves: an ask of one that does not is not renewed. */
  readonly isServing: () => boolean;
};

/** How long an ask is good for, milliseconds; it is renewed after half of that, and at each session. */
const LIFE_MS = 86_400_000;

export class Asking {
  readonly #parts: RobotParts;
  readonly #publish: Publish;
  #factsheet: Message<"factsheet">;
  #standing: Standing | null = null;
  #unwatch: () => void = () => {};

  constructor(parts: RobotParts, publish: Publish) {
    this.#parts = parts;
    this.#publish = publish;
    this.#factsheet = parts.factsheet;
  }

  /** What the device says of itself, with its newest ask. */
  get factsheet(): Message<"factsheet"> {
    return this.#factsheet;
  }

  /** Stands by these rates from now on, in place of any before. */
  async stand(standing: Standing): Promise<void> {
    this.#standing = standing;
    await this.renew();
  }

  /** Signs the ask anew, and shows it. */
  async renew(): Promise<void> {
    const standing = this.#standing;
    this.#unwatch();
    if (!standing?.isServing()) return;
    const { market, signer, clock, events, now, factsheet } = this.#parts;
    const { rates, speed, measured } = standing;
    const fuelPerSecond = MEMORY_CLASSES.flatMap((memoryMiB) => {
      const fuel = Math.floor(speed?.get(memoryMiB) ?? 0);
      return fuel > 0 && memoryMiB <= factsheet.memoryMiB ? [{ memoryMiB, fuel }] : [];
    });
    const terms = { meter: METER_VERSION, costs: COSTS_HASH, rates: [...rates], fuelPerSecond };
    const ask = { ...terms, measured: instant(measured), expires: instant(now() + LIFE_MS) };
    const signature = await signer.sign(askDigest(market, signer.address, ask));
    if (this.#standing !== standing) return;
    this.#factsheet = { ...factsheet, ask: { ...ask, signature } };
    this.#publish("factsheet", this.#factsheet);
    this.#unwatch();
    this.#unwatch = clock.after(LIFE_MS / 2, () => {
      this.renew().catch((error: unknown) => events.emit({ kind: "fault", error }));
    });
  }

  /** Renews nothing any more. */
  stop(): void {
    this.#standing = null;
    this.#unwatch();
  }
}
