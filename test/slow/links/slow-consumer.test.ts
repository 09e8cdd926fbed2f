import { describe, expect, it } from "vitest";
import { PUBACK, PUBLISH, publishPacket, SUBACK, subscribePacket } from "../../link/broker/raw-client.ts";
import type { Device } from "../../link/broker/stand.ts";
import { enter, type Hub, makeDevices, startCompanion, startHub } from "./fleet.ts";

const IN_FLIGHT = 300;
const SLOW_MS = 100;

/** Sends so many messages at once and acknowledges what comes: the packet ids and the answers, in order. */
async function burst(
  hub: Hub,
  device: Device,
  count: number,
): Promise<{ acked: number[]; answers: string[] }> {
  const client = await enter(hub.port, device);
  client.send(subscribePacket([device.all]));
  expect(await client.types(1)).toEqual([SUBACK]);
  for (let id = 1; id <= count; id++) client.send(publishPacket(device.topic("cancel"), `m-${id}`, { id }));
  const acked: number[] = [];
  const answers: string[] = [];
  while (acked.length < count || answers.length < count) {
    const packet = await client.next();
    if (packet === null) throw new Error(`ended after ${acked.length} acks and ${answers.length} answers`);
    if (packet.type === PUBACK) acked.push(packet.body.readUInt16BE(0));
    if (packet.type !== PUBLISH) continue;
    const topicBytes = packet.body.readUInt16BE(0);
    answers.push(packet.body.subarray(topicBytes + 4).toString());
    client.send(Buffer.concat([Buffer.of(0x40, 2), packet.body.subarray(topicBytes + 2, topicBytes + 4)]));
  }
  client.stream.destroy();
  return { acked, answers };
}

const numbers = (count: number) => Array.from({ length: count }, (_, at) => at + 1);

describe("failure 3: a consumer in the process that is slow and answers before it is done", () => {
  it("with 300 messages of one device in flight: all are done in order, and another is served meanwhile", async () => {
    const [busy, honest] = makeDevices(2);
    if (!busy || !honest) throw new Error("no devices");
    const hub = await startHub([busy, honest], { slow: { devices: [busy.address], ms: SLOW_MS } });
    const companion = await startCompanion(hub, honest);
    await companion.figures();
    const { acked, answers } = await burst(hub, busy, IN_FLIGHT);
    const { longest, trips } = await companion.figures();
    expect(answers).toEqual(numbers(IN_FLIGHT).map((id) => `m-${id}`));
    expect(acked.toSorted((a, b) => a - b)).toEqual(numbers(IN_FLIGHT));
    expect(longest).toBeLessThan(500);
    const { refused, heard, crashes } = await hub.until(({ sessions }) => sessions === 1);
    expect(refused).toEqual({});
    expect(crashes).toEqual([]);
    expect(heard).toBeGreaterThanOrEqual(IN_FLIGHT + trips);
  });

  it("with 300 devices of one message each in flight: all are done", async () => {
    const [honest, ...busy] = makeDevices(IN_FLIGHT + 1);
    if (!honest) throw new Error("no device");
    const slow = { devices: busy.map(({ address }) => address), ms: SLOW_MS };
    const hub = await startHub([honest, ...busy], { slow });
    const companion = await startCompanion(hub, honest);
    const all = await Promise.all(busy.map((device) => burst(hub, device, 1)));
    expect(all.every(({ answers }) => answers.length === 1)).toBe(true);
    const { refused } = await hub.until(({ sessions }) => sessions === 1);
    expect(refused).toEqual({});
    expect((await companion.figures()).isConnected).toBe(true);
  });

  it("which never comes to an end: its device alone waits, until its keep-alive is over", async () => {
    const [stuck, honest, other] = makeDevices(3);
    if (!stuck || !honest || !other) throw new Error("no devices");
    const hub = await startHub([stuck, honest, other], { slow: { devices: [stuck.address], ms: null } });
    const companion = await startCompanion(hub, honest);
    const client = await enter(hub.port, stuck, { keepAlive: 4 });
    for (let id = 1; id <= 2_000; id++) client.send(publishPacket(stuck.topic("cancel"), `m-${id}`, { id }));
    const { answers } = await burst(hub, other, IN_FLIGHT);
    expect(answers).toHaveLength(IN_FLIGHT);
    expect((await companion.figures()).isConnected).toBe(true);
    expect((await hub.figures()).sessions).toBe(2);
    expect(await client.next()).toBeNull();
    const { refused } = await hub.until(({ sessions }) => sessions === 1);
    expect(refused).toEqual({});
    expect((await burst(hub, other, 5)).answers).toHaveLength(5);
  });
});
