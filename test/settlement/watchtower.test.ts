import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Fault } from "../../src/base/fault.ts";
import { amount } from "../../src/base/money.ts";
import { TowerFile } from "../../src/settlement/tower-file.ts";
import { breathe, laneOf, TowerStand, VENUE, voucher } from "./tower-stand.ts";

let stand: TowerStand;
beforeEach(() => {
  stand = new TowerStand();
});
afterEach(() => stand.remove());

describe("a closing lane", () => {
  it("is claimed at once, and told as saved once that counts", async () => {
    await stand.remove();
    stand = new TowerStand(3);
    stand.fake.fund(laneOf(1), 100n);
    stand.fake.fund(laneOf(2), 100n);
    stand.bring(await voucher(1, 70n), await voucher(2, 40n));
    await stand.tower.look();
    expect(stand.fake.pool.size).toBe(0);
    stand.fake.requestClose(laneOf(1));
    await stand.lookAndMine();
    expect(stand.fake.lane(laneOf(1)).settled).toBe(70n);
    expect(stand.fake.lane(laneOf(2)).settled).toBe(0n);
    expect(stand.kinds).toEqual(["laneClosing", "claimSent", "claimMined"]);
    expect(stand.events[0]).toMatchObject({ ...laneOf(1), epoch: 0, unclaimed: 70n });
    for (let block = 0; block < 3; block++) stand.fake.mine();
    await stand.tower.look();
    expect(stand.events.at(-1)).toMatchObject({ kind: "laneSaved", ...laneOf(1), settled: 70n });
    expect(stand.tower.status).toMatchObject({
      lanes: 2,
      closing: 0,
      alarms: 0,
      isClaiming: false,
      failing: [],
    });
    expect(stand.faults).toEqual([]);
  });

  it("gives what its deposit has when the voucher says more, and is not claimed when nothing is left", async () => {
    stand.fake.fund(laneOf(1), 30n);
    stand.bring(await voucher(1, 70n));
    stand.fake.requestClose(laneOf(1));
    await stand.lookAndMine();
    expect(stand.fake.lane(laneOf(1)).settled).toBe(30n);
    await stand.lookAndMine();
    expect(stand.kinds.filter((kind) => kind === "claimSent")).toHaveLength(1);
  });

  it("is claimed together with the others of its token in one transaction", async () => {
    for (const seed of [1, 2, 3]) {
      stand.fake.fund(laneOf(seed), 100n);
      stand.bring(await voucher(seed, 10n * BigInt(seed)));
      stand.fake.requestClose(laneOf(seed));
    }
    await stand.lookAndMine();
    expect([1, 2, 3].map((seed) => stand.fake.lane(laneOf(seed)).settled)).toEqual([10n, 20n, 30n]);
    expect(stand.events.find((event) => event.kind === "claimSent")).toMatchObject({ rows: 3, nonce: 0 });
  });

  it("is found by its lane when the event is missed", async () => {
    stand.fake.fund(laneOf(1), 100n);
    stand.bring(await voucher(1, 70n));
    stand.fake.chain.closeRequests = () => Promise.reject(new Fault("chain_unreachable", "too many blocks"));
    stand.fake.requestClose(laneOf(1));
    await stand.lookAndMine();
    expect(stand.fake.lane(laneOf(1)).settled).toBe(70n);
    expect(stand.codes).toEqual(["chain_unreachable"]);
    expect(stand.tower.status.failing).toEqual(["chain_unreachable"]);
  });

  it("of which no voucher was brought is told, when its payee has others here", async () => {
    stand.fake.fund(laneOf(1), 100n);
    stand.bring(await voucher(1, 70n));
    await stand.tower.look();
    stand.fake.requestClose(laneOf(2));
    stand.fake.requestClose(laneOf(3, `0x${"dd".repeat(20)}`));
    await stand.tower.look();
    await stand.tower.look();
    expect(stand.events).toEqual([
      { kind: "laneUnguarded", ...laneOf(2), closeAt: expect.any(Number) as number },
    ]);
  });

  it("is claimed while what counts cannot be read, and nothing is forgotten meanwhile", async () => {
    stand.fake.fund(laneOf(1), 100n);
    stand.bring(await voucher(1, 70n), await voucher(1, 9n, { epoch: 7 }));
    stand.fake.requestClose(laneOf(1));
    stand.fake.control.doubt = new Fault("rpc_disagrees", "two nodes differ");
    await stand.lookAndMine();
    expect(stand.fake.lane(laneOf(1)).settled).toBe(70n);
    expect(stand.shelf.lane(laneOf(1))?.rows.size).toBe(2);
    expect(stand.codes).toEqual(["rpc_disagrees"]);
  });

  it("is claimed although a node says that it is over or empty", async () => {
    stand.fake.fund(laneOf(1), 100n);
    stand.bring(await voucher(1, 70n));
    stand.fake.requestClose(laneOf(1));
    stand.fake.control.lie = { epoch: 3, closeAt: 0, deposit: amount(0n), settled: amount(0n) };
    await stand.lookAndMine();
    expect(stand.fake.lane(laneOf(1)).settled).toBe(70n);
  });

  it("that is over at the head costs one claim a quarter of the window, not one a look", async () => {
    await stand.remove();
    stand = new TowerStand(40);
    stand.fake.fund(laneOf(1), 100n);
    stand.bring(await voucher(1, 70n));
    stand.fake.requestClose(laneOf(1));
    for (let block = 0; block < 40; block++) stand.fake.mine();
    stand.fake.finalizeClose(laneOf(1));
    for (let look = 0; look < 10; look++) await stand.lookAndMine();
    expect(stand.kinds.filter((kind) => kind === "claimSent")).toHaveLength(1);
  });

  it("that was closed short while the tower was away is told, with what was lost", async () => {
    stand.fake.fund(laneOf(1), 100n);
    stand.fake.fund(laneOf(2), 100n);
    stand.bring(await voucher(1, 70n), await voucher(2, 40n));
    await stand.tower.look();
    await stand.restart(() => {
      stand.fake.requestClose(laneOf(1));
      stand.fake.finalizeClose(laneOf(1));
    });
    await stand.tower.look();
    expect(stand.events).toEqual([{ kind: "laneClosed", ...laneOf(1), epoch: 0, settled: 0n, short: 70n }]);
    expect(stand.shelf.lanes()).toHaveLength(1);
  });
});

