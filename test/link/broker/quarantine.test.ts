/** Login by message at the embedded broker: what a connection without a token may do, and may not. */
import { describe, expect, it } from "vitest";
import type { Message } from "../../../src/protocol/message.ts";
import { VirtualClock } from "../serial/virtual-clock.ts";
import {
  CONNACK,
  connectPacket,
  dial,
  PUBLISH,
  publishPacket,
  SUBACK,
  subscribePacket,
} from "./raw-client.ts";
import { connectReady, type Device, makeDevice, type Stand, startStand } from "./stand.ts";

type Line = Awaited<ReturnType<typeof dial>>;

/** A connection in quarantine, subscribed to all its topics unless told otherwise. */
async function knock(
  stand: Stand,
  device: Device,
  filter = device.all,
  will?: { topic: string; payload: string },
) {
  const line = await dial(stand.broker);
  const fields = { clientId: device.clientId(), username: device.address, password: "challenge" };
  line.send(connectPacket({ ...fields, ...(will && { will }) }), subscribePacket([filter]));
  expect(await line.next()).toEqual({ type: CONNACK, body: Buffer.of(0, 0) });
  expect((await line.next())?.type).toBe(SUBACK);
  return line;
}

function login(line: Line, device: Device, token: string | null, changes: object = {}): void {
  const message = { version: 1, device: device.address, slot: "main", token, ...changes };
  line.send(publishPacket(device.topic("login"), JSON.stringify(message)));
}

/** The next message of ours, acknowledged; anything else on the way is passed over. */
async function hear(line: Line): Promise<{ topic: string; message: Record<string, unknown> } | null> {
  for (;;) {
    const got = await line.next();
    if (got === null) return null;
    if (got.type !== PUBLISH) continue;
    const end = 2 + got.body.readUInt16BE(0);
    const topic = got.body.subarray(2, end).toString();
    return { topic, message: JSON.parse(got.body.subarray(end + 2).toString()) };
  }
}

async function challenged(line: Line, device: Device): Promise<Message<"challenge">> {
  login(line, device, null);
  const heard = await hear(line);
  expect(heard?.topic).toBe(device.topic("challenge"));
  return heard?.message as Message<"challenge">;
}

const tokenOf = (device: Device, { nonce, time }: Message<"challenge">, slot = "main") =>
  device.tokenFor(device.clientId(slot), { nonce: `0x${nonce.replace("0x", "")}`, issued: time });

describe("a device without a clock", () => {
  it("asks for a challenge, signs it and has a session, ready at once", async () => {
    const board = makeDevice();
    const stand = await startStand({ devices: [board] });
    const line = await knock(stand, board);
    const challenge = await challenged(line, board);
    expect(stand.happened).toEqual([]);
    expect(stand.broker.sessions()).toEqual([]);
    login(line, board, await tokenOf(board, challenge));
    await stand.until((happened) => happened.length === 1);
    const [session] = stand.broker.sessions();
    expect(session).toMatchObject({ id: board.clientId(), device: board.address, name: board.name });
    expect(stand.happened).toEqual([{ what: "ready", session }]);
    stand.broker.publish(board.name, "ack", "{}");
    expect((await hear(line))?.topic).toBe(board.topic("ack"));
    line.send(publishPacket(board.topic("offer"), "x".repeat(4_096)));
    await stand.until((happened) => happened.length === 2);
    expect(stand.happened[1]).toMatchObject({ what: "publish", session, topic: "offer" });
  });

  it("takes over its older session only once it has signed", async () => {
    const board = makeDevice();
    const stand = await startStand({ devices: [board] });
    await connectReady(stand.broker, board);
    const line = await knock(stand, board);
    const challenge = await challenged(line, board);
    expect(stand.happened.map(({ what }) => what)).toEqual(["ready"]);
    login(line, board, await tokenOf(board, challenge));
    await stand.until((happened) => happened.length === 3);
    expect(stand.happened.map(({ what }) => what)).toEqual(["ready", "gone", "ready"]);
  });

  it("hears nothing that is said to the device before it has signed", async () => {
    const board = makeDevice();
    const stand = await startStand({ devices: [board] });
    const older = await connectReady(stand.broker, board, "other");
    const line = await knock(stand, board);
    const heard = new Promise((resolve) => older.once("message", resolve));
    stand.broker.publish(board.name, "award", "secret");
    await heard;
    expect(await challenged(line, board)).toMatchObject({ slot: "main" });
  });

  it("has its last will told like any other", async () => {
    const board = makeDevice();
    const stand = await startStand({ devices: [board] });
    const will = { topic: board.topic("connection"), payload: "broken" };
    const line = await knock(stand, board, board.all, will);
    login(line, board, await tokenOf(board, await challenged(line, board)));
    await stand.until((happened) => happened.length === 1);
    line.stream.destroy();
    await stand.until((happened) => happened.length === 3);
    expect(stand.happened).toMatchObject([{ what: "ready" }, { payload: "broken" }, { what: "gone" }]);
  });
});

