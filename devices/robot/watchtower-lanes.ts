/** Lanes as a watchtower shows them, for devices that speak to no chain. */
import { z } from "zod";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import { Fault } from "../../src/base/fault.ts";
import { amount } from "../../src/protocol/scalar.ts";
import { fetchJson } from "./http.ts";
import type { LaneReader } from "./lane-reader.ts";

const shown = z.object({
  epoch: z.number().int().min(0).max(0xffffff),
  deposit: amount,
  settled: amount,
  closeAt: z.number().int().min(0),
  window: z.number().int().min(0).max(3),
  block: z.number().int().min(0).optional(),
});

/**
 * Asks a watchtower: `GET <url>/lane?payer=…&payee=…&token=…`, answered by JSON with amounts as decimal text of atomic
 * units.
 *
 * @param url - without the `/lane`
 */
export function watchtowerLanes(url: string, clock: Clock = systemClock): LaneReader {
  return {
    lane: async (payer, payee, token) => {
      const query = new URLSearchParams({ payer, payee, token });
      const answer = await fetchJson(clock, `${url.replace(/\/$/, "")}/lane?${query}`);
      const lane = shown.safeDecode(answer as never);
      if (lane.success) {
        const { block, ...reading } = lane.data;
        return block === undefined ? reading : { ...reading, block: BigInt(block) };
      }
      throw new Fault("chain_unreachable", "the watchtower's answer is no lane", { cause: lane.error });
    },
  };
}
