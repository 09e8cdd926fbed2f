/** What is looked at from time to time, and what the state says of money. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Hex } from "../../../src/base/bytes.ts";
import { type Instant, instant } from "../../../src/base/clock.ts";
import { Fault } from "../../../src/base/fault.ts";
import { amount } from "../../../src/base/money.ts";
import { emptyState } from "../../../src/exchange/state.ts";
import { ChainSigns } from "../../../src/operator/watch/chain-signs.ts";
import { FolderSize } from "../../../src/operator/watch/folder-size.ts";
import { isLookedAfter, laneSigns, spendSigns } from "../../../src/operator/watch/money-signs.ts";
import { WaitingClaims } from "../../../src/operator/watch/waiting-claims.ts";
import { type Lane, newLane } from "../../../src/payment/lane.ts";
import type { Claimable } from "../../../src/settlement/claim-policy.ts";
import { ManualClock } from "../../settlement/manual-clock.ts";
import { account, HOUR, MINUTE } from "./vitals-fixture.ts";

const GATEWAY = account(0xee);
const TOKEN = account(0xdd);

type FakeNode = { block: bigint; age: number; isAway: boolean; heads: number; purses: number; gas: bigint };

describe("the chain, looked at", () => {
  function stand() {
    const clock = new ManualClock();
    const node: FakeNode = { block: 100n, age: 4_000, isAway: false, heads: 0, purses: 0, gas: 7n };
    const answer = <T>(value: () => T): Promise<T> =>
      node.isAway ? Promise.reject(new Fault("chain_unreachable", "away")) : Promise.resolve(value());
    const chain = {
      head: () => {
        node.heads++;
        return answer(() => ({
          number: node.block,
          hash: "0x" as Hex,
          time: (clock.now() - node.age) / 1_000,
        }));
      },
      fees: () => answer(() => ({ maxFeePerGas: 5n, maxPriorityFeePerGas: 1n })),
      gasBalance: () => {
        node.purses++;
        return answer(() => node.gas);
      },
      vaultBalance: () => answer(() => amount(9n)),
    };
    const signs = new ChainSigns({ chain, clock, account: GATEWAY, token: TOKEN, pollMs: 5_000 });
    signs.start();
    onTestFinished(() => signs.stop());
    return { clock, node, signs };
  }

  it("shows the newest block, coins and prices, and knows nothing before", async () => {
    const { clock, signs } = stand();
    expect(signs.sight).toMatchObject({
      head: null,
      gas: null,
      gasPrice: null,
      vault: null,
      clockOffsetMs: null,
    });
    await clock.advance(0);
    expect(signs.sight).toMatchObject({ head: { block: 100 }, gas: 7n, gasPrice: 5n, vault: 9n });
    expect(signs.sight.head?.time).toBe(clock.now() - 4_000);
  });

  it("asks for the head at each look and for coins once a minute", async () => {
    const { clock, node } = stand();
    await clock.advance(2 * MINUTE);
    expect(node.heads).toBe(25);
    expect(node.purses).toBe(3);
  });

  it("takes the least of what new blocks say for the clock's error, and one block for nothing", async () => {
    const { clock, node, signs } = stand();
    await clock.advance(6_000);
    node.block++;
    node.age = 42_000;
    await clock.advance(5_000);
    expect(signs.sight.clockOffsetMs).toBeNull();
    node.block++;
    node.age = 45_000;
    await clock.advance(5_000);
    expect(signs.sight.clockOffsetMs).toBe(42_000);
    // the same block again, ever older, says nothing of the clock
    node.age = 1_000;
    await clock.advance(5_000);
    expect(signs.sight.clockOffsetMs).toBe(42_000);
    node.block++;
    node.age = -31_000;
    await clock.advance(5_000);
    expect(signs.sight.clockOffsetMs).toBe(-31_000);
    await clock.advance(11 * MINUTE);
    expect(signs.sight.clockOffsetMs).toBeNull();
  });

  it("keeps what it knows while the node is away, and goes on when it is back", async () => {
    const { clock, node, signs } = stand();
    await clock.advance(1_000);
    const before = signs.sight;
    node.isAway = true;
    await clock.advance(2 * MINUTE);
    expect(signs.sight).toEqual(before);
    node.isAway = false;
    node.gas = 3n;
    await clock.advance(MINUTE);
    expect(signs.sight.gas).toBe(3n);
    expect(signs.sight.readAt).toBeGreaterThan(before.readAt ?? 0);
  });
});

describe("vouchers that wait", () => {
  const NOW = instant(1_763_800_000_000);
  const lane = (fill: number, worth: bigint, change: Partial<Claimable> = {}): Claimable => {
    const base = newLane(account(fill), GATEWAY, TOKEN);
    const newest = { cumulative: amount(worth) } as Claimable["newest"];
    return { ...base, deposit: amount(1_000_000n), signed: amount(worth), newest, window: 1, ...change };
  };
  const free = { gasPrice: 0n, coinPrice: null };
  const waiting = () => new WaitingClaims({ everyMs: 6 * HOUR, gateway: GATEWAY, startedAt: NOW });
  const at = (ms: number): Instant => instant(NOW + ms);

  it("wait since they were first seen, each lane by itself", () => {
    const claims = waiting();
    expect(claims.note([], free, instant(0), NOW)).toEqual({ since: null, until: null });
    expect(claims.note([lane(1, 10n)], free, instant(0), at(1_000)).since).toBe(at(1_000));
    expect(claims.note([lane(1, 20n), lane(2, 10n)], free, instant(0), at(2_000)).since).toBe(at(1_000));
    expect(claims.note([lane(2, 10n)], free, instant(0), at(3_000)).since).toBe(at(2_000));
    expect(claims.note([lane(2, 10n, { epoch: 1 })], free, instant(0), at(4_000)).since).toBe(at(4_000));
  });

  it("are claimed within the interval, or a quarter of their lane's window", () => {
    const claims = waiting();
    expect(claims.note([lane(1, 10n)], free, instant(0), NOW).until).toBe(at(6 * HOUR));
    expect(claims.note([lane(1, 10n), lane(2, 10n, { window: 0 })], free, instant(0), NOW).until).toBe(
      at(HOUR / 4),
    );
  });

  it("may have waited since the last claim before the start, yet one interval at most", () => {
    expect(waiting().note([lane(1, 10n)], free, instant(0), NOW).since).toBe(NOW);
    expect(waiting().note([lane(1, 10n)], free, at(-HOUR), NOW).since).toBe(at(-HOUR));
    expect(waiting().note([lane(1, 10n)], free, at(-100 * HOUR), NOW).since).toBe(at(-6 * HOUR));
  });

  it("do not count where they are not worth their gas, unless their lane is closing", () => {
    // 10,100 gas at a gwei, of a coin that costs 3,000 tokens of six decimals: 30,300 units
    const dear = { gasPrice: 10n ** 9n, coinPrice: amount(3_000_000_000n) };
    const since = (one: Claimable) => waiting().note([one], dear, instant(0), NOW).since;
    expect(since(lane(1, 30_299n))).toBeNull();
    expect(since(lane(1, 30_300n))).toBe(NOW);
    expect(since(lane(1, 1n, { closeAt: 1 }))).toBe(NOW);
  });
});

describe("what the state says of money", () => {
  const DAY = 20_000;
  const NOW = instant(DAY * 24 * HOUR + HOUR);
  const ROBOT = account(1);
  const BOARD = account(2);
  const OWNER = account(9);

  function stateWith(lanes: { incoming?: Partial<Lane>; outgoing?: Partial<Lane> }) {
    const state = emptyState();
    const enrolled = { owner: OWNER, manufacturer: "maker" };
    state.roster.set(ROBOT, { ...enrolled, address: ROBOT, name: "robot-1", serialNumber: "1" });
    state.roster.set(BOARD, { ...enrolled, address: BOARD, name: "board-2", serialNumber: "2" });
    if (lanes.incoming)
      state.payment.incoming.set(ROBOT, { ...newLane(ROBOT, GATEWAY, TOKEN), ...lanes.incoming });
    if (lanes.outgoing)
      state.payment.outgoing.set(BOARD, { ...newLane(GATEWAY, BOARD, TOKEN), ...lanes.outgoing });
    return state;
  }

  it("counts lanes by state, what is not claimed each way, and what the gateway has on its own", () => {
    const state = stateWith({
      incoming: { deposit: amount(100n), signed: amount(60n), settled: amount(10n) },
      outgoing: {
        deposit: amount(100n),
        signed: amount(30n),
        settled: amount(0n),
        closeAt: NOW / 1_000 + 60,
      },
    });
    state.payment.incoming.set(BOARD, newLane(BOARD, GATEWAY, TOKEN));
    const signs = laneSigns(state, GATEWAY);
    expect(signs.lanes).toEqual({ open: 1, closing: 1, unfunded: 1 });
    expect(signs.unsettled).toEqual({ incoming: 50n, outgoing: 30n, lanes: 2 });
    expect(signs.own).toBe(70n);
    // a batch, a row of the gateway's and one of a payee's own
    expect(signs.claimGas).toBe(31_000n + 10_100n + 18_500n);
    expect(signs.endingLanes).toEqual([
      {
        ...{ id: `${BOARD}-out`, device: BOARD, name: "board-2", owner: OWNER },
        ...{ closesAt: NOW + MINUTE, unsettled: 30n },
      },
    ]);
  });

  it("lists lanes that end with money on them, the first to end first, and none that is claimed", () => {
    const closing = (closeAt: number, signed: bigint) => ({
      deposit: amount(9n),
      signed: amount(signed),
      closeAt,
    });
    const ids = (incoming: Partial<Lane>, outgoing: Partial<Lane>) =>
      laneSigns(stateWith({ incoming, outgoing }), GATEWAY).endingLanes.map(({ id }) => id);
    expect(ids(closing(200, 1n), closing(100, 1n))).toEqual([`${BOARD}-out`, `${ROBOT}-in`]);
    expect(ids(closing(200, 0n), closing(100, 1n))).toEqual([`${BOARD}-out`]);
  });

  it("measures every limit: of devices, of owners, of kept wallets, today's spending alone", () => {
    const state = stateWith({});
    const standing = { promised: 500n, paid: 0n, largest: amount(1n), holds: new Map() };
    state.payment.standings.set(ROBOT, { ...standing, day: DAY, spent: 80n });
    state.payment.standings.set(BOARD, { ...standing, day: DAY - 1, spent: 70n });
    const limits = {
      devicePerDay: (device: Hex) => (device === ROBOT ? amount(100n) : null),
      ownerPerDay: amount(1_000n),
    };
    const keptCap = (device: Hex) => (device === BOARD ? amount(600n) : null);
    const signs = spendSigns(state, [...state.roster.values()], { limits, keptCap, now: NOW });
    expect(signs.spentToday).toBe(80n);
    expect(signs.spending.map(({ kind, name, spent, cap }) => [kind, name, spent, cap])).toEqual([
      ["device", "robot-1", 80n, 100n],
      ["wallet", "board-2", 500n, 600n],
      ["owner", OWNER, 80n, 1_000n],
    ]);
    expect(
      spendSigns(state, [], { limits: { ...limits, ownerPerDay: null }, keptCap, now: NOW }).spending,
    ).toEqual([]);
  });

  it("looks after no guest and not after the gateway's own requester", () => {
    const device = { address: ROBOT, name: "x", owner: null, serialNumber: "1" };
    const isOurs = (manufacturer: string) => isLookedAfter({ ...device, manufacturer });
    expect(["maker", "guest", "operator"].map(isOurs)).toEqual([true, false, false]);
  });
});

describe("the size of a folder", () => {
  it("is that of all files in it, looked at again every ten minutes", async () => {
    const folder = mkdtempSync(join(tmpdir(), "hirewire-size-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    mkdirSync(join(folder, "blobs/ab"), { recursive: true });
    writeFileSync(join(folder, "journal.sqlite"), new Uint8Array(1_000));
    writeFileSync(join(folder, "blobs/ab/cd"), new Uint8Array(24));
    const clock = new ManualClock();
    const size = new FolderSize(folder, clock);
    expect(size.bytes).toBeNull();
    size.start();
    onTestFinished(() => size.stop());
    await expect.poll(() => size.bytes).toBe(1_024);
    rmSync(join(folder, "journal.sqlite"));
    await clock.advance(10 * MINUTE);
    await expect.poll(() => size.bytes).toBe(24);
  });

  it("is unknown where there is no folder", async () => {
    const size = new FolderSize(join(tmpdir(), "hirewire-there-is-none"), new ManualClock());
    size.start();
    await size.stop();
    expect(size.bytes).toBeNull();
  });
});
