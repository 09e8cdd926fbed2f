import { describe, expect, it, onTestFinished } from "vitest";
import { publishPacket, SUBACK, subscribePacket } from "../../link/broker/raw-client.ts";
import type { Device } from "../../link/broker/stand.ts";
import { enter, type Hub, makeDevices, startCompanion, startHub } from "./fleet.ts";

const PUBLISHERS = 20;
const PER_SECOND = 40;
const BYTES = 1_024;
/** Messages of each publisher in a round: the frozen one's window, its queue and its socket are full long before. */
const ROUND = 400;
const MB = 2 ** 20;

/** Publishers of 1 KB at 40 Hz each, every one from an address of its own; `said` is when a round is, `end` ends them. */
async function publishers(hub: Hub, devices: readonly Device[]) {
  const clients = await Promise.all(
    devices.map(async (device, at) => ({
      device,
      ...(await enter(hub.port, device, {}, `127.0.1.${at + 1}`)),
    })),
  );
  let sent = 0;
  const said = Promise.withResolvers<void>();
  const payload = Buffer.alloc(BYTES, "x");
  const timer = setInterval(() => {
    sent += 1;
    if (sent === ROUND) said.resolve();
    for (const { device, send } of clients) {
      send(publishPacket(device.topic("cancel"), payload, { id: 1 + (sent % 60_000) }));
    }
  }, 1_000 / PER_SECOND);
  const stop = () => clearInterval(timer);
  onTestFinished(stop);
  const end = async () => {
    stop();
    for (const { stream } of clients) stream.destroy();
    await hub.until(({ sessions }) => sessions <= 2);
  };
  return { said: said.promise, end };
}

describe("failure 2: a frozen subscriber that is sent everything that 20 devices say", () => {
  it("stalls nobody, costs little, is sent away as too_slow, and is well once it comes back", async () => {
    const [frozen, honest, ...talking] = makeDevices(PUBLISHERS + 2);
    if (!frozen || !honest) throw new Error("no devices");
    const hub = await startHub([frozen, honest, ...talking], { copyTo: frozen.name });
    const companion = await startCompanion(hub, honest);
    const round = async () => {
      const { said, end } = await publishers(hub, talking);
      await companion.figures();
      await said;
      const { longest } = await companion.figures();
      const { peak } = await hub.figures();
      await end();
      return { longest, peak };
    };
    const without = await round();
    const stuck = await enter(hub.port, frozen);
    stuck.send(subscribePacket([frozen.all]));
    await stuck.next();
    stuck.stream.pause();
    const beside = await round();
    const now = await hub.figures();
    expect(now.refused).toEqual({ too_slow: 1 });
    expect(beside.longest).toBeLessThanOrEqual(Math.max(200, 2 * without.longest));
    expect(beside.peak - without.peak).toBeLessThan(32 * MB);
    const again = await enter(hub.port, frozen);
    again.send(subscribePacket([frozen.all]));
    expect((await again.next())?.type).toBe(SUBACK);
    await hub.say({ to: frozen.name, topic: "announce", count: 3, bytes: 10 });
    expect(await again.types(3)).toEqual([3, 3, 3]);
  });
});
