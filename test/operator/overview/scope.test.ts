/** An owner learns nothing of another fleet on the same gateway. */
import { beforeAll, describe, expect, it } from "vitest";
import type { Hex } from "../../../src/base/bytes.ts";
import { amount } from "../../../src/base/money.ts";
import type { OverviewRoute } from "../../../src/operator/overview/clerks.ts";
import { ARM, BOARD, CAMERA, CART, LIMITS, ROBOT, START } from "../../exchange/stage.ts";
import { askFor, type Member, openStand, type Stand, viewerOf, WHOLE } from "./stand.ts";

const RED: Hex = `0x${"4e".repeat(20)}`;
const BLUE: Hex = `0x${"b1".repeat(20)}`;

const red: readonly Member[] = [
  { signer: ROBOT, name: "red-robot", owner: RED, origin: "192.0.2.1" },
  { signer: BOARD, name: "red-board", owner: RED, origin: "/dev/serial/by-id/red" },
];
const blue: readonly Member[] = [
  { signer: CART, name: "blue-cart", owner: BLUE, origin: "198.51.100.1" },
  { signer: ARM, name: "blue-arm", owner: BLUE, origin: "198.51.100.2" },
  { signer: CAMERA, name: "blue-camera", owner: null, origin: null },
];

const turnovers = new Map([
  [ROBOT.address, { earned: 0n, spent: 1_001n }],
  [BOARD.address, { earned: 1_002n, spent: 0n }],
  [CART.address, { earned: 0n, spent: 777_001n }],
  [ARM.address, { earned: 777_002n, spent: 0n }],
]);

const limits = {
  devicePerDay: (device: Hex) => amount(BigInt(`0x${device.slice(2, 6)}`)),
  ownerPerDay: LIMITS.ownerPerDay,
};

const asks = (members: readonly Member[]) => () =>
  new Map(members.map(({ signer }, at) => [signer.address, askFor(BigInt(500 + at))]));

/** Every question that a viewer can ask, of one fleet. */
const QUESTIONS: readonly [OverviewRoute, object, object][] = [
  ["overview", {}, {}],
  ["overview", { period: "all", offset: 480 }, {}],
  ["devices", {}, {}],
  ["devices", { state: "silent" }, {}],
  ["lanes", {}, {}],
  ["lanes", { direction: "outgoing" }, {}],
  ["tasks", {}, {}],
  ["tasks", { view: "ended" }, {}],
  ["prices", {}, {}],
  ["device", {}, { device: "red-robot" }],
  ["device", {}, { device: "red-board" }],
];

async function work(stand: Stand, members: readonly Member[]): Promise<void> {
  const isHere = (signer: Member["signer"]) => members.some((member) => member.signer === signer);
  if (isHere(CART)) await stand.trade(CART, ARM, "blue-1");
  if (isHere(ROBOT)) await stand.deliver(BOARD, await stand.trade(ROBOT, BOARD, "red-1"));
  if (isHere(ROBOT)) await stand.trade(ROBOT, BOARD, "red-2");
  if (isHere(CART)) await stand.deliver(ARM, await stand.trade(CART, ARM, "blue-2"));
  for (const { signer } of members) {
    stand.traffic.heard(signer.address, "offer", 300);
    stand.traffic.refused(signer.address, "offer", "credit_short");
  }
}

/** A gateway with these fleets, at the same moment whoever else is on it. */
async function gatewayOf(members: readonly Member[]): Promise<Stand> {
  const stand = await openStand(members, turnovers, { limits, asks: asks(members) });
  await work(stand, members);
  stand.clock.set(stand.parts.place.beganAt + 41 * 86_400_000);
  return stand;
}

let both: Stand;
let alone: Stand;

beforeAll(async () => {
  both = await gatewayOf([...red, ...blue]);
  alone = await gatewayOf(red);
});

/** All that only the blue fleet has: names, addresses, topics, origins, tasks, vouchers. */
function secretsOf(stand: Stand): string[] {
  const addresses = blue.map(({ signer }) => signer.address);
  const names = blue.flatMap(({ name, origin }) => [name, `sn-${name}`, origin ?? name]);
  const tasks = [...stand.state.market.tasks.values()].filter(({ requester }) => requester === CART.address);
  expect(tasks).toHaveLength(2);
  const hidden = tasks.flatMap(({ id, run }) => [id, run?.award ?? id]);
  return [...addresses, ...names, ...hidden, BLUE, "777001", "777002", "0.777"];
}

