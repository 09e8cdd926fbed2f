import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import { systemClock } from "../../src/base/clock.ts";
import { isFault } from "../../src/base/fault.ts";
import { amount } from "../../src/base/money.ts";
import { decide } from "../../src/exchange/decide.ts";
import { apply, emptyState, type State } from "../../src/exchange/state.ts";
import { DEFAULT_RULES } from "../../src/market/rules.ts";
import type { Fact } from "../../src/protocol/facts.ts";
import { openEvmChain } from "../../src/settlement/evm-chain.ts";
import { Settlement } from "../../src/settlement/settlement.ts";
import { type Actor, startWorld, type World } from "./world.ts";

let world: World;
let gateway: Actor;
let robot: Actor;
let state: State;
let facts: Fact[];
let faults: unknown[];
let settlement: Settlement;
let snapshot: Hex;

beforeAll(async () => {
  world = await startWorld();
  [gateway, robot] = world.others as [Actor, Actor];
  await world.endow([gateway, robot], 1_000n);
});
afterAll(() => world.local.stop());
beforeEach(async () => {
  snapshot = await world.snapshot();
  state = emptyState();
  facts = [];
  faults = [];
});
afterEach(async () => {
  await settlement.stop();
  await world.revert(snapshot);
});

/** A settlement whose facts are decided and applied as the heartbeat would. */
async function open(laneDeposit: bigint, confirmations: number, settleEveryMs = 86_400_000): Promise<void> {
  const { vault, token, chainId } = world;
  const market = { vault, token, chainId, gateway: gateway.address };
  const context = { market, rules: DEFAULT_RULES, now: systemClock.now(), draw: () => 0 };
  const chain = await openEvmChain({ url: world.local.url, chainId, vault, confirmations });
  settlement = new Settlement({
    ...{ chain, signer: gateway.key, market, clock: systemClock, pollMs: 20, settleEveryMs },
    laneDeposit: amount(laneDeposit),
    ledger: {
      payment: state.payment,
      claims: state.claims,
      devices: () => [robot.address],
      claimedAt: () => state.claimedAt,
    },
    record: (seen) => {
      const { facts: decided } = decide(state, { topic: "observed", facts: seen }, context);
      const cause = { by: null, topic: "observed", id: "", digest: "", refused: null };
      apply(state, market, { index: facts.length + 1, at: systemClock.now(), cause, facts: decided });
      facts.push(...decided);
      return Promise.resolve();
    },
    onFault: (fault) => faults.push(fault),
  });
}

async function promise(cumulative: bigint): Promise<void> {
  const { token } = world;
  const voucher = { ...(await world.voucher(robot, gateway, 0, cumulative)), token };
  const fact: Fact = {
    ...{ kind: "voucherReceived", payer: robot.address, amount: amount(cumulative), voucher },
    postings: [
      { account: `in:${robot.address}`, change: cumulative },
      { account: `credit:${robot.address}`, change: -cumulative },
    ],
  };
  const market = { vault: world.vault, token, chainId: world.chainId, gateway: gateway.address };
  const cause = { by: null, topic: "voucher", id: "", digest: "", refused: null };
  apply(state, market, { index: 1, at: 0, cause, facts: [fact] });
}

describe("settlement", () => {
  it("tops up a lane once, however long the deposit takes to be confirmed", async () => {
    await open(100n, 30);
    for (let look = 0; look < 4; look++) await settlement.refresh();
    expect((await world.lane(gateway, robot)).deposit).toBe(100n);
  });

  it("counts a deposit once it is confirmed, and a close as soon as it is seen", async () => {
    await world.send(robot, world.vault, "fundLane", [gateway.address, world.token, 200n]);
    await open(10n, 3);
    await settlement.refresh();
    expect(state.payment.incoming.get(robot.address)?.deposit ?? 0n).toBe(0n);
    for (let block = 0; block < 3; block++) await world.rpc("evm_mine", []);
    await settlement.refresh();
    expect(state.payment.incoming.get(robot.address)).toMatchObject({ deposit: 200n, closeAt: 0 });
    await world.send(robot, world.vault, "requestClose", [gateway.address, world.token]);
    await settlement.refresh();
    expect(state.payment.incoming.get(robot.address)?.closeAt).toBeGreaterThan(0);
  });

  it("claims a lane that is closing by itself, before the window ends", async () => {
    await world.send(robot, world.vault, "fundLane", [gateway.address, world.token, 200n]);
    await open(10n, 1);
    await settlement.refresh();
    await promise(150n);
    await world.send(robot, world.vault, "requestClose", [gateway.address, world.token]);
    await settlement.start();
    await expect
      .poll(() => state.payment.incoming.get(robot.address)?.settled, { timeout: 10_000 })
      .toBe(150n);
    expect((await world.lane(robot, gateway)).settled).toBe(150n);
    expect(facts.map(({ kind }) => kind)).toContain("claimed");
  });

  it("claims what has waited long enough", async () => {
    await world.send(robot, world.vault, "fundLane", [gateway.address, world.token, 200n]);
    await open(10n, 1, 1_000);
    await settlement.refresh();
    await promise(60n);
    await settlement.start();
    await expect
      .poll(() => state.payment.incoming.get(robot.address)?.settled, { timeout: 10_000 })
      .toBe(60n);
  });

  it("says once that the gateway's vault cannot fund its lanes", async () => {
    await open(5_000n, 1);
    await settlement.refresh();
    await settlement.refresh();
    expect(faults.map((fault) => isFault(fault, "funds_short"))).toEqual([true]);
    expect((await world.lane(gateway, robot)).deposit).toBe(0n);
  });

  it("sends a claim that a crash left behind with the same bytes", async () => {
    await world.send(robot, world.vault, "fundLane", [gateway.address, world.token, 200n]);
    await open(10n, 1);
    await settlement.refresh();
    await promise(90n);
    const [done] = await settlement.settle();
    const claims = facts.filter((fact) => fact.kind === "claimPrepared");
    expect(claims).toHaveLength(1);
    // As if the process had died between the journal and the broadcast, and the claim had been mined all the same.
    const [prepared] = claims;
    state.claims.set(done?.transaction ?? "0x", { raw: prepared?.raw ?? "0x", nonce: prepared?.nonce ?? 0 });
    await settlement.settle();
    expect(state.claims.size).toBe(0);
    expect((await world.lane(robot, gateway)).settled).toBe(90n);
    expect(facts.filter((fact) => fact.kind === "claimPrepared")).toHaveLength(1);
  });
});
