import fc from "fast-check";
import { concat, type Hex, toHex } from "viem";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Actor, CHALLENGE_SECONDS, type Sent, startWorld, type World } from "./world.ts";

const ACTORS = 3;

/** One random step; `a`, `b` and `c` pick actors. Many of them revert, and that is part of the test. */
const step = fc.record({
  kind: fc.constantFrom(
    ...(["deposit", "depositLane", "sweep", "withdraw", "withdrawWithSig", "withdrawWithSig"] as const),
    ...(["fundLane", "fundLane", "fundLane", "fundLanes", "fundLaneWithSig", "fundLanesWithSig"] as const),
    ...(["claim", "claim", "coopClose", "coopClose", "coopClose", "coopClose"] as const),
    ...(["requestClose", "requestCloseWithSig", "pass", "finalizeClose", "finalizeClose"] as const),
    ...(["setOwner", "setAllowance", "setAllowance", "setAllowance", "setAllowance"] as const),
    ...([
      "setOwnerWithSig",
      "setAllowanceWithSig",
      "cancelNonce",
      "fee",
      "pause",
      "unpause",
      "give",
    ] as const),
  ),
  a: fc.nat(ACTORS - 1),
  b: fc.nat(ACTORS - 1),
  c: fc.nat(ACTORS - 1),
  units: fc.integer({ min: 1, max: 900 }).map(BigInt),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** What an indexer knows of a vault from events alone. Keys are addresses, joined with commas. */
class Books {
  readonly vaults = new Map<string, bigint>();
  readonly lanes = new Map<string, bigint>();
  readonly owners = new Map<string, string>();
  readonly allowances = new Map<string, bigint>();
  readonly nonces = new Set<string>();

  take({ eventName, args }: Sent["events"][number]): void {
    const at = (...keys: string[]) => keys.map((key) => String(args[key]).toLowerCase()).join();
    const units = (key: string) => BigInt(args[key] as bigint);
    const change = (account: string, by: bigint) => {
      this.vaults.set(account, (this.vaults.get(account) ?? 0n) + by);
    };
    if ("word" in args) this.lanes.set(at("payer", "payee"), units("word"));
    if (eventName === "Deposited") change(at("account"), units("received"));
    if (eventName === "Withdrawn") change(at("account"), -units("amount"));
    if (eventName === "LaneFunded") change(at("payer"), -units("amount"));
    if (eventName === "OwnerNamed") this.owners.set(at("account"), at("owner"));
    if (eventName === "AllowanceSet") this.allowances.set(at("account"), units("amount"));
    if (eventName === "NonceUsed") this.nonces.add(at("signer", "nonce"));
    if (eventName === "FeePaid") {
      change(at("account"), -units("fee"));
      change(at("relayer"), units("fee"));
    }
    if (eventName === "LaneClosed") {
      change(at("payee"), units("credited"));
      change(at("payer"), units("refunded"));
    }
    if (eventName !== "Claimed") return;
    change(at("payee"), units("credited"));
    for (const row of args["rows"] as string[]) {
      const key = `${row.slice(0, 42).toLowerCase()},${at("payee")}`;
      const word = this.lanes.get(key) ?? 0n;
      this.lanes.set(key, word - BigInt.asUintN(96, word) + BigInt(`0x${row.slice(42)}`));
    }
  }
}

/** Carries steps out against a world; `tried` collects every nonce that any order named. */
class Player {
  readonly #world: World;
  readonly #actors: readonly Actor[];
  readonly tried = new Set<string>();

  constructor(world: World, actors: readonly Actor[]) {
    this.#world = world;
    this.#actors = actors;
  }

  async take(one: Step): Promise<Sent | undefined> {
    const { token, owner } = this.#world;
    switch (one.kind) {
      case "fee":
        await this.#world.send(owner, token, "setParams", [one.units % 20n, 49n]);
        return undefined;
      case "pause":
      case "unpause":
        await this.#world.send(owner, token, one.kind, []);
        return undefined;
      case "pass":
        await this.#world.pass(CHALLENGE_SECONDS);
        return undefined;
      case "give":
        await this.#world.send(this.#actor(one.a), token, "transfer", [this.#world.vault, one.units]);
        return undefined;
      default:
        return await this.#move(one);
    }
  }

  #actor(at: number): Actor {
    return this.#actors[at] as Actor;
  }

  async #move({ kind, a, b, c, units }: Step): Promise<Sent> {
    const { vault, token } = this.#world;
    const [by, peer, third] = [this.#actor(a), this.#actor(b), this.#actor(c)];
    const [x, y] = [by.address, peer.address];
    const lane = { payer: x, payee: y, token };
    const { epoch } = await this.#world.lane(by, peer);
    // whoever signs or sends is the account itself or a third, who may be its owner
    const act = (...args: readonly unknown[]) => this.#world.send(third, vault, kind, args);
    switch (kind) {
      case "deposit":
        return await act(y, token, units);
      case "depositLane":
        return await act(x, y, token, units);
      case "sweep":
        await this.#world.send(third, token, "transfer", [
          await this.#world.read(vault, "depositAddress", [x]),
          units,
        ]);
        return await act(x, token);
      case "withdraw":
        return await act(x, token, units, y);
      case "withdrawWithSig": {
        const message = { account: x, token, amount: units, to: y };
        return await act(...Object.values(message), await this.#order(third, "Withdraw", message, units));
      }
      case "fundLane":
        return await act(x, y, token, units, 0);
      case "fundLanes": {
        const row = (payee: Hex, amount: bigint) => concat([payee, toHex(amount, { size: 12 }), "0x00"]);
        return await act(x, token, concat([row(y, units), row(x, 9n), row(y, 1n), row(y, 0n)]));
      }
      case "fundLaneWithSig": {
        const message = { ...lane, epoch, amount: units, window: 0 };
        return await act(...Object.values(message), await this.#order(third, "FundLane", message, units));
      }
      case "fundLanesWithSig": {
        const message = { ...lane, epoch, amount: units, window: 0 };
        const orders = [
          await this.#order(third, "FundLane", message, units),
          await this.#order(by, "FundLane", message, units),
        ];
        return await act(orders.map((order) => ({ ...message, order })));
      }
      case "claim":
        return await this.#world.claim(third, [
          await this.#world.voucher(by, peer, epoch, units),
          await this.#world.voucher(peer, by, epoch, units),
        ]);
      case "coopClose": {
        const { signature } = await this.#world.voucher(by, peer, epoch, units);
        const consent = { ...lane, epoch, finalAmount: units, deadline: 2n ** 40n };
        const signed = await this.#world.sign(peer, "CoopClose", consent);
        return await act(x, y, token, epoch, units, units, signature, 2n ** 40n, signed);
      }
      case "requestClose":
      case "finalizeClose":
        return await act(x, y, token);
      case "requestCloseWithSig": {
        const message = { ...lane, epoch };
        return await act(...Object.values(message), await this.#order(third, "RequestClose", message, units));
      }
      case "setOwner":
        return await act(x);
      case "setOwnerWithSig": {
        const message = { account: x, owner: y, token };
        return await act(...Object.values(message), await this.#order(third, "SetOwner", message, units));
      }
      case "setAllowance":
        return await act(x, token, units);
      case "setAllowanceWithSig": {
        const message = { account: x, token, amount: units };
        return await act(...Object.values(message), await this.#order(third, "SetAllowance", message, units));
      }
      default:
        this.tried.add(`${third.address},${units % 7n}`);
        return await act(units % 7n);
    }
  }

  async #order(
    by: Actor,
    type: Parameters<World["order"]>[1],
    message: Record<string, unknown>,
    units: bigint,
  ) {
    const order = await this.#world.order(by, type, message, { nonce: units % 7n, fee: units % 3n });
    this.tried.add(`${by.address},${order.nonce}`);
    return order;
  }
}

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

  const packed = (all: readonly string[]) => `0x${all.join("").replaceAll("0x", "")}`;

  async function onChain() {
    const pairs = actors.flatMap((payer) =>
      actors.map((payee) => payer.address + payee.address + world.token),
    );
    const vaults = packed(actors.map((actor) => actor.address + world.token));
    return {
      vaults: (await world.read(world.vault, "vaults", [vaults])) as bigint[],
      lanes: (await world.read(world.vault, "lanes", [packed(pairs)])) as bigint[],
      held: await world.tokensOf(world.vault),
    };
  }

  async function sameAuthority(books: Books, tried: ReadonlySet<string>): Promise<void> {
    for (const { address } of actors) {
      const owner = String(await world.read(world.vault, "ownerOf", [address])).toLowerCase();
      expect(owner).toBe(books.owners.get(address) ?? `0x${"00".repeat(20)}`);
      const allowed = await world.read(world.vault, "allowance", [address, world.token]);
      expect(allowed).toBe(books.allowances.get(address) ?? 0n);
    }
    for (const key of tried) {
      const [signer, nonce = "0"] = key.split(",");
      expect(await world.read(world.vault, "nonceUsed", [signer, BigInt(nonce)])).toBe(books.nonces.has(key));
    }
  }

  it("holds at least what it owes, and its events tell all of it", async () => {
    const moved = new Set<string>();
    const law = async (steps: readonly Step[]) => {
      const clean = await world.snapshot();
      const books = new Books();
      const player = new Player(world, actors);
      for (const actor of actors) books.vaults.set(actor.address, 2_000n);
      try {
        for (const one of steps) {
          const sent = await player.take(one);
          for (const event of sent?.events ?? []) {
            moved.add(event.eventName);
            books.take(event);
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
        await sameAuthority(books, player.tried);
      } finally {
        await world.revert(clean);
      }
    };
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 25, maxLength: 40 }), law), {
      numRuns: 10,
      seed: 1,
    });
    const events = world.abi.flatMap((item) => (item.type === "event" ? [item.name] : []));
    expect([...moved].sort()).toEqual(
      events.filter((name) => name !== "Transfer" && name !== "Approval").sort(),
    );
  }, 120_000);
});
