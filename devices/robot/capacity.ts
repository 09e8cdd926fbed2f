/** What a provider is able and willing to run, and why it would not take something on. */
import { COSTS_HASH, METER_VERSION } from "../../src/firmware/meter/costs.ts";
import { isTrusted } from "../../src/firmware/trust.ts";
import type { MemoryClass, Profile } from "../../src/protocol/fuel.ts";
import type { Message } from "../../src/protocol/message.ts";
import type { Trust } from "./trust.ts";

export type Capacity = {
  /** Whose task firmware is run; nothing else is. */
  readonly trust: Trust;
  /** What the device's factsheet says. */
  readonly profiles: readonly Profile[];
  readonly memoryMiB: number;
  /** Fuel per second by memory class; null when it was not measured, and time is then not looked at. */
  readonly speed: ReadonlyMap<MemoryClass, number> | null;
};

/** What an announce and an award say of the run. */
type Work = Pick<
  Message<"announce">,
  "firmware" | "profile" | "memoryMiB" | "fuelLimit" | "meter" | "costs" | "manifest"
>;

/** How many times slower than what was measured a program may burn its fuel, and still be done: a mean is no promise. */
const SLOWEST = 4;

/**
 * Why a run is not for this device, or null when it is.
 *
 * @param leftMs - until the run has to be over, milliseconds
 */
export function whyNotFor(work: Work, capacity: Capacity, leftMs: number): string | null {
  const { profile, memoryMiB, fuelLimit } = work;
  const { trust, speed } = capacity;
  if (work.meter !== METER_VERSION || work.costs !== COSTS_HASH) return "another meter is to count its fuel";
  if (!capacity.profiles.includes(profile)) return `we do not run profile ${profile}`;
  if (memoryMiB > capacity.memoryMiB)
    return `it may use ${memoryMiB} MiB of memory, of our ${capacity.memoryMiB}`;
  const needMs = speed && (SLOWEST * 1_000 * fuelLimit) / (speed.get(memoryMiB) ?? 0);
  if (needMs !== null && needMs > leftMs) return "its fuel may not be burnt in time";
  return isTrusted(trust, work.firmware, work.manifest) ? null : "its firmware is not trusted";
}

/** Whether an award is for the run that was announced. */
export function isAsAnnounced(award: Message<"award">, announce: Message<"announce">): boolean {
  return (
    award.requester === announce.requester &&
    award.firmware === announce.firmware &&
    award.firmwareBytes === announce.firmwareBytes &&
    award.inputBytes === announce.inputBytes &&
    award.profile === announce.profile &&
    award.memoryMiB === announce.memoryMiB &&
    award.fuelLimit === announce.fuelLimit &&
    award.meter === announce.meter &&
    award.costs === announce.costs
  );
}

/** An award as it was announced, or must have been: for one without a bid that we remember. */
export function announceOf(
  award: Message<"award">,
  maxPrice: Message<"announce">["maxPrice"],
): Message<"announce"> {
  const { task, requester, firmware, firmwareBytes, inputBytes, manifest } = award;
  const { profile, memoryMiB, fuelLimit, meter, costs, acceptBy, runBy } = award;
  return {
    version: 1,
    ...{ task, requester, firmware, firmwareBytes, inputBytes, maxPrice, bidBy: acceptBy, deadline: runBy },
    ...{ profile, memoryMiB, fuelLimit, meter, costs, ...(manifest && { manifest }) },
  };
}