describe("a claim", () => {
  it("is on disk before it is sent: a restart sends the same bytes", async () => {
    stand.fake.fund(laneOf(1), 100n);
    stand.bring(await voucher(1, 70n));
    stand.fake.requestClose(laneOf(1));
    await stand.tower.look();
    await breathe();
    const [raw] = stand.fake.pool.values();
    await stand.restart(() => {
      stand.fake.pool.clear();
      stand.events.length = 0;
    });
    await stand.lookAndMine();
    expect(raw).toBeDefined();
    expect(stand.kinds).toContain("claimMined");
    expect(stand.kinds).not.toContain("claimSent");
    expect(stand.fake.head().nonce).toBe(1);
    expect(stand.fake.lane(laneOf(1)).settled).toBe(70n);
  });

  it("that is not mined is sent anew for more, under the same nonce, up to the limit", async () => {
    await stand.remove();
    stand = new TowerStand(1, { replaceAfterMs: 30_000, maxFeePerGas: 2_600_000_000n });
    stand.fake.fund(laneOf(1), 100n);
    stand.bring(await voucher(1, 70n));
    stand.fake.requestClose(laneOf(1));
    await stand.tower.look();
    await breathe();
    for (let second = 0; second < 200; second++) {
      stand.clock.advance(1_000);
      await breathe();
    }
    const sent = stand.events.filter((event) => event.kind === "claimSent");
    expect(sent.map(({ nonce }) => nonce)).toEqual([0, 0, 0]);
    expect(sent.slice(1).map(({ replaces }) => replaces)).toEqual(
      sent.slice(0, -1).map(({ transaction }) => transaction),
    );
    expect(stand.codes).toContain("transaction_stuck");
    stand.fake.mine();
    stand.clock.advance(12_000);
    await breathe();
    expect(stand.fake.lane(laneOf(1)).settled).toBe(70n);
    expect(stand.events.at(-1)).toMatchObject({ kind: "claimMined", transaction: sent.at(-1)?.transaction });
  });

  it.each([
    ["goes back to the pool", false],
    ["is forgotten by all nodes", true],
  ])("is repeated when a reorganization undoes it and it %s", async (_, isLost) => {
    stand.fake.fund(laneOf(1), 100n);
    stand.bring(await voucher(1, 70n));
    stand.fake.requestClose(laneOf(1));
    await stand.lookAndMine();
    expect(stand.fake.lane(laneOf(1)).settled).toBe(70n);
    stand.fake.reorganize(1, isLost);
    expect(stand.fake.lane(laneOf(1)).settled).toBe(0n);
    await stand.lookAndMine();
    await stand.lookAndMine();
    expect(stand.fake.lane(laneOf(1)).settled).toBe(70n);
    expect(stand.tower.status.closing).toBe(0);
  });

  it("cannot be made without gas, which is told before it is needed", async () => {
    stand.fake.control.gas = 1n;
    stand.fake.fund(laneOf(1), 100n);
    stand.bring(await voucher(1, 70n));
    await stand.tower.look();
    await stand.tower.look();
    expect(stand.codes).toEqual(["gas_low"]);
    stand.fake.control.gas = 10n ** 18n;
    await stand.tower.look();
    stand.fake.control.gas = 1n;
    await stand.tower.look();
    expect(stand.codes).toEqual(["gas_low", "gas_low"]);
  });
});

