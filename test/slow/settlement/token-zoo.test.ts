/** Failure test 6: whatever the token is like, what the vault holds covers what it owes, and the books say the same. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Hex } from "../../../src/base/bytes.ts";
import { amount } from "../../../src/base/money.ts";
import { openEvmChain } from "../../../src/settlement/evm-chain.ts";
import { checkToken, recheckToken } from "../../../src/settlement/token-probe.ts";
import { withdraw } from "../../../src/settlement/vault-calls.ts";
import { SettlementDesk } from "../../settlement/settlement-desk.ts";
import { type Actor, CHALLENGE_SECONDS, startWorld, type World } from "../../settlement/world.ts";
import { type Creature, deploy, type Species, tell } from "../../settlement/zoo.ts";

let world: World;
let gateway: Actor;
let robot: Actor;

beforeAll(async () => {
  world = await startWorld();
  [gateway, robot] = world.others as [Actor, Actor];
});
afterAll(() => world.local.stop());

type Kind = {
  readonly species: Species;
  readonly decimals: number;
  /** Hundredths of a percent that a transfer loses. */
  readonly rate?: bigint;
  /** Something that its owner does in the middle, after which it is read anew. */
  readonly change?: (token: Creature) => Promise<void>;
};

const KINDS: readonly (readonly [string, Kind])[] = [
  ["legacy USDT without return values", { species: "LegacyUsdt", decimals: 6 }],
  ["legacy USDT with a fee of 19 basis points", { species: "LegacyUsdt", decimals: 6, rate: 19n }],
  ["a token of 18 decimals", { species: "Peg18", decimals: 18 }],
  [
    "USDT0 that is renamed in the middle",
    {
      species: "Usdt0",
      decimals: 6,
      change: (token) => tell(world.rpc, world.owner.address, token, "rename", ["USD₮0 of tomorrow"]),
    },
  ],
];

/** Both sides of one token's life: what everybody holds on the chain, and what the books of the gateway say. */
class Habitat {
  readonly token: Creature;
  readonly place: World;
  readonly desk: SettlementDesk;
  readonly unit: bigint;
  readonly #rate: bigint;

  constructor(token: Creature, decimals: number, rate: bigint) {
    this.token = token;
    this.unit = 10n ** BigInt(decimals);
    this.#rate = rate;
    this.place = inToken(token.address);
    this.desk = new SettlementDesk(this.place, gateway, [robot]);
  }

