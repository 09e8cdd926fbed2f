import { expect, it } from "vitest";
import type { Hex } from "../src/base/bytes.ts";
import { instant, systemClock } from "../src/base/clock.ts";
import { amount } from "../src/base/money.ts";
import { refuse } from "../src/base/refusal.ts";
import { emptyState } from "../src/exchange/state.ts";
import type { Broker, BrokerCallbacks } from "../src/link/broker/broker.ts";
import type { MemoryClass, Profile } from "../src/protocol/fuel.ts";
import { encodeMessage, type Message } from "../src/protocol/message.ts";
import type { Signer } from "../src/protocol/signer.ts";
import { askDigest } from "../src/protocol/typed-data.ts";
import { Reception } from "../src/reception.ts";
import { ARM, BOARD, CART, FUEL, MARKET, METER } from "./exchange/stage.ts";

it("a device that is on the roster no more hears nothing, though another has its topics by then", async () => {
  const state = emptyState();
  const device = { name: "old", owner: null, manufacturer: "m", serialNumber: "7" };
  for (const { address } of [BOARD, CART]) state.roster.set(address, { ...device, address });
  const enrolled = new Set([BOARD.address]);
  const reception = new Reception({
    ...{
      state,
      market: MARKET,
      clock: systemClock,
      decimals: 6,
      feeBasisPoints: 0,
      firmware: { ...METER, maxFuel: FUEL, runMs: 30_000 },
    },
    admission: { isEnrolled: (address) => enrolled.has(address), admit: () => null, known: () => [] },
    journalIndex: () => 0,
    onRefused: () => {},
  });
  const said: string[] = [];
  const broker: Broker = {
    ...NO_BROKER,
    publish: (_to, topic) => said.push(topic),
  };
  const courier = { onGet: async () => null, onData: () => Promise.resolve(null), askAgain: () => {} };
  await reception.open(async () => ({ broker }), { commands: { submit: async () => {} }, courier });
  const ack = { topic: "ack", message: { version: 1, id: "c-1", journalIndex: 1 } } as const;
  reception.publish({ to: BOARD.address, ...ack });
  expect(said).toEqual(["ack"]);
  enrolled.delete(BOARD.address);
  enrolled.add(CART.address);
  reception.publish({ to: BOARD.address, ...ack });
  expect(said).toEqual(["ack"]);
  reception.publish({ to: CART.address, ...ack });
  expect(said).toEqual(["ack", "ack"]);
});

const LOGIN = { way: "listener", origin: "192.0.2.1", since: instant(1) } as const;

const NO_BROKER = {
  ...{
    port: 0,
    urls: [],
    attach: () => {},
    sessions: () => [],
    drop: () => {},
    waiting: () => [],
    pair: () => Promise.resolve(),
    stop: () => Promise.resolve(),
  },
  figures: { connections: 0, sessions: 0, queuedMessages: 0, queuedBytes: 0, delayed: 0 },
};

/** A reception with two devices on the line, and what it has said and refused. */
async function openDoor() {
  const state = emptyState();
  for (const { address } of [ARM, BOARD]) {
    state.roster.set(address, {
      name: "one",
      owner: null,
      manufacturer: "m",
      serialNumber: address.slice(2, 12),
      address,
    });
  }
  const said: string[] = [];
  const refused: string[] = [];
  const reception = new Reception({
    ...{ state, market: MARKET, clock: systemClock, decimals: 6, feeBasisPoints: 0 },
    firmware: { ...METER, maxFuel: FUEL, runMs: 30_000 },
    admission: { isEnrolled: () => true, admit: () => null, known: () => [] },
    journalIndex: () => 0,
    onRefused: ({ refused: code }) => refused.push(code),
  });
  let callbacks: BrokerCallbacks | undefined;
  const start = (given: BrokerCallbacks): Promise<{ broker: Broker }> => {
    callbacks = given;
    const publish: Broker["publish"] = ({ serialNumber }, topic) => {
      if (topic === "announce") said.push(serialNumber === ARM.address.slice(2, 12) ? "arm" : "board");
    };
    return Promise.resolve({ broker: { ...NO_BROKER, publish } });
  };
  const courier = { onGet: async () => null, onData: () => Promise.resolve(null), askAgain: () => {} };
  await reception.open(start, { commands: { submit: async () => {} }, courier });
  const tell = async ({ address }: Signer, factsheet: Partial<Message<"factsheet">>) => {
    const name = { manufacturer: "m", serialNumber: address.slice(2, 12) };
    const nonce = `0x${"00".repeat(32)}` as const;
    const session = { id: `${address}-0`, device: address, name, slot: "0", nonce, ...LOGIN };
    const message = { version: 1 as const, name: "", profiles: [], memoryMiB: 0, ...factsheet };
    const payload = new TextEncoder().encode(encodeMessage("factsheet", message));
    await callbacks?.onPublish(session, "factsheet", payload);
  };
  const announce = (profile: Profile, memoryMiB: MemoryClass) => {
    said.length = 0;
    for (const to of reception.bidders()) {
      const message: Message<"announce"> = {
        ...{
          version: 1,
          task: `0x${"7a".repeat(16)}`,
          requester: CART.address,
          profile,
          memoryMiB,
          ...METER,
        },
        ...{ firmware: `0x${"f1".repeat(32)}`, firmwareBytes: 1, inputBytes: 1, fuelLimit: FUEL },
        ...{ maxPrice: amount(1n), bidBy: instant(1), deadline: instant(2) },
      };
      reception.publish({ to, topic: "announce", message });
    }
    return said;
  };
  return { reception, refused, tell, announce, callbacks };
}

