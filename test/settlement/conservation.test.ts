import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Actor, CHALLENGE_SECONDS, type Sent, startWorld, type World } from "./world.ts";

const ACTORS = 3;

/** One random step; `a` and `b` pick actors. Many of them revert, and that is part of the test. */
const step = fc.record({
  kind: fc.constantFrom(
    "deposit",
    "depositLane",
    "fundLane",
    "fundLanes",
    "claim",
    "claim",
    "withdraw",
    "requestClose",
    "finalizeClose",
    "coopClose",
    "fee",
    "pause",
    "unpause",
    "give",
  ),
  a: fc.nat(ACTORS - 1),
  b: fc.nat(ACTORS - 1),
  units: fc.integer({ min: 1, max: 4_000 }).map(BigInt),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

describe("LaneVault under any sequence of calls", () => {
  let world: World;
  let actors: Actor[];

  beforeAll(async () => {
    world = await startWorld();
    actors = world.others.slice(0, ACTORS);
    await world.endow(actors, 2_000n);
    for (const actor of actors) await world.send(world.owner, world.token, "mint", [actor.address, 20_000n]);
  });
  afterAll(() => world.local.stop());

  async function take(one: Step): Promise<Sent | undefined> {
    const { vault, token, owner } = world;
    const [by, peer] = [actors[one.a], actors[one.b]] as [Actor, Actor];
    const act = (name: string, ...args: readonly unknown[]) => world.send(by, vault, name, args);
    switch (one.kind) {
      case "deposit":
        return await act("deposit", peer.address, token, one.units);
      case "depositLane":
        return await act("depositLane", peer.address, by.address, token, one.units);
      case "fundLane":
        return await act("fundLane", peer.address, token, one.units);
      case "fundLanes":
        return await act("fundLanes", [peer.address, by.address, peer.address], token, [one.units, 9n, 1n]);
      case "claim": {
        const { epoch } = await world.lane(by, peer);
        const rows = [
          await world.voucher(by, peer, epoch, one.units),
          await world.voucher(peer, by, epoch, one.units),
        ];
        return await world.claim(by, rows);
      }
      case "withdraw":
        return await act("withdraw", token, one.units, peer.address);
      case "requestClose":
        return await act("requestClose", peer.address, token);
      case "finalizeClose":
        await world.pass(CHALLENGE_SECONDS);
        return await act("finalizeClose", peer.address, by.address, token);
      case "coopClose": {
        const { epoch } = await world.lane(peer, by);
        const { signature } = await world.voucher(peer, by, epoch, one.units);
        return await act(
          "coopClose",
          peer.address,
          by.address,
          token,
          epoch,
          one.units,
          one.units,
          signature,
          0n,
          "0x",
        );
      }
      case "fee":
        await world.send(owner, token, "setParams", [one.units % 20n, 49n]);
        return undefined;
      case "give":
        await world.send(by, token, "transfer", [vault, one.units]);
        return undefined;
      default:
        await world.send(owner, token, one.kind, []);
        return undefined;
    }
  }

  /** Vaults and lanes as an indexer knows them, from events alone. */
  interface Books {
    readonly vaults: Map<string, bigint>;
    readonly lanes: Map<string, bigint>;
  }

  function book({ vaults, lanes }: Books, { eventName, args }: Sent["events"][number]): void {
    const at = (...keys: string[]) => keys.map((key) => String(args[key]).toLowerCase()).join();
    const units = (key: string) => BigInt(args[key] as bigint);
    const change = (account: string, by: bigint) => vaults.set(account, (vaults.get(account) ?? 0n) + by);
    if (eventName === "Deposited") change(at("account"), units("received"));
    if (eventName === "Withdrawn") change(at("account"), -units("amount"));
    if (eventName === "LaneFunded") change(at("payer"), -units("amount"));
    if (eventName === "LaneClosed") {
      change(at("payee"), units("credited"));
      change(at("payer"), units("refunded"));
    }
    if ("word" in args) lanes.set(at("payer", "payee"), units("word"));
    if (eventName !== "Claimed") return;
    change(at("payee"), units("credited"));
    for (const row of args["rows"] as string[]) {
      const key = `${row.slice(0, 42).toLowerCase()},${at("payee")}`;
      const word = lanes.get(key) ?? 0n;
      lanes.set(key, word - BigInt.asUintN(96, word) + BigInt(`0x${row.slice(42)}`));
    }
  }

  async function onChain(): Promise<{ vaults: bigint[]; lanes: readonly bigint[]; held: bigint }> {
    const pairs = actors.flatMap((payer) =>
      actors.map((payee) => payer.address + payee.address + world.token),
    );
    return {
      vaults: await Promise.all(actors.map((actor) => world.vaultOf(actor))),
      lanes: (await world.read(world.vault, "lanes", [
        `0x${pairs.join("").replaceAll("0x", "")}`,
      ])) as bigint[],
      held: await world.tokensOf(world.vault),
    };
  }

  it("holds at least what it owes, and its events tell all of it", async () => {
    const moved = new Set<string>();
    const law = async (steps: readonly Step[]) => {
      const clean = await world.snapshot();
      const books: Books = {
        vaults: new Map(actors.map((actor) => [actor.address, 2_000n])),
        lanes: new Map(),
      };
      try {
        for (const one of steps) {
          const sent = await take(one);
          for (const event of sent?.events ?? []) {
            moved.add(event.eventName);
            book(books, event);
          }
          const { vaults, lanes, held } = await onChain();
          const low = (word: bigint) => BigInt.asUintN(96, word);
          for (const word of lanes) expect(low(word)).toBeLessThanOrEqual(low(word >> 96n));
          const inLanes = lanes.reduce((sum, word) => sum + low(word >> 96n) - low(word), 0n);
          expect(held).toBeGreaterThanOrEqual(vaults.reduce((sum, units) => sum + units, inLanes));
          expect(vaults).toEqual(actors.map((actor) => books.vaults.get(actor.address)));
          expect(lanes).toEqual(
            actors.flatMap((payer) =>
              actors.map((payee) => books.lanes.get(`${payer.address},${payee.address}`) ?? 0n),
            ),
          );
        }
      } finally {
        await world.revert(clean);
      }
    };
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 15, maxLength: 30 }), law), {
      numRuns: 20,
      seed: 1,
    });
    expect([...moved].sort()).toEqual(
      [
        "Claimed",
        "CloseRequested",
        "Deposited",
        "LaneClosed",
        "LaneFunded",
        "LaneGifted",
        "Withdrawn",
      ].sort(),
    );
  }, 60_000);
});
