/** Boards that wait to be paired: what they may do, what they are given, and what happens when they go away. */
import { once } from "node:events";
import { duplexPair } from "node:stream";
import { describe, expect, it } from "vitest";
import type { Broker, PairingHandover } from "../../../src/link/broker/broker.ts";
import { isProof, type PairingFile } from "../../../src/protocol/pairing.ts";
import { VirtualClock } from "../serial/virtual-clock.ts";
import { BOARD, plugIn } from "./pairing-board.ts";
import { connectPacket, dial, publishPacket, rawClient } from "./raw-client.ts";
import { market, startStand } from "./stand.ts";

const code = (text: string, message = /./) =>
  expect.objectContaining({ code: text, message: expect.stringMatching(message) });

/** The board's end of a serial session; with `closed`, which resolves when the gateway's end is closed. */
function attach(broker: Broker, origin = "/dev/ttyACM0") {
  const [ours, theirs] = duplexPair();
  const closed = once(ours, "close");
  broker.attach(ours, origin);
  return Object.assign(theirs, { gone: closed });
}

const { manufacturer, serialNumber } = BOARD;
const MESSAGE: PairingFile = {
  ...{ version: 1, manufacturer, serialNumber, name: "board-7", secret: `0x${"5e".repeat(32)}` },
  ...{ device: `0x${"d1".repeat(20)}`, ...market },
};

function handover(changes: Partial<PairingHandover> = {}): PairingHandover & { saved: number } {
  const made = {
    message: MESSAGE,
    isProof: (proof: `0x${string}`) => isProof(MESSAGE, proof),
    saved: 0,
    save() {
      made.saved++;
      return Promise.resolve();
    },
    ...changes,
  };
  return made;
}

/** The only board that waits. */
function only(broker: Broker) {
  const [board, ...others] = broker.waiting();
  if (!board || others.length > 0) throw new Error(`${broker.waiting().length} boards wait`);
  return board;
}

