import { expect, it } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import { Fault } from "../../src/base/fault.ts";
import { amount, ZERO } from "../../src/base/money.ts";
import type { Chain, LaneKey } from "../../src/settlement/chain.ts";
import { LaneLookup } from "../../src/settlement/lane-lookup.ts";
import { VirtualClock } from "../link/serial/virtual-clock.ts";

const addressOf = (at: number) => `0x${at.toString(16).padStart(40, "0")}` as Hex;
const key = (at: number): LaneKey => ({ payer: addressOf(at), payee: addressOf(1), token: addressOf(2) });

/** A chain that answers when told: each lane holds as much as its payer's address says. */
function stand() {
  const requests: { payers: number[]; answer(fault?: Fault): void }[] = [];
  const chain: Pick<Chain, "lanes"> = {
    lanes(keys) {
      const payers = keys.map(({ payer }) => Number(payer));
      const { promise, resolve, reject } = Promise.withResolvers<Awaited<ReturnType<Chain["lanes"]>>>();
      const lanes = payers.map((payer) => ({
        ...{ deposit: amount(BigInt(payer)), settled: ZERO, epoch: 0, closeAt: 0, window: 0 },
      }));
      const answer = (fault?: Fault) => {
        if (fault) reject(fault);
        else resolve({ block: 1n, hash: "0x", lanes });
      };
      requests.push({ payers, answer });
      return promise;
    },
  };
  const clock = new VirtualClock();
  return { requests, clock, lookup: new LaneLookup(chain, clock) };
}

it("asks for the first at once, and for all that come meanwhile in one request, each payer once", async () => {
  const { requests, clock, lookup } = stand();
  const all = [7, 8, 9, 8].map((payer) => lookup.laneOf(key(payer)));
  expect(requests.map(({ payers }) => payers)).toEqual([[7]]);
  requests[0]?.answer();
  await clock.run(199);
  expect(requests).toHaveLength(1);
  await clock.run(1);
  expect(requests[1]?.payers).toEqual([8, 9]);
  requests[1]?.answer();
  expect((await Promise.all(all)).map(({ deposit }) => deposit)).toEqual([7n, 8n, 9n, 8n]);
});

it("fails for all of a request with one fault, and goes on", async () => {
  const { requests, clock, lookup } = stand();
  const fault = new Fault("chain_unreachable", "no node answers");
  const failed = lookup.laneOf(key(7)).catch((why: unknown) => why);
  requests[0]?.answer(fault);
  expect(await failed).toBe(fault);
  await clock.run(200);
  const lane = lookup.laneOf(key(7));
  requests[1]?.answer();
  expect(await lane).toMatchObject({ deposit: 7n });
});

it("keeps a thousand waiting and no more, and says so to all others with one fault", async () => {
  const { requests, clock, lookup } = stand();
  const all = Array.from({ length: 1_001 }, (_, i) => lookup.laneOf(key(i + 10)));
  const late = await Promise.all(
    [5, 6].map((payer) => lookup.laneOf(key(payer)).catch((why: unknown) => why)),
  );
  expect(late[0]).toMatchObject({ code: "queue_full" });
  expect(late[1]).toBe(late[0]);
  requests[0]?.answer();
  await clock.run(201);
  requests[1]?.answer();
  expect(await Promise.all(all)).toHaveLength(1_001);
});

it("makes no request once it is stopped", async () => {
  const { requests, clock, lookup } = stand();
  void lookup.laneOf(key(7));
  void lookup.laneOf(key(8));
  requests[0]?.answer();
  await clock.run(100);
  lookup.stop();
  await clock.run(1_000);
  expect(requests).toHaveLength(1);
});
