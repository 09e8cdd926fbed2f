import { describe, expect, it } from "vitest";
import { BROKER_LIMITS } from "../../../src/link/broker/limits.ts";
import { PINGREQ, PINGRESP, PUBLISH, SUBACK, subscribePacket } from "../../link/broker/raw-client.ts";
import type { Device } from "../../link/broker/stand.ts";
import { enter, type Hub, makeDevices, startCompanion, startHub } from "./fleet.ts";
import type { HubOptions } from "./orders.ts";

const MB = 2 ** 20;
const { inFlight: WINDOW, queuedMessages, queuedBytes } = BROKER_LIMITS;

type Board = Awaited<ReturnType<typeof board>>;

/** A raw client that hears all its topics, and acknowledges only when told to. */
async function board(hub: Hub, device: Device) {
  const client = await enter(hub.port, device);
  client.send(subscribePacket([device.all]));
  expect(await client.types(1)).toEqual([SUBACK]);
  /** What has come until now, by packet id and number. */
  const heard = async () => {
    const came: { id: number; number: number }[] = [];
    client.send(PINGREQ);
    for (;;) {
      const packet = await client.next();
      if (packet === null) return { came, isOver: true };
      if (packet.type === PINGRESP) return { came, isOver: false };
      if (packet.type !== PUBLISH) continue;
      const topicBytes = packet.body.readUInt16BE(0);
      const id = packet.body.readUInt16BE(topicBytes + 2);
      came.push({ id, number: Number(packet.body.subarray(topicBytes + 4).toString()) });
    }
  };
  const acknowledge = (...ids: number[]) => {
    for (const id of ids) client.send(Buffer.of(0x40, 2, id >> 8, id & 255));
  };
  return { client, heard, acknowledge };
}

async function stand(options: Omit<HubOptions, "devices" | "market"> = {}) {
  const [robot, honest] = makeDevices(2);
  if (!robot || !honest) throw new Error("no devices");
  const greet = options.greet && { ...options.greet, to: robot.name };
  const hub = await startHub([robot, honest], { ...options, ...(greet && { greet }) });
  const companion = await startCompanion(hub, honest);
  const said = (count: number, bytes = 100) => hub.say({ to: robot.name, topic: "announce", count, bytes });
  return { robot, hub, companion, said };
}

describe("failure 9: a board that never acknowledges", () => {
  it("is sent its window and no more, and one more for each that it does acknowledge", async () => {
    const { robot, hub, said, companion } = await stand();
    const { heard, acknowledge } = await board(hub, robot);
    await said(2_000);
    const { came } = await heard();
    expect(came.map(({ number }) => number)).toEqual(Array.from({ length: WINDOW }, (_, at) => at + 1));
    expect(new Set(came.map(({ id }) => id)).size).toBe(WINDOW);
    expect((await heard()).came).toEqual([]);
    // Last first, one twice, and one that was never sent.
    const ids = came.map(({ id }) => id);
    const stranger = Math.max(...ids) + 500;
    acknowledge(ids.at(-1) ?? 0, ids.at(-1) ?? 0, (stranger % 65_535) + 1);
    expect((await heard()).came.map(({ number }) => number)).toEqual([WINDOW + 1]);
    acknowledge(...ids.slice(0, 5));
    expect((await heard()).came).toHaveLength(5);
    expect((await companion.figures()).isConnected).toBe(true);
  });

  it.each([
    ["messages", queuedMessages + WINDOW, 10],
    ["bytes", Math.floor(queuedBytes / 8_000) + WINDOW, 8_000],
  ])(
    "is sent away as too_slow as soon as too many %s wait for it, which is what it may cost",
    async (_, fits, bytes) => {
      const { robot, hub, said, companion } = await stand();
      const before = await hub.figures();
      const { heard } = await board(hub, robot);
      await said(fits - 10, bytes);
      const full = await hub.until(({ heap }) => heap - before.heap < 2 * queuedBytes);
      expect(full.refused).toEqual({});
      expect(full.sessions).toBe(2);
      await said(2 * fits, bytes);
      const over = await hub.until(({ sessions }) => sessions === 1);
      expect(over.refused).toEqual({ too_slow: 1 });
      expect((await heard()).isOver).toBe(true);
      const after = await hub.until(({ heap }) => heap - before.heap < MB);
      expect(after.peak - before.rss).toBeLessThan(48 * MB);
      expect((await companion.figures()).longest).toBeLessThan(1_000);
    },
  );

  it("keeps no more memory alive than its own messages take, whatever the others say in between", async () => {
    const { robot, hub } = await stand();
    const before = await hub.figures();
    await board(hub, robot);
    await hub.say({ to: robot.name, topic: "announce", count: 2_000, bytes: 10, between: 61_440 });
    const { heap, sessions } = await hub.figures();
    expect(sessions).toBe(2);
    expect(heap - before.heap).toBeLessThan(4 * MB);
  });

  it("is sent away as too_slow after the drain timeout, however little waits", async () => {
    const { robot, hub, said } = await stand({ limits: { drainTimeoutMs: 1_500 } });
    const { client } = await board(hub, robot);
    await said(WINDOW + 1);
    const began = performance.now();
    await client.types(WINDOW + 1);
    expect(performance.now() - began).toBeGreaterThan(1_000);
    expect((await hub.until(({ sessions }) => sessions === 1)).refused).toEqual({ too_slow: 1 });
  });
});

describe("failure 9: a robot that was offline for a day, with 100,000 messages meant for it", () => {
  it("has cost nothing meanwhile; at its return it is told the newest, no faster than its window", async () => {
    const open = 5_000;
    const { robot, hub, said, companion } = await stand({
      greet: { to: { manufacturer: "", serialNumber: "" }, topic: "announce", count: open, bytes: 300 },
    });
    const first = await board(hub, robot);
    await drain(first, open);
    first.client.stream.destroy();
    const before = await hub.until(({ sessions }) => sessions === 1);
    const away = await said(100_000, 300);
    expect(away.heap - before.heap).toBeLessThan(MB);
    expect(away.peak - before.rss).toBeLessThan(16 * MB);
    await companion.figures();
    const told = await drain(await board(hub, robot), open);
    expect(told.numbers).toEqual(Array.from({ length: open }, (_, at) => open + 100_000 + at + 1));
    expect(told.mostUnacknowledged).toBeLessThanOrEqual(WINDOW);
    expect(told.mostUnacknowledged).toBeGreaterThan(1);
    expect((await companion.figures()).longest).toBeLessThan(500);
    expect((await hub.figures()).refused).toEqual({});
  });
});

/** Takes so many messages, acknowledging each only after the next ones have come. */
async function drain({ heard, acknowledge }: Board, count: number) {
  const numbers: number[] = [];
  let mostUnacknowledged = 0;
  while (numbers.length < count) {
    const { came, isOver } = await heard();
    if (isOver) throw new Error(`ended after ${numbers.length}`);
    mostUnacknowledged = Math.max(mostUnacknowledged, came.length);
    numbers.push(...came.map(({ number }) => number));
    acknowledge(...came.map(({ id }) => id));
  }
  return { numbers, mostUnacknowledged };
}