describe("a board on a serial line", () => {
  it("waits once it has said who it is, and is listed with its line", async () => {
    const { broker, happened } = await startStand();
    const board = await plugIn(attach(broker));
    expect(board.returnCode).toBe(0);
    expect(board.codes).toEqual([1, 1]);
    expect(broker.waiting()).toEqual([]);
    await board.wait();
    expect(broker.waiting()).toEqual([{ ...BOARD, origin: "/dev/ttyACM0" }]);
    expect(only(broker)).toBe(only(broker));
    expect(broker.sessions()).toEqual([]);
    expect(happened).toEqual([]);
  });

  it("is given its pairing, and is acknowledged once the gateway has saved its half", async () => {
    const { broker, refused } = await startStand();
    const board = await plugIn(attach(broker));
    await board.wait();
    const order: string[] = [];
    const [saving, begun] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const hand = handover({
      async save() {
        order.push("saving");
        begun.resolve();
        await saving.promise;
        order.push("saved");
      },
    });
    const paired = broker.pair(only(broker), hand).then(() => order.push("paired"));
    const file = await board.given();
    expect(file).toEqual(MESSAGE);
    board.prove(file);
    const acknowledged = board.hear().then((heard) => {
      order.push("acknowledged");
      return heard;
    });
    await begun.promise;
    expect(order).toEqual(["saving"]);
    saving.resolve();
    expect(await acknowledged).toEqual({ topic: null, message: {} });
    await paired;
    expect(order.slice(0, 2)).toEqual(["saving", "saved"]);
    expect(broker.waiting()).toEqual([]);
    expect(refused()).toEqual([]);
  });

  it("may wait for as long as it takes, but has to say who it is in time", async () => {
    const clock = new VirtualClock();
    const { broker, refused } = await startStand({ clock });
    const patient = await plugIn(attach(broker));
    await patient.wait();
    await plugIn(attach(broker, "/dev/ttyACM1"), { ...BOARD, serialNumber: "b-2" });
    await clock.runUntil(() => refused().length > 0, 5_000);
    expect(refused()).toEqual(["no_connect"]);
    await clock.run(60_000);
    expect(broker.waiting()).toHaveLength(1);
    await patient.wait();
  });

  it("is gone with its stream", async () => {
    const { broker } = await startStand();
    const cable = attach(broker);
    const board = await plugIn(cable);
    await board.wait();
    const waiting = only(broker);
    await board.leave();
    await cable.gone;
    expect(broker.waiting()).toEqual([]);
    await expect(broker.pair(waiting, handover())).rejects.toThrow(code("link_lost", /b-1 went away/));
  });

  it("that goes away before it has proved anything is not paired", async () => {
    const { broker } = await startStand();
    const board = await plugIn(attach(broker));
    await board.wait();
    const hand = handover();
    const failed = expect(broker.pair(only(broker), hand)).rejects.toThrow(code("link_lost", /b-1/));
    await board.given();
    await board.leave();
    await failed;
    expect(hand.saved).toBe(0);
  });

  it("that goes away while the gateway saves is paired all the same", async () => {
    const { broker } = await startStand();
    const cable = attach(broker);
    const board = await plugIn(cable);
    await board.wait();
    const hand = handover({
      async save() {
        await board.leave();
        await cable.gone;
      },
    });
    const paired = broker.pair(only(broker), hand);
    board.prove(await board.given());
    await expect(paired).resolves.toBeUndefined();
  });

  it("does not hear a PUBACK when the gateway cannot save", async () => {
    const { broker } = await startStand();
    const board = await plugIn(attach(broker));
    await board.wait();
    const failed = expect(
      broker.pair(only(broker), handover({ save: () => Promise.reject(new Error("disk")) })),
    ).rejects.toThrow("disk");
    board.prove(await board.given());
    expect(await board.hear()).toBeNull();
    await failed;
  });

  it("that does not answer in time is given up, and may come again", async () => {
    const clock = new VirtualClock();
    const { broker, refused } = await startStand({ clock });
    const board = await plugIn(attach(broker));
    await board.wait();
    const hand = handover();
    const failed = expect(broker.pair(only(broker), hand)).rejects.toThrow(code("timed_out", /b-1.* 10 s/));
    await board.given();
    await clock.runUntil(() => refused().length > 0, 10_000);
    await failed;
    expect(await board.hear()).toBeNull();
    expect([hand.saved, refused()]).toEqual([0, ["too_slow"]]);
    await (await plugIn(attach(broker))).wait();
    expect(broker.waiting()).toHaveLength(1);
  });

  it("is paired by one at a time", async () => {
    const { broker } = await startStand();
    const board = await plugIn(attach(broker));
    await board.wait();
    const waiting = only(broker);
    const first = broker.pair(waiting, handover());
    await expect(broker.pair(waiting, handover())).rejects.toThrow(code("usage", /by somebody else/));
    board.prove(await board.given());
    await first;
    await expect(broker.pair(waiting, handover())).rejects.toThrow(code("link_lost"));
  });

  it("with the serial number of another waits beside it, and is given nothing of it", async () => {
    const { broker } = await startStand();
    const [one, two] = [await plugIn(attach(broker)), await plugIn(attach(broker, "/dev/ttyACM1"))];
    await one.wait();
    await two.wait();
    const [first, second] = broker.waiting();
    expect([first?.origin, second?.origin]).toEqual(["/dev/ttyACM0", "/dev/ttyACM1"]);
    if (!second) throw new Error("two boards");
    const paired = broker.pair(second, handover());
    two.prove(await two.given());
    await paired;
    await one.wait();
    expect(broker.waiting()).toEqual([first]);
  });

  it("does not give way to strangers on the network", async () => {
    const { broker, refused } = await startStand({ limits: { connections: 2 } });
    await (await plugIn(attach(broker))).wait();
    const silent = await dial(broker);
    const late = await dial(broker);
    expect(await silent.next()).toBeNull();
    await dial(broker);
    expect(await late.next()).toBeNull();
    expect([broker.waiting().length, refused()]).toEqual([1, ["too_many", "too_many"]]);
  });

  it("makes room for nobody beyond the limit", async () => {
    const { broker, refused } = await startStand({ limits: { waitingBoards: 2 } });
    for (const serialNumber of ["b-1", "b-2"]) {
      await (await plugIn(attach(broker), { ...BOARD, serialNumber })).wait();
    }
    expect((await plugIn(attach(broker), { ...BOARD, serialNumber: "b-3" })).returnCode).toBe(3);
    expect(refused()).toEqual(["too_many"]);
    expect(broker.waiting()).toHaveLength(2);
  });
});

