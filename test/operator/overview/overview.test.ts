import { describe, expect, it } from "vitest";
import type { Hex } from "../../../src/base/bytes.ts";
import { amount } from "../../../src/base/money.ts";
import { SILENT_MS } from "../../../src/link/broker/traffic.ts";
import { emptyStatistics } from "../../../src/link/serial/statistics.ts";
import { taskOf } from "../../../src/market/market.ts";
import { TaskTimes } from "../../../src/operator/overview/task-times.ts";
import {
  ARM,
  BOARD,
  CAMERA,
  CART,
  GATEWAY,
  LIMITS,
  laneSeen,
  MARKET,
  ROBOT,
  START,
} from "../../exchange/stage.ts";
import { askFor, type Member, openStand, sessionOf, viewerOf, WHOLE } from "./stand.ts";

const OWNER: Hex = `0x${"4e".repeat(20)}`;

const members: readonly Member[] = [
  { signer: ROBOT, name: "robot-1", owner: OWNER, origin: "192.0.2.1" },
  { signer: BOARD, name: "board-3", owner: OWNER, origin: "/dev/ttyACM0" },
  { signer: ARM, name: "arm", owner: null, origin: null },
];

const DAY = 86_400_000;

describe("the first screen", () => {
  it("adds up lanes, books and the settlement log", async () => {
    const turnovers = new Map([
      [ROBOT.address, { earned: 0n, spent: 980n }],
      [BOARD.address, { earned: 784n, spent: 0n }],
      [ARM.address, { earned: 1n, spent: 0n }],
    ]);
    const limits = { devicePerDay: () => amount(2_000_000n), ownerPerDay: amount(3_000_000n) };
    const stand = await openStand(members, turnovers, { limits });
    await stand.deliver(BOARD, await stand.trade(ROBOT, BOARD, "one"));
    await stand.trade(ROBOT, ARM, "two");
    const seen = await stand.ask("overview");
    expect(seen).toMatchObject({
      ...{ name: "barn-pi", gateway: GATEWAY.address, vault: MARKET.vault, state: "working", reason: null },
      chain: { id: 31_337, name: "local", isPlayMoney: true },
      token: { address: MARKET.token, symbol: "USDT", decimals: 6 },
      journal: { entries: 7, intact: true, verifiedAt: START - 60_000 },
      earned: { amount: "0.000785", before: "0.000785", tasks: 3 },
      // 2 a day for each, 3 for both of one owner: 3 + 2
      spent: { amount: "0.000980", cap: "5.000000", tasks: 3 },
      fees: "0.000011",
      // two offers of 1,200 were signed for; 800 less 2 % went out
      unsettled: { incoming: "0.002400", outgoing: "0.000784", lanes: 2, nextAt: START + 3_600_000 },
      wallet: {
        ...{ vault: "52.114000", lanes: "9.000000", gas: "0.041200000000000000", gasSymbol: "ETH" },
        ...{ settlementsLeft: 40, isEnough: true },
      },
      // three deposits of 10,000; of the first hold of 1,200 came back what 800 did not need
      funds: { deposited: "0.027600", credit: "0.000400", held: "0.001200", owed: "0.000000" },
      tasks: {
        open: 1,
        live: [{ state: "running", requester: { name: "robot-1" }, provider: { name: "arm" } }],
      },
      devices: { live: 2, silent: 1, disabled: 0 },
      lanes: { open: 6, closing: 0 },
    });
    expect(seen.devices.rows.map(({ name, state, link, earned }) => [name, state, link, earned])).toEqual([
      ["arm", "silent", null, "0.000001"],
      ["board-3", "live", "serial", "0.000784"],
      ["robot-1", "live", "mqtt", "0.000000"],
    ]);
    expect(seen.lanes.rows.slice(0, 3).map(({ id, unsettled }) => [id, unsettled])).toEqual([
      [`${ROBOT.address}-in`, "0.002400"],
      [`${BOARD.address}-out`, "0.000784"],
      expect.anything(),
    ]);
    const own = await stand.ask("overview", viewerOf(OWNER));
    expect(own).toMatchObject({
      ...{ wallet: null, fees: null },
      // the same lanes from their other end
      unsettled: { incoming: "0.000784", outgoing: "0.002400", lanes: 2 },
      spent: { cap: "3.000000" },
      earned: { amount: "0.000784" },
      funds: { deposited: "0.017600", credit: "0.000400", held: "0.001200" },
      tasks: { open: 1, live: [{ provider: { address: ARM.address, name: null } }] },
    });
    expect(own.devices.rows.map(({ name }) => name)).toEqual(["board-3", "robot-1"]);
  });

  it("begins its day at midnight of whoever looks, and compares with the same hours of the day before", async () => {
    const stand = await openStand(members);
    const now = START;
    const day = Date.UTC(2026, 10, 22);
    const seen = await stand.ask("overview", WHOLE, { offset: 480 });
    expect(seen.period).toEqual({ from: day - 8 * 3_600_000, to: now + 1 });
    expect(seen.chart.map(({ from }) => from)).toEqual(
      Array.from({ length: 19 }, (_, hour) => day + (hour - 8) * 3_600_000),
    );
    const sums = stand.asked.filter((question) => question.startsWith("sums"));
    const before = `${day - 8 * 3_600_000 - DAY}-${now + 1 - DAY}`;
    expect(sums).toEqual([`sums null ${seen.period.from}-${now + 1}`, `sums null ${before}`]);
  });

  it("asks the settlement log once a second, whoever looks how often", async () => {
    const stand = await openStand(members);
    const counts: number[] = [];
    for (let tenth = 0; tenth < 20; tenth++) {
      await Promise.all([stand.ask("overview"), stand.ask("overview")]);
      counts.push(stand.asked.length);
      stand.clock.set(stand.clock.now() + 100);
    }
    expect(counts[0]).toBe(4);
    expect(counts.at(-1)).toBe(12);
  });

  it("lists a few of very many, those that need somebody first, and counts all", async () => {
    const stand = await openStand(
      members,
      new Map(
        Array.from({ length: 40 }, (_, at) => [addressOf(at), { earned: BigInt(at) + 1_000n, spent: 0n }]),
      ),
    );
    const facts = Array.from({ length: 40 }, (_, at) => ({
      kind: "deviceEnrolled" as const,
      ...{ device: addressOf(at), owner: OWNER, name: `r${at}`, manufacturer: "acme", serialNumber: `${at}` },
    }));
    await stand.observe(facts);
    for (let at = 2; at < 40; at++) stand.traffic.began(sessionOf(addressOf(at), "192.0.2.9", START));
    const { devices } = await stand.ask("overview");
    expect(devices).toMatchObject({ live: 40, silent: 3, disabled: 0 });
    const names = ["arm", "r0", "r1", ...[31, 32, 33, 34, 35, 36, 37, 38, 39].map((at) => `r${at}`)];
    expect(devices.rows.map(({ name }) => name)).toEqual(names);
    expect((await stand.ask("devices")).devices).toHaveLength(43);
  });

  it("says that a gateway is stopped before it says that it is halted", async () => {
    const stand = await openStand(members);
    const since = START;
    const vitals = { ...stand.parts.vitals(), halted: { reason: "maintenance", since } };
    const other = await openStand(members, new Map(), { vitals: () => vitals });
    expect(await other.ask("overview")).toMatchObject({ state: "halted", reason: "maintenance" });
    const both = { ...vitals, stopped: { reason: "a leak", since } };
    const third = await openStand(members, new Map(), { vitals: () => both });
    expect(await third.ask("overview")).toMatchObject({ state: "stopped", reason: "a leak" });
  });
});