  /** What of a transfer arrives; the zoo's legacy token has no ceiling on its fee that these amounts reach. */
  less(sent: bigint): bigint {
    return sent - (sent * this.#rate) / 10_000n;
  }

  async deposit(actor: Actor, units: bigint): Promise<void> {
    const { rpc, owner, vault, send } = this.place;
    await tell(rpc, owner.address, this.token, "mint", [actor.address, units]);
    await tell(rpc, actor.address, this.token, "approve", [vault, 2n ** 256n - 1n]);
    expect((await send(actor, vault, "deposit", [actor.address, this.token.address, units])).ok).toBe(true);
  }

  /** The vault holds what it owes, and the books know of each lane what the chain knows. */
  async expectBalanced(): Promise<void> {
    const lanes = [await this.place.lane(robot, gateway), await this.place.lane(gateway, robot)];
    const inLanes = lanes.reduce((sum, { deposit, settled }) => sum + deposit - settled, 0n);
    const inVaults = (await this.place.vaultOf(robot)) + (await this.place.vaultOf(gateway));
    expect(await this.place.tokensOf(this.place.vault)).toBe(inVaults + inLanes);
    for (const [at, known] of [this.desk.incoming(robot), this.desk.outgoing(robot)].entries()) {
      const { settled, deposit } = lanes[at] ?? {};
      expect([known?.settled ?? 0n, known?.deposit ?? 0n]).toEqual([settled, deposit]);
    }
    expect(this.desk.recovery()).toBe(0n);
  }

  async open(): Promise<void> {
    const { local, vault, chainId } = this.place;
    const chain = await openEvmChain({ urls: [local.url], chainId, vault, confirmations: 1 });
    const profile = await checkToken(chain, this.token.address);
    await this.desk.open({
      laneDeposit: 40n * this.unit,
      recheckToken: async () => void (await recheckToken(chain, profile)),
    });
    await this.desk.settlement.refresh();
  }

  async takeOut(units: bigint): Promise<void> {
    const call = withdraw(
      this.place.vault,
      gateway.address,
      this.token.address,
      amount(units),
      gateway.address,
    );
    await this.desk.settlement.transact("withdraw", call);
  }
}

/** The same chain and vault, seen through another token. */
function inToken(token: Hex): World {
  const { read, vault, chainId, sign } = world;
  return {
    ...world,
    token,
    tokensOf: async (who) => (await read(token, "balanceOf", [who])) as bigint,
    vaultOf: async (who) => (await read(vault, "vault", [who.address, token])) as bigint,
    lane: async (payer, payee) => {
      const word = await read(vault, "lane", [payer.address, payee.address, token]);
      const [settled, deposit, closeAt, window, epoch] = word as [bigint, bigint, number, number, number];
      return { settled, deposit, closeAt, window, epoch };
    },
    voucher: async (payer, payee, epoch, cumulative) => {
      const message = { payee: payee.address, token, epoch, cumulative };
      const signature = await sign(payer, "Voucher", message);
      return { payee: payee.address, epoch, cumulative: amount(cumulative), signature, chainId };
    },
  };
}

describe("6 tokens of every kind", () => {
  it.each(KINDS)("6 books balance to the atomic unit: %s", async (_, { species, decimals, rate, change }) => {
    const token = await deploy(world.rpc, world.owner.address, species);
    if (rate) await tell(world.rpc, world.owner.address, token, "setParams", [rate, 49n]);
    const habitat = new Habitat(token, decimals, rate ?? 0n);
    const { desk, place, unit } = habitat;
    // amounts that no fee divides without a rest
    const put = 100n * unit + 1n;
    await habitat.deposit(robot, put);
    await habitat.deposit(gateway, put);
    const arrived = habitat.less(put);
    expect([await place.vaultOf(robot), await place.vaultOf(gateway)]).toEqual([arrived, arrived]);
    const lane = [robot.address, gateway.address, token.address];
    await place.send(robot, place.vault, "fundLane", [...lane, 60n * unit + 7n, 0]);
    await habitat.open();
    await habitat.expectBalanced();
    let [signed, given] = [0n, 0n];
    for (let round = 1n; round <= 6n; round++) {
      signed += round * unit + 3n;
      await desk.promise(robot, signed);
      given += (round * unit) / 2n + 1n;
      await desk.pay(robot, given);
      if (round === 4n && change) {
        await change(token);
        const before = await place.vaultOf(gateway);
        await expect(desk.settlement.settle({ force: true })).rejects.toThrow(
          expect.objectContaining({ code: "token_mismatch" }),
        );
        expect(await place.vaultOf(gateway)).toBe(before);
        await habitat.open();
      }
      await desk.settlement.settle({ force: true });
      await habitat.expectBalanced();
    }
    expect((await place.lane(robot, gateway)).settled).toBe(signed);
    expect((await place.lane(gateway, robot)).settled).toBe(given);
    await place.send(robot, place.vault, "requestClose", lane);
    await place.pass(CHALLENGE_SECONDS);
    expect((await place.send(robot, place.vault, "finalizeClose", lane)).ok).toBe(true);
    await desk.settlement.refresh();
    const funded = (await place.lane(gateway, robot)).deposit;
    expect(await place.vaultOf(gateway)).toBe(arrived + signed - funded);
    expect(await place.vaultOf(robot)).toBe(arrived - signed + given);
    await habitat.takeOut(arrived + signed - funded);
    expect(await place.tokensOf(gateway.address)).toBe(habitat.less(arrived + signed - funded));
    const out = arrived - signed + given;
    await place.send(robot, place.vault, "withdraw", [robot.address, token.address, out, robot.address]);
    expect(await place.tokensOf(robot.address)).toBe(habitat.less(out));
    expect(await place.tokensOf(place.vault)).toBe(funded - given);
    await desk.stop();
  });
});
