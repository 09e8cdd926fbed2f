import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FrameGuard } from "../../../src/link/broker/frame-guard.ts";
import { CONNACK, connectPacket, dial, dialIn, PUBACK, packet, publishPacket } from "./raw-client.ts";
import { connectReady, makeDevice, startStand } from "./stand.ts";

const bodies = fc.array(fc.nat(400), { maxLength: 8 });

function cutInto(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
}

describe("FrameGuard", () => {
  it("accepts packets if and only if all are within the limit, however they are cut", () => {
    fc.assert(
      fc.property(bodies, fc.array(fc.nat()), fc.integer({ min: 2, max: 300 }), (lengths, cuts, limit) => {
        const packets = lengths.map((length) => packet(0x30, Buffer.alloc(length, 0xff)));
        const guard = new FrameGuard(limit);
        const accepted = cutInto(Buffer.concat(packets), cuts).every((chunk) => guard.accepts(chunk));
        expect(accepted).toBe(packets.every(({ length }) => length <= limit));
      }),
    );
  });

  // MQTT 3.1.1 table 2.4: the ends of each size of the remaining length.
  it.each([
    [[0x00], 0],
    [[0x7f], 127],
    [[0x80, 0x01], 128],
    [[0xff, 0x7f], 16_383],
    [[0x80, 0x80, 0x01], 16_384],
    [[0xff, 0xff, 0x7f], 2_097_151],
    [[0x80, 0x80, 0x80, 0x01], 2_097_152],
    [[0xff, 0xff, 0xff, 0x7f], 268_435_455],
  ])("reads the length %j as %d", (bytes, length) => {
    const whole = 1 + bytes.length + length;
    expect(new FrameGuard(whole).accepts(Uint8Array.of(0x30, ...bytes))).toBe(true);
    expect(new FrameGuard(whole - 1).accepts(Uint8Array.of(0x30, ...bytes))).toBe(false);
  });

  it("refuses a length of more than four bytes, whatever it adds up to", () => {
    expect(new FrameGuard(2 ** 40).accepts(Uint8Array.of(0x30, 0x80, 0x80, 0x80, 0x80))).toBe(false);
  });

  it("notices a DISCONNECT, and not its likeness in a payload", () => {
    const guard = new FrameGuard(1_024);
    guard.accepts(packet(0x30, Buffer.of(0xe0, 0x00, 0xe0)));
    expect(guard.saidGoodbye).toBe(false);
    guard.accepts(Uint8Array.of(0xe0));
    expect(guard.saidGoodbye).toBe(false);
    guard.accepts(Uint8Array.of(0x00));
    expect(guard.saidGoodbye).toBe(true);
  });
});

describe("a packet", () => {
  it("of 1,024 bytes is read before CONNECT, of 1,025 it ends the connection unread", async () => {
    const stand = await startStand();
    const fill = (total: number) => {
      const fields = { clientId: "c", username: "u", password: "" };
      const missing = total - connectPacket({ ...fields, password: "p".repeat(900) }).length;
      return connectPacket({ ...fields, password: "p".repeat(900 + missing) });
    };
    const longest = await dial(stand.broker);
    longest.send(fill(1_024));
    expect(await longest.next()).toEqual({ type: CONNACK, body: Buffer.of(0, 4) });
    const longer = await dial(stand.broker);
    longer.send(fill(1_025));
    expect(await longer.next()).toBeNull();
    expect(stand.refused()).toEqual(["bad_token", "too_large"]);
  });

  it("of 70,000 bytes is read in a session, of 70,001 it ends the session", async () => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot] });
    const client = await dialIn(stand.broker, robot);
    const overhead = publishPacket("t", Buffer.alloc(65_536)).length - 65_536;
    client.send(publishPacket("t", Buffer.alloc(70_000 - overhead)));
    expect(await client.types(1)).toEqual([PUBACK]);
    client.send(publishPacket("t", Buffer.alloc(70_001 - overhead)));
    expect(await client.next()).toBeNull();
    await stand.until((happened) => happened.at(-1)?.what === "gone");
    expect(stand.happened).toMatchObject([
      { refusal: { refused: "wrong_topic" } },
      { refusal: { refused: "too_large" }, at: { device: robot.address, topic: "" } },
      { what: "gone" },
    ]);
  });

  it.each([
    ["announces 256 MB", Buffer.of(0x10, 0xff, 0xff, 0xff, 0x7f)],
    ["has a length without end", Buffer.of(0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01)],
    ["announces 256 MB of a PUBLISH", Buffer.of(0x30, 0xff, 0xff, 0xff, 0x7f)],
  ])("that %s ends a stranger's connection at its header", async (_, header) => {
    const stand = await startStand();
    const stranger = await dial(stand.broker);
    for (const byte of header) stranger.send(Buffer.of(byte));
    expect(await stranger.next()).toBeNull();
    expect(stand.happened).toMatchObject([
      { refusal: { refused: "too_large" }, at: { device: null, session: null } },
    ]);
  });

  it("of any bytes at all harms nobody else", async () => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot] });
    const good = await connectReady(stand.broker, robot, "good");
    const hostile = await Promise.all(
      fc.sample(fc.uint8Array({ minLength: 1, maxLength: 300 }), 40).map(async (bytes, i) => {
        const client = await (i % 2
          ? dialIn(stand.broker, robot, { clientId: robot.clientId(`x${i}`) })
          : dial(stand.broker));
        client.send(bytes);
        client.stream.end();
        return client;
      }),
    );
    for (const client of hostile) while ((await client.next()) !== null);
    await good.publishAsync(robot.topic("cancel"), "alive", { qos: 1 });
    expect(stand.happened.at(-1)).toMatchObject({ what: "publish", payload: "alive" });
  });
});