function addressOf(at: number): Hex {
  return `0x${(at + 1).toString(16).padStart(40, "0")}`;
}

describe("devices", () => {
  it("are live while they are in session and heard of, silent then, disabled when they are kept out", async () => {
    const standings = new Map<Hex, "disabled" | "gone">([[ARM.address, "disabled"]]);
    const standingOf = (device: Hex) => standings.get(device) ?? "enrolled";
    const stand = await openStand(members, new Map(), { standingOf });
    const states = async () =>
      (await stand.ask("devices")).devices.map(({ name, state }) => `${name} ${state}`);
    expect(await states()).toEqual(["arm disabled", "board-3 live", "robot-1 live"]);
    stand.clock.set(START + SILENT_MS + 1);
    stand.traffic.alive(BOARD.address);
    expect(await states()).toEqual(["arm disabled", "board-3 live", "robot-1 silent"]);
    expect((await stand.ask("devices", WHOLE, { state: "silent" })).devices).toHaveLength(1);
    // who is nobody's entry any more is shown for as long as there is money of it
    standings.set(ARM.address, "gone");
    expect(await states()).toContain("arm disabled");
    for (const [payer, payee] of [
      [ARM.address, GATEWAY.address],
      [GATEWAY.address, ARM.address],
    ] as const) {
      await stand.observe([laneSeen(payer, payee, 0n, { epoch: 1 })]);
    }
    expect(await states()).toEqual(["board-3 live", "robot-1 silent"]);
    expect((await stand.ask("overview")).devices).toMatchObject({ live: 1, silent: 1, disabled: 0 });
  });

  it("one has its link, its line, its prices, its money, its messages and its tasks", async () => {
    const statistics = { ...emptyStatistics(), framesSent: 12 };
    statistics.discarded.badCheck = 40;
    const line = { path: "/dev/ttyACM0", baud: 115_200, profile: "reliable", usb: "2e8a:000a" } as const;
    const state = { state: "session" } as const;
    const stand = await openStand(members, new Map([[BOARD.address, { earned: 784n, spent: 0n }]]), {
      lines: () => [{ ...line, state, statistics, roundTripMs: 12.5 }],
      asks: () => new Map([[BOARD.address, askFor(900n)]]),
      keptCap: (device) => (device === BOARD.address ? amount(5_000_000n) : null),
      limits: { ...LIMITS, devicePerDay: () => amount(2_000_000n) },
      testTask: () => ({ ready: true, why: "ready" }),
    });
    stand.traffic.heard(BOARD.address, "bid", 250);
    const task = await stand.trade(ROBOT, BOARD, "one");
    const board = await stand.ask("device", WHOLE, {}, { device: "BOARD-3" });
    expect(board).toMatchObject({
      device: {
        address: BOARD.address,
        isKept: true,
        link: "serial",
        origin: "/dev/ttyACM0",
        earned: "0.000784",
      },
      counters: { messagesIn: 1, messagesOut: 0, sessions: 1, refused: {} },
      line: {
        ...line,
        state: "session",
        why: null,
        framesSent: 12,
        "discarded.badCheck": 40,
        "dropped.stuck": 0,
      },
      roundTripMs: 12.5,
      prices: [{ memoryMiB: 1, rate: "0.000900", fuelPerSecond: 10 ** 12 }],
      money: { credit: "0.000000", perDay: "2.000000", spentToday: "0.000000", cap: "5.000000" },
      runs: { accepted: 1, rejected: 0, lost: 0 },
      messages: [{ direction: "in", topic: "bid", bytes: 250, refused: null }],
      tasks: [{ task, state: "running", at: START + 100, offeredAt: START }],
      testTask: { ready: true },
    });
    const robot = await stand.ask("device", viewerOf(OWNER), {}, { device: ROBOT.address });
    expect(robot).toMatchObject({
      ...{ line: null, roundTripMs: null, prices: [] },
      testTask: { ready: false, why: expect.stringMatching(/the gateway's own operator/) },
      money: { held: "0.001200", spentToday: "0.001200", cap: null },
      tasks: [{ task }],
    });
    expect(stand.asked.at(-1)).toBe(`endedTasks ${OWNER} ${ROBOT.address} 19`);
  });

  it("earn what they earn, whoever asked a moment ago", async () => {
    const stand = await openStand(members, new Map([[ARM.address, { earned: 5n, spent: 0n }]]));
    await stand.ask("devices", viewerOf(OWNER));
    const { devices } = await stand.ask("devices");
    expect(devices.map(({ name, earned }) => [name, earned])).toContainEqual(["arm", "0.000005"]);
    await stand.ask("devices");
    expect(stand.asked).toHaveLength(2);
  });

  it("are asked of the last 24 hours unless told otherwise", async () => {
    const stand = await openStand(members);
    await stand.ask("devices");
    await stand.ask("devices", WHOLE, { from: "5", to: "9" });
    await stand.ask("devices", WHOLE, { to: "7" });
    expect(stand.asked).toEqual([
      `perDevice null ${START + 1 - DAY}-${START + 1}`,
      "perDevice null 5-9",
      "perDevice null 0-7",
    ]);
  });
});

describe("lanes", () => {
  it("say what is open, closing and unfunded, and whose", async () => {
    const stand = await openStand(members);
    await stand.trade(ROBOT, BOARD, "one");
    const closeAt = START / 1_000 + 3_600;
    await stand.observe([
      laneSeen(ARM.address, GATEWAY.address, 10_000n, { closeAt }),
      laneSeen(GATEWAY.address, ARM.address, 0n, { epoch: 1 }),
    ]);
    const { lanes } = await stand.ask("lanes");
    expect(lanes.map(({ id, state }) => [id, state])).toEqual([
      [`${ARM.address}-in`, "closing"],
      [`${ROBOT.address}-in`, "open"],
      ...lanes.slice(2).map(({ id, state }) => [id, state]),
    ]);
    expect(lanes).toHaveLength(6);
    expect(lanes[0]).toMatchObject({ closesAt: closeAt * 1_000, room: "0.000000", window: "24h" });
    expect(lanes[1]).toMatchObject({
      ...{ direction: "incoming", device: { name: "robot-1" }, payer: ROBOT.address, payee: GATEWAY.address },
      ...{
        deposit: "0.010000",
        signed: "0.001200",
        settled: "0.000000",
        unsettled: "0.001200",
        room: "0.008800",
      },
    });
    const ids = async (input: object) => (await stand.ask("lanes", WHOLE, input)).lanes.map(({ id }) => id);
    expect(await ids({ state: "unfunded" })).toEqual([`${ARM.address}-out`]);
    expect(await ids({ state: "closing" })).toEqual([`${ARM.address}-in`]);
    expect(await ids({ device: "Board-3" })).toEqual([`${BOARD.address}-in`, `${BOARD.address}-out`]);
    expect(await ids({ device: BOARD.address, direction: "outgoing" })).toEqual([`${BOARD.address}-out`]);
    expect(await ids({ device: "nobody" })).toEqual([]);
    expect((await stand.ask("overview")).lanes).toMatchObject({ open: 4, closing: 1 });
    // what was claimed waits no more
    await stand.observe([laneSeen(ROBOT.address, GATEWAY.address, 10_000n, { settled: 1_000n })]);
    const [robot] = (await stand.ask("lanes", WHOLE, { device: "robot-1" })).lanes;
    expect(robot).toMatchObject({ signed: "0.001200", settled: "0.001000", unsettled: "0.000200" });
    expect((await stand.ask("overview")).unsettled).toMatchObject({ incoming: "0.000200", lanes: 1 });
  });
});

describe("live tasks", () => {
  const crowd: readonly Member[] = [
    ...members,
    { signer: CART, name: "cart", owner: null, origin: null },
    { signer: CAMERA, name: "camera", owner: null, origin: null },
  ];

  it("are listed newest first, page by page, and found by device, state and firmware", async () => {
    const stand = await openStand(crowd);
    const first = await stand.trade(ROBOT, BOARD, "one");
    const second = await stand.trade(CART, ARM, "two");
    const third = await stand.trade(ROBOT, CAMERA, "three");
    const list = async (input: object) => {
      const { tasks, next } = await stand.ask("tasks", WHOLE, input);
      return { found: tasks.map(({ task }) => task), next };
    };
    expect(await list({})).toEqual({ found: [third, second, first], next: null });
    const page = await list({ limit: 2 });
    expect(page.found).toEqual([third, second]);
    expect(await list({ limit: 2, before: page.next })).toEqual({ found: [first], next: null });
    expect((await list({ device: "robot-1" })).found).toEqual([third, first]);
    expect((await list({ device: ARM.address })).found).toEqual([second]);
    expect((await list({ state: "announced" })).found).toEqual([]);
    expect((await list({ state: "running" })).found).toHaveLength(3);
    expect((await list({ firmware: "Path-Plan" })).found).toHaveLength(3);
    expect((await list({ firmware: "0xf1f1" })).found).toHaveLength(3);
    expect((await list({ firmware: "0xf2" })).found).toEqual([]);
    await stand.deliver(BOARD, first);
    expect((await list({})).found).toEqual([third, second]);
    await expect(list({ before: "yesterday" })).rejects.toMatchObject({ code: "usage" });
  });

  it("know since when they are in their state, of which nobody knows before it changes when they were offered", async () => {
    const stand = await openStand(crowd);
    const id = await stand.trade(ROBOT, BOARD, "one");
    const row = async () => (await stand.ask("tasks")).tasks[0];
    expect(await row()).toMatchObject({
      offeredAt: START,
      at: START + 100,
      price: "0.001000",
      state: "running",
    });
    const task = taskOf(stand.state.market, id);
    expect(new TaskTimes(stand.state.market.tasks).since(task)).toBe(START);
    const times = new TaskTimes(stand.state.market.tasks);
    const accepted = { task: id, role: "check", provider: ARM.address, award: id, signature: "0x" } as const;
    const note = (at: number) => times.note([{ at, facts: [{ kind: "accepted", ...accepted }] } as never]);
    note(START + 300);
    // a fact that leaves the state as it is
    note(START + 400);
    expect(times.since(task)).toBe(START + 300);
    await stand.deliver(BOARD, id);
    // what is over is not remembered
    expect(stand.parts.taskTimes.since(task)).toBe(START);
  });
});