describe("a connection that asks to be paired", () => {
  it("over the network is refused, and hears nothing", async () => {
    const { broker, refused } = await startStand();
    const board = await plugIn((await dial(broker)).stream);
    expect(board.returnCode).toBe(5);
    expect(refused()).toEqual(["login_required"]);
    expect(broker.waiting()).toEqual([]);
  });

  it("is taken at its client id alone, even where the names have a hyphen", async () => {
    const { broker } = await startStand();
    const tricky = { manufacturer: "a-b", serialNumber: "c", model: "x" };
    const board = await plugIn(attach(broker), tricky, [
      ...["pairing", "refusal", "hirewire/v1/a/b-c/pairing", "+", "award", "hirewire/v1/acme/b-1/pairing"],
      ...["#", "hirewire/v1/+/+/pairing", "pair"],
    ]);
    // both ways to read `pair-a-b-c` are it: nobody is enrolled by either yet
    expect(board.codes).toEqual([1, 1, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80]);
    await board.wait();
    expect(broker.waiting()).toMatchObject([{ manufacturer: "a-b", serialNumber: "c" }]);
  });

  it.each([
    ["an offer", "hirewire/v1/acme/b-1/offer", "{}", "login_required"],
    ["a login", "hirewire/v1/acme/b-1/login", "{}", "login_required"],
    ["another's name", "hirewire/v1/acme/b-2/pair", "{}", "wrong_topic"],
    ["another name in the message", "pair", { serialNumber: "b-2" }, "wrong_topic"],
    ["a name that would break topics", "pair", { serialNumber: "b-1/+" }, "bad_schema"],
    ["a model that would clear the screen", "pair", { model: "\u001b[2J" }, "bad_schema"],
    ["no model", "pair", { model: "" }, "bad_schema"],
    ["something unknown", "pair", { wallet: "0x1" }, "bad_schema"],
    ["no JSON", "hirewire/v1/acme/b-1/pair", "{", "bad_json"],
    ["too much", "hirewire/v1/acme/b-1/pair", " ".repeat(513), "too_large"],
    ["a proof of nothing", "pair", { proof: `0x${"00".repeat(32)}` }, "wrong_state"],
  ] as const)("and says %s hears %s: %s %s", async (_, topic, said, expected) => {
    const { broker, refused } = await startStand();
    const board = await plugIn(attach(broker));
    if (typeof said === "string") board.send(publishPacket(topic, said));
    else board.say(said);
    const heard = await board.hear();
    if (topic !== "hirewire/v1/acme/b-2/pair") expect(heard).toMatchObject({ message: { code: expected } });
    let last = heard;
    while (last !== null) last = await board.hear();
    expect(refused()).toEqual([expected]);
    expect(broker.waiting()).toEqual([]);
  });

  it("before it listens is told to listen first", async () => {
    const { broker, refused } = await startStand();
    const board = await plugIn(attach(broker), BOARD, ["refusal"]);
    board.say();
    expect((await board.hear())?.message).toMatchObject({ code: "login_required", hint: /subscribe/ });
    expect(refused()).toEqual(["login_required"]);
  });

  it("with a wrong proof is not paired, and has to begin anew", async () => {
    const { broker, refused } = await startStand();
    const board = await plugIn(attach(broker));
    await board.wait();
    const hand = handover();
    const failed = expect(broker.pair(only(broker), hand)).rejects.toThrow(code("refused", /wrong proof/));
    const file = await board.given();
    board.prove(file, `0x${"00".repeat(32)}`);
    expect((await board.hear())?.message).toMatchObject({ code: "bad_signature" });
    expect(await board.hear()).toBeNull();
    await failed;
    expect([hand.saved, refused(), broker.waiting()]).toEqual([0, ["bad_signature"], []]);
  });

  it("and goes on about something else in the middle is not paired", async () => {
    const { broker } = await startStand();
    const board = await plugIn(attach(broker));
    await board.wait();
    const hand = handover();
    const failed = expect(broker.pair(only(broker), hand)).rejects.toThrow(code("refused", /login_required/));
    await board.given();
    board.send(publishPacket("hirewire/v1/acme/b-1/offer", "{}"));
    await failed;
    expect(hand.saved).toBe(0);
  });

  it("10,000 times waits once, and changes nothing of what it said first", async () => {
    const { broker, refused } = await startStand();
    const board = await plugIn(attach(broker));
    await board.wait();
    for (let i = 0; i < 10_000; i++) board.say({ model: `m${i}` });
    for (let i = 0; i < 10_000; i++) expect((await board.hear())?.topic).toBeNull();
    expect(broker.waiting()).toEqual([{ ...BOARD, origin: "/dev/ttyACM0" }]);
    expect(refused()).toEqual([]);
  });

  it("with half of the word is a CONNECT with a bad token", async () => {
    const { broker, refused } = await startStand();
    for (const [username, password] of [
      ["pair", "challenge"],
      ["pair", ""],
      ["x", "pair"],
    ] as const) {
      const line = rawClient(attach(broker));
      line.send(connectPacket({ clientId: "pair-acme-b-1", username, password }));
      expect((await line.next())?.body[1]).toBe(4);
    }
    expect(refused()).toEqual(["bad_token", "bad_token", "bad_token"]);
  });
});