describe("the watch", () => {
  it("looks again and again until it is stopped", async () => {
    stand.fake.fund(laneOf(1), 100n);
    stand.bring(await voucher(1, 70n));
    stand.tower.start();
    await breathe();
    stand.fake.requestClose(laneOf(1));
    stand.clock.advance(1_000);
    await breathe();
    stand.fake.mine();
    stand.clock.advance(1_000);
    await breathe();
    expect(stand.fake.lane(laneOf(1)).settled).toBe(70n);
    await stand.tower.stop();
    const { calls } = stand.fake.control;
    stand.clock.advance(60_000);
    await breathe();
    expect(stand.fake.control.calls).toBe(calls);
  });

  it("goes on when a source fails, and tells of it once", async () => {
    await stand.remove();
    const source = { read: () => Promise.reject(new Fault("file_format", "not a list")) };
    stand = new TowerStand(1, { sources: [source] });
    stand.fake.fund(laneOf(1), 100n);
    stand.bring(await voucher(1, 70n));
    stand.fake.requestClose(laneOf(1));
    await stand.lookAndMine();
    expect(stand.fake.lane(laneOf(1)).settled).toBe(70n);
    expect(stand.codes).toEqual(["file_format"]);
  });

  it("says of a lane what counts of its deposit, and closing as soon as it shows", async () => {
    await stand.remove();
    stand = new TowerStand(2);
    stand.fake.fund(laneOf(1), 100n);
    expect(await stand.tower.laneView(laneOf(1))).toMatchObject({ deposit: 0n, closeAt: 0 });
    stand.fake.mine();
    expect(await stand.tower.laneView(laneOf(1))).toMatchObject({
      deposit: 100n,
      closeAt: 0,
      checkedAt: stand.clock.now(),
    });
    stand.fake.requestClose(laneOf(1));
    const { closeAt } = stand.fake.lane(laneOf(1));
    expect(await stand.tower.laneView(laneOf(1))).toMatchObject({ deposit: 100n, closeAt });
    stand.fake.finalizeClose(laneOf(1));
    expect(await stand.tower.laneView(laneOf(1))).toMatchObject({ epoch: 0, closeAt });
  });
});

describe("the file", () => {
  it("belongs to one watchtower at a time, and to one vault", () => {
    expect(() => TowerFile.open(stand.folder, VENUE)).toThrow(
      expect.objectContaining({ code: "key_in_use" }) as Error,
    );
    const other = TowerFile.open(stand.folder, { ...VENUE, chainId: 1 });
    expect(other.vouchers()).toEqual([]);
    other.close();
  });

  it("that is another one is refused", () => {
    const venue = { ...VENUE, chainId: 5 };
    writeFileSync(
      join(stand.folder, `watchtower-5-${VENUE.vault}.sqlite`),
      "not a database at all, but long enough".repeat(50),
    );
    expect(() => TowerFile.open(stand.folder, venue)).toThrow(
      expect.objectContaining({ code: "file_format" }) as Error,
    );
  });
});