it("a task is announced to those who say that they run its profile in its memory", async () => {
  const { tell, announce } = await openDoor();
  await tell(ARM, { profiles: ["task/1"], memoryMiB: 64 });
  await tell(BOARD, { profiles: ["task/1", "wasi-stdio/1"], memoryMiB: 1 });
  expect(announce("task/1", 1)).toEqual(["arm", "board"]);
  expect(announce("task/1", 16)).toEqual(["arm"]);
  expect(announce("wasi-stdio/1", 1)).toEqual(["board"]);
  expect(announce("wasi-stdio/1", 64)).toEqual([]);
  await tell(ARM, { profiles: [] });
  expect(announce("task/1", 1)).toEqual(["board"]);
});

it("an ask counts when it is its device's own, under this market's meter", async () => {
  const { reception, refused, tell } = await openDoor();
  const terms = {
    ...METER,
    rates: [{ memoryMiB: 1 as const, rate: amount(1_000n) }],
    fuelPerSecond: [{ memoryMiB: 1 as const, fuel: 1_000_000_000 }],
    measured: instant(1),
    expires: instant(2),
  };
  const signed = async (by: Signer, what: typeof terms) => {
    const signature = await by.sign(askDigest(MARKET, ARM.address, what));
    return { profiles: ["task/1" as const], memoryMiB: 64, ask: { ...what, signature } };
  };
  await tell(ARM, await signed(ARM, terms));
  expect(reception.asks().get(ARM.address)).toMatchObject(terms);
  await tell(ARM, await signed(BOARD, terms));
  expect(reception.asks().size).toBe(0);
  await tell(ARM, await signed(ARM, { ...terms, meter: METER.meter + 1 }));
  expect(reception.asks().size).toBe(0);
  expect(refused).toEqual(["bad_signature", "meter_unknown"]);
  expect(reception.bidders()).toEqual([ARM.address]);
});

it("ends the sessions of those that are on the roster no more, or have to log in anew", async () => {
  const enrolled = new Set([BOARD.address, ARM.address]);
  const reception = new Reception({
    ...{ state: emptyState(), market: MARKET, clock: systemClock, decimals: 6, feeBasisPoints: 0 },
    firmware: { ...METER, maxFuel: FUEL, runMs: 30_000 },
    admission: { isEnrolled: (address) => enrolled.has(address), admit: () => null, known: () => [] },
    journalIndex: () => 0,
    onRefused: () => {},
  });
  const dropped: string[] = [];
  const sessions = () =>
    [BOARD, ARM, CART].map(({ address: device }) => ({
      ...{ id: `${device}-main`, device, slot: "main", nonce: `0x${"00".repeat(32)}` as const, ...LOGIN },
      name: { manufacturer: "m", serialNumber: device },
    }));
  const broker: Broker = {
    ...NO_BROKER,
    publish: () => {},
    sessions,
    drop: (device) => dropped.push(device),
  };
  const courier = { onGet: async () => null, onData: () => Promise.resolve(null), askAgain: () => {} };
  await reception.open(async () => ({ broker }), { commands: { submit: async () => {} }, courier });
  reception.dismiss((device) => device === ARM.address);
  expect(dropped).toEqual([ARM.address, CART.address]);
});

it("counts what each device says and hears, and which of it was refused, for those it knows", async () => {
  const { reception, callbacks, tell } = await openDoor();
  const session = (device: Hex) => {
    const name = { manufacturer: "m", serialNumber: device.slice(2, 12) };
    return { id: `${device}-0`, device, name, slot: "0", nonce: `0x${"00".repeat(32)}` as const, ...LOGIN };
  };
  await tell(BOARD, { profiles: [] });
  expect(reception.devices.of(BOARD.address)).toMatchObject({ messagesIn: 1, sessionSince: null });
  callbacks?.onReady(session(BOARD.address));
  await callbacks?.onPublish(session(BOARD.address), "progress", new TextEncoder().encode("{"));
  callbacks?.onPing?.(session(ARM.address));
  // proved by a key that nobody has enrolled
  callbacks?.onRefused(refuse("unknown_device"), {
    device: CART.address,
    session: null,
    topic: "",
    origin: "x",
  });
  const board = reception.devices.of(BOARD.address);
  expect(board).toMatchObject({
    messagesIn: 2,
    messagesOut: 2,
    sessions: 1,
    sessionSince: 1,
    origin: "192.0.2.1",
  });
  expect([...(board?.refused ?? [])]).toEqual([["bad_json", 1]]);
  const rows = reception.devices.messages(BOARD.address);
  expect(rows.map(({ direction, topic, refused }) => [direction, topic, refused])).toEqual([
    ["out", "refusal", "bad_json"],
    ["in", "progress", "bad_json"],
    ["out", "ack", null],
    ["in", "factsheet", null],
  ]);
  expect(rows[1]?.bytes).toBe(1);
  expect(reception.traffic).toEqual({ heard: 2, said: 2 });
  expect(reception.devices.of(ARM.address)?.heardAt).toBeGreaterThan(0);
  expect(reception.devices.of(CART.address)).toBeNull();
  callbacks?.onGone(session(BOARD.address));
  expect(reception.devices.of(BOARD.address)).toMatchObject({ sessionSince: null });
});