describe("one owner's view of a gateway with two fleets", () => {
  it.each(QUESTIONS)("of %s %j names nothing of the other fleet", async (route, input, params) => {
    const text = JSON.stringify(await both.ask(route, viewerOf(RED), input, params));
    expect(secretsOf(both).filter((secret) => text.toLowerCase().includes(secret))).toEqual([]);
    const whole = JSON.stringify(await both.ask(route, WHOLE, input, params));
    // what is looked for is there, for whoever may see it
    const isOfAll = route !== "device" && !("view" in input);
    expect(secretsOf(both).some((secret) => whole.toLowerCase().includes(secret))).toBe(isOfAll);
  });

  it.each(QUESTIONS)(
    "of %s %j is what a gateway without the other fleet says",
    async (route, input, params) => {
      const [seen, expected] = await Promise.all(
        [both, alone].map((stand) => stand.ask(route, viewerOf(RED), input, params)),
      );
      // each stand lets 100 ms pass for a task
      expect(timeless(seen)).toEqual(timeless(expected));
    },
  );

  it.each(["blue-cart", "blue-arm", CART.address, ARM.address.toUpperCase().replace("0X", "0x")])(
    "does not find %s, just as a device that there is none of",
    async (device) => {
      const refusal = (name: string) =>
        both.ask("device", viewerOf(RED), {}, { device: name }).then(
          () => "found",
          (fault: Error) => fault.message.replace(name, "NAME"),
        );
      expect(await refusal(device)).toBe(await refusal("nobody"));
      await expect(both.ask("device", viewerOf(RED), {}, { device })).rejects.toMatchObject({
        code: "not_found",
      });
      await expect(both.ask("device", WHOLE, {}, { device })).resolves.toBeDefined();
      for (const route of ["lanes", "tasks"] as const) {
        const answer = await both.ask(route, viewerOf(RED), { device });
        expect("lanes" in answer ? answer.lanes : answer.tasks).toEqual([]);
      }
    },
  );

  it("asks the settlement log for its own rows alone", async () => {
    both.asked.length = 0;
    for (const [route, input, params] of QUESTIONS)
      await both.ask(route, viewerOf(BLUE), input, params).catch(() => 0);
    expect(both.asked.length).toBeGreaterThan(5);
    expect(both.asked.filter((question) => !question.includes(BLUE))).toEqual([]);
  });

  it("of a gateway that is halted says that it is, and not the reason, which may name others", async () => {
    const halted = {
      reason: `${CART.address} shows a voucher that this journal does not know`,
      since: START,
    };
    const vitals = { ...both.parts.vitals(), halted };
    const stand = await openStand([...red, ...blue], turnovers, { vitals: () => vitals });
    expect(await stand.ask("overview", WHOLE)).toMatchObject({ state: "halted", reason: halted.reason });
    const seen = await stand.ask("overview", viewerOf(RED));
    expect(seen.state).toBe("halted");
    expect(seen.reason).not.toContain(CART.address);
    expect(seen.reason).toMatch(/takes no new offers/);
  });
});

describe("a task between two fleets", () => {
  it("is seen by both, each with its own device's name and the other's address alone", async () => {
    const stand = await openStand([...red, ...blue], turnovers, { asks: asks([...red, ...blue]) });
    const task = await stand.trade(ROBOT, ARM, "across");
    const names = async (owner: Hex | null) => {
      const { tasks } = await stand.ask("tasks", { ...WHOLE, owner });
      return tasks.map(({ requester, provider }) => [requester.name, provider?.name ?? null]);
    };
    expect(await names(RED)).toEqual([["red-robot", null]]);
    expect(await names(BLUE)).toEqual([[null, "blue-arm"]]);
    expect(await names(null)).toEqual([["red-robot", "blue-arm"]]);
    const { tasks } = await stand.ask("tasks", viewerOf(RED), { device: ARM.address });
    expect(tasks.map((row) => row.task)).toEqual([task]);
    // a name that the owner does not know finds nothing
    expect((await stand.ask("tasks", viewerOf(RED), { device: "blue-arm" })).tasks).toEqual([]);
    // who works for it just now is asked at this price; who does not is not shown
    const { asks: shown } = await stand.ask("prices", viewerOf(RED));
    expect(shown.map(({ device }) => device)).toEqual([
      { address: ROBOT.address, name: "red-robot" },
      { address: BOARD.address, name: "red-board" },
      { address: ARM.address, name: null },
    ]);
    const text = JSON.stringify([await stand.ask("overview", viewerOf(RED)), shown]);
    expect(
      ["blue-arm", CART.address, CAMERA.address, BLUE].filter((secret) => text.includes(secret)),
    ).toEqual([]);
  });

  it("does not tell who checks an answer, whatever is asked", async () => {
    const stand = await openStand([...red, ...blue]);
    const task = await stand.trade(ROBOT, BOARD, "checked");
    const known = stand.state.market.tasks.get(task);
    if (!known?.run) throw new Error("nobody runs it");
    stand.state.market.tasks.set(task, { ...known, check: { ...known.run, provider: ARM.address } });
    const found = async (owner: Hex | null, device: string) =>
      (await stand.ask("tasks", { ...WHOLE, owner }, { device })).tasks.length;
    expect(await found(RED, ARM.address)).toBe(0);
    expect(await found(RED, BOARD.address)).toBe(1);
    // its own checker's owner sees the task, as that device knows it
    expect(await found(BLUE, "blue-arm")).toBe(1);
    expect(await found(null, ARM.address)).toBe(1);
    const rows = (await stand.ask("tasks", viewerOf(RED))).tasks;
    expect(JSON.stringify(rows)).not.toContain(ARM.address);
  });
});

/** Without what depends on when a stand did what. */
function timeless(answer: unknown): unknown {
  return JSON.parse(
    JSON.stringify(answer, (key, value: unknown) => (/^(at|offeredAt|heardAt)$/.test(key) ? 0 : value)),
  );
}