describe("a connection in quarantine", () => {
  it("may subscribe to the topics of one name, once and for all", async () => {
    const board = makeDevice();
    const stand = await startStand({ devices: [board] });
    const line = await knock(stand, board);
    line.send(
      subscribePacket(["#", "hirewire/v1/acme/r-2/+", board.topic("challenge"), board.topic("offer"), "a"]),
    );
    expect((await line.next())?.body).toEqual(Buffer.of(0, 1, 0x80, 0x80, 1, 0x80, 0x80));
    const other = makeDevice({ manufacturer: "acme", serialNumber: "r-2" });
    login(line, other, null);
    expect(await hear(line)).toMatchObject({ topic: board.topic("refusal") });
    expect(await line.next()).toBeNull();
    expect(stand.refused()).toEqual(["wrong_topic"]);
  });

  it("that signs another nonce, or as another device, or in another slot, hears why and ends", async () => {
    const [board, thief] = [makeDevice(), makeDevice()];
    const stand = await startStand({ devices: [board] });
    const stories: ((line: Line, challenge: Message<"challenge">) => Promise<void>)[] = [
      async (line) => login(line, board, await board.tokenFor(board.clientId())),
      async (line, challenge) => login(line, board, await tokenOf(thief, challenge)),
      async (line, challenge) => login(line, board, await tokenOf(board, challenge, "arm"), { slot: "arm" }),
      async (line, challenge) =>
        login(line, board, await tokenOf(board, challenge), { device: thief.address }),
    ];
    for (const story of stories) {
      const line = await knock(stand, board);
      await story(line, await challenged(line, board));
      expect(await hear(line)).toMatchObject({
        topic: board.topic("refusal"),
        message: { code: "bad_token" },
      });
      expect(await hear(line)).toBeNull();
    }
    expect(stand.refused()).toEqual(Array.from({ length: 4 }, () => "bad_token"));
    expect(stand.happened.every((h) => h.what === "refused" && h.at.topic === "")).toBe(true);
  });

  it.each([
    ["an offer", "offer", "{}", "login_required"],
    ["no JSON", "login", "{", "bad_json"],
    ["no login", "login", "{}", "bad_schema"],
    ["a goodbye", "connection", "{}", "login_required"],
  ] as const)("that says %s ends as %s says: %s %s", async (_, topic, text, code) => {
    const board = makeDevice();
    const stand = await startStand({ devices: [board] });
    const line = await knock(stand, board);
    line.send(publishPacket(board.topic(topic), text));
    expect(await hear(line)).toMatchObject({ message: { code } });
    expect(await hear(line)).toBeNull();
    expect(stand.refused()).toEqual([code]);
  });

  it("of a device that is not enrolled, or with a will that is not its own, is refused when it signs", async () => {
    const board = makeDevice();
    const stand = await startStand({ devices: [board] });
    const will = { topic: "hirewire/v1/acme/r-9/connection", payload: "x" };
    const line = await knock(stand, board, board.all, will);
    login(line, board, await tokenOf(board, await challenged(line, board)));
    expect((await hear(line))?.message).toMatchObject({ code: "wrong_topic" });
    const stranger = makeDevice();
    const other = await knock(stand, stranger);
    login(other, stranger, await tokenOf(stranger, await challenged(other, stranger)));
    expect((await hear(other))?.message).toMatchObject({ code: "unknown_device" });
    expect(stand.broker.sessions()).toEqual([]);
  });

  it("that has used its nonce cannot use it again", async () => {
    const board = makeDevice();
    const stand = await startStand({ devices: [board] });
    const line = await knock(stand, board);
    const token = await tokenOf(board, await challenged(line, board));
    login(line, board, token);
    await stand.until((happened) => happened.length === 1);
    const again = await knock(stand, board);
    login(again, board, token);
    expect((await hear(again))?.message).toMatchObject({ code: "token_replayed" });
  });

  it("ends with its deadline, however often it asks", async () => {
    const board = makeDevice();
    const clock = new VirtualClock();
    const stand = await startStand({ devices: [board], clock });
    const line = await knock(stand, board);
    await challenged(line, board);
    await challenged(line, board);
    await clock.runUntil(() => stand.refused().length > 0, 5_000);
    expect(stand.refused()).toEqual(["no_connect"]);
    expect(await line.types(2)).toContain(null);
  });

  it("of somebody else's client id is a CONNECT with a bad token", async () => {
    const [board, thief] = [makeDevice(), makeDevice()];
    const stand = await startStand({ devices: [board] });
    const line = await dial(stand.broker);
    line.send(connectPacket({ clientId: board.clientId(), username: thief.address, password: "challenge" }));
    expect(await line.next()).toEqual({ type: CONNACK, body: Buffer.of(0, 4) });
    expect(stand.refused()).toEqual(["bad_token"]);
  });
});

describe("a session", () => {
  it("that says login again is told wrong_topic, and goes on", async () => {
    const board = makeDevice();
    const stand = await startStand({ devices: [board] });
    const client = await connectReady(stand.broker, board);
    await client.publishAsync(board.topic("login"), "{}", { qos: 1 });
    expect(stand.refused()).toEqual(["wrong_topic"]);
    expect(client.connected).toBe(true);
  });
});
