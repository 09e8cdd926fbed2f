/** A settlement while paying is stopped: it looks, does what it is asked, and sends nothing of its own will. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Hex } from "../../src/base/bytes.ts";
import { amount } from "../../src/base/money.ts";
import { SettlementDesk } from "./settlement-desk.ts";
import { type Actor, startWorld, type World } from "./world.ts";

let world: World;
let gateway: Actor;
let robot: Actor;
let desk: SettlementDesk;
let snapshot: Hex;

beforeAll(async () => {
  world = await startWorld();
  [gateway, robot] = world.others as [Actor, Actor];
  await world.endow([gateway, robot], 1_000n);
});
afterAll(() => world.local.stop());
beforeEach(async () => {
  snapshot = await world.snapshot();
  desk = new SettlementDesk(world, gateway, [robot]);
});
afterEach(async () => {
  await desk.stop();
  await world.revert(snapshot);
});

const stop = () => {
  desk.state.payment.stopped = "a key is lost";
};
const goOn = () => {
  desk.state.payment.stopped = null;
};
const prepared = () => desk.named("transactionPrepared").map(({ purpose }) => purpose);

describe("while paying is stopped", () => {
  it("no lane is funded, and nothing that is due is claimed, until it goes on", async () => {
    await world.fund(robot, gateway, 200n);
    stop();
    const settlement = await desk.open({ settleEveryMs: 0 });
    await settlement.refresh();
    await desk.promise(robot, 150n);
    await settlement.refresh();
    await settlement.refresh();
    expect([prepared(), desk.unclaimed(), desk.codes()]).toEqual([[], 1, []]);
    expect(desk.incoming(robot)?.deposit).toBe(200n);
    goOn();
    await settlement.refresh();
    expect(desk.incoming(robot)?.settled).toBe(150n);
    expect(new Set(prepared())).toEqual(new Set(["claim", "fund"]));
  });

  it("a close is seen at once, and claimed when somebody asks, without any funding", async () => {
    await world.fund(robot, gateway, 200n);
    const settlement = await desk.open({ laneDeposit: 0n });
    await settlement.refresh();
    await desk.promise(robot, 150n);
    stop();
    await world.send(robot, world.vault, "requestClose", [robot.address, gateway.address, world.token]);
    await settlement.refresh();
    expect(desk.incoming(robot)?.closeAt).toBeGreaterThan(0);
    expect(prepared()).toEqual([]);
    const again = await desk.open({ laneDeposit: 100n });
    expect((await again.plan()).rows).toMatchObject([{ reason: "closing" }]);
    expect(await again.settle({ force: true })).toMatchObject([{ rows: 1 }]);
    expect([prepared(), desk.incoming(robot)?.settled]).toEqual([["claim"], 150n]);
  });

  it("lanes are topped up and closed by hand", async () => {
    const settlement = await desk.open({ laneDeposit: 10n });
    await settlement.refresh();
    stop();
    await settlement.topUp(robot.address, amount(5n));
    expect(desk.outgoing(robot)?.deposit).toBe(15n);
    await settlement.close(robot.address);
    expect(prepared()).toEqual(["fund", "fund", "close"]);
    await settlement.refresh();
    expect(prepared()).toHaveLength(3);
  });

  it("a round that was under way signs nothing more", async () => {
    await world.fund(robot, gateway, 200n);
    const settlement = await desk.open({
      settleEveryMs: 0,
      // the stop comes as the round has claimed and is about to fund
      hold: (facts, write) => {
        write();
        if (facts.some(({ kind }) => kind === "claimed")) stop();
      },
    });
    stop();
    await settlement.refresh();
    await desk.promise(robot, 150n);
    goOn();
    await settlement.refresh();
    expect([prepared(), desk.codes()]).toEqual([["claim"], []]);
    goOn();
    await settlement.refresh();
    expect(prepared()).toEqual(["claim", "fund"]);
  });

  it("nor does it because something else is asked for meanwhile, which is done", async () => {
    await world.fund(robot, gateway, 200n);
    const asked: Promise<unknown>[] = [];
    stop();
    const settlement = await desk.open({
      settleEveryMs: 0,
      hold: (facts, write) => {
        write();
        if (!facts.some(({ kind }) => kind === "claimed")) return;
        stop();
        asked.push(desk.settlement.openLane(robot.address, amount(7n), 0));
      },
    });
    await settlement.refresh();
    await desk.promise(robot, 150n);
    goOn();
    await settlement.refresh();
    await Promise.all(asked);
    expect([asked.length, prepared()]).toEqual([1, ["claim", "fund"]]);
    expect(desk.outgoing(robot)?.deposit).toBe(7n);
  });
});
