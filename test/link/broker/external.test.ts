import { describe, expect, it } from "vitest";
import type { BrokerCallbacks } from "../../../src/link/broker/broker.ts";
import { encodeMessage } from "../../../src/protocol/message.ts";
import { sealToken } from "../../../src/protocol/seal.ts";
import { Board, mosquittoHere, startExternalStand } from "./external-stand.ts";
import { noMosquitto, whySkipped } from "./mosquitto.ts";
import { makeDevice, market } from "./stand.ts";

const NO_CALLBACKS: BrokerCallbacks = {
  admit: () => null,
  onPublish: () => Promise.resolve(),
  onReady: () => {},
  onGone: () => {},
  onRefused: () => {},
};

const offline = encodeMessage("connection", { version: 1, state: "OFFLINE" });
const broken = encodeMessage("connection", { version: 1, state: "CONNECTION_BROKEN" });

describe.skipIf(noMosquitto)(`the external broker over mosquitto${whySkipped}`, () => {
  it.each([4, 5] as const)("opens a session at a signed login, MQTT version %i", async (version) => {
    const robot = makeDevice();
    const mosquitto = await mosquittoHere();
    const stand = await startExternalStand(mosquitto.url, [robot], { version });
    const board = await Board.connect(mosquitto, robot);
    const nonce = await board.logIn();
    await stand.until((happened) => happened.length === 1);
    const who = { id: robot.clientId(), device: robot.address, name: robot.name, slot: "main", nonce };
    const [session] = stand.broker.sessions();
    expect(session).toEqual({ ...who, way: "elsewhere", origin: mosquitto.url, since: session?.since });
    expect(stand.happened).toEqual([{ what: "ready", session }]);
    stand.broker.publish(robot.name, "award", '{"one":1}');
    await board.say("offer", "{}");
    await stand.until((happened) => happened.length === 2);
    expect(stand.published()).toEqual(["offer {}"]);
    await board.hears("award", 1);
    expect(board.heard.find(({ topic }) => topic === "award")?.text).toBe('{"one":1}');
  });

  it("gives a device without a clock the time and a nonce to sign", async () => {
    const robot = makeDevice();
    const mosquitto = await mosquittoHere();
    const stand = await startExternalStand(mosquitto.url, [robot]);
    const board = await Board.connect(mosquitto, robot);
    await board.askForChallenge("a1");
    const { slot, nonce, time } = await board.nth("challenge", 1);
    expect(slot).toBe("a1");
    expect(Math.abs(time - Date.now())).toBeLessThan(2_000);
    await board.logIn("a1", await robot.tokenFor(robot.clientId("a1"), { nonce, issued: time }));
    await stand.until((happened) => happened.length === 1);
    expect(stand.happened).toMatchObject([{ what: "ready", session: { slot: "a1", nonce } }]);
  });

  it("takes no login by a kept wallet's secret, and none by its key: nothing is sealed here", async () => {
    const kept = makeDevice();
    const secret = new Uint8Array(32);
    const mosquitto = await mosquittoHere();
    const callbacks = { ...NO_CALLBACKS, secretOf: () => secret };
    const stand = await startExternalStand(mosquitto.url, [kept], { callbacks });
    const board = await Board.connect(mosquitto, kept);
    await board.askForChallenge();
    const { nonce: gatewayNonce } = await board.nth("challenge", 1);
    const known = { gateway: market.gateway, device: kept.address, slot: "main" };
    const deviceNonce = `0x${"01".repeat(16)}` as const;
    await board.logIn("main", sealToken(secret, { ...known, gatewayNonce, deviceNonce }));
    expect(await board.nth("refusal", 1)).toMatchObject({
      code: "bad_token",
      hint: expect.stringContaining("own broker"),
    });
    await board.logIn();
    expect(await board.nth("refusal", 2)).toMatchObject({
      code: "bad_token",
      hint: expect.stringContaining("keeps"),
    });
    expect(stand.broker.sessions()).toEqual([]);
  });

  it("refuses a forged login for another's name, and leaves the other's session alone", async () => {
    const robot = makeDevice();
    const thief = makeDevice({ manufacturer: "acme", serialNumber: "thief" });
    const mosquitto = await mosquittoHere();
    const stand = await startExternalStand(mosquitto.url, [robot, thief]);
    const board = await Board.connect(mosquitto, robot);
    await board.logIn();
    await stand.until((happened) => happened.length === 1);
    // its own good token on the other's topic, and the other's address over its own signature
    await board.logIn("main", undefined, thief);
    await board.logIn("main", await thief.tokenFor(robot.clientId()));
    await stand.until(() => stand.refused().length === 2);
    expect(stand.refused()).toEqual(["wrong_topic", "bad_token"]);
    expect(stand.happened.flatMap((h) => (h.what === "refused" ? h.at : []))).toMatchObject([
      { device: thief.address, session: null, topic: robot.topic("login"), origin: mosquitto.url },
      { device: null, session: null, topic: robot.topic("login") },
    ]);
    expect(stand.broker.sessions()).toMatchObject([{ device: robot.address }]);
    expect(await board.nth("refusal", 2)).toMatchObject({ id: null, topic: "login", code: "bad_token" });
  });

  it("opens no second session for a login that is said again", async () => {
    const robot = makeDevice();
    const mosquitto = await mosquittoHere();
    const stand = await startExternalStand(mosquitto.url, [robot]);
    const board = await Board.connect(mosquitto, robot);
    const token = await robot.tokenFor(robot.clientId());
    await board.logIn("main", token);
    await board.logIn("main", token);
    await stand.until((happened) => happened.length === 2);
    expect(stand.happened.map(({ what }) => what)).toEqual(["ready", "refused"]);
    expect(stand.refused()).toEqual(["token_replayed"]);
  });

  it("refuses a device that is not admitted, and forgets its name", async () => {
    const stranger = makeDevice();
    const mosquitto = await mosquittoHere();
    const stand = await startExternalStand(mosquitto.url, []);
    const board = await Board.connect(mosquitto, stranger);
    await board.logIn();
    expect(await board.nth("refusal", 1)).toMatchObject({ code: "unknown_device" });
    expect(stand.refused()).toEqual(["unknown_device"]);
    expect(stand.broker.sessions()).toEqual([]);
  });

  it("asks whoever speaks without a session to log in, and no more than once a second", async () => {
    const robot = makeDevice();
    const mosquitto = await mosquittoHere();
    const stand = await startExternalStand(mosquitto.url, [robot]);
    const board = await Board.connect(mosquitto, robot);
    for (const payload of ["1", "2", "3"]) await board.say("offer", payload);
    await stand.until(() => stand.refused().length === 3);
    expect(stand.refused()).toEqual(Array(3).fill("login_required"));
    expect(await board.nth("challenge", 1)).toMatchObject({ slot: null });
    await board.askForChallenge();
    await board.nth("challenge", 2);
    expect(board.heard.filter(({ topic }) => topic === "refusal")).toHaveLength(1);
    expect(stand.published()).toEqual([]);
  });

  it("acts on nothing that was retained, and ends nobody for it", async () => {
    const robot = makeDevice();
    const mosquitto = await mosquittoHere();
    const board = await Board.connect(mosquitto, robot);
    const token = await robot.tokenFor(robot.clientId());
    await board.say("offer", "{}", true);
    await board.say("connection", broken, true);
    await board.say(
      "login",
      encodeMessage("login", { version: 1, device: robot.address, slot: "main", token }),
      true,
    );
    const stand = await startExternalStand(mosquitto.url, [robot], { version: 4 });
    await board.nth("challenge", 1);
    await board.logIn();
    await board.say("cancel", "{}");
    await stand.until(() => stand.published().length === 1);
    expect(stand.happened.map(({ what }) => what)).toEqual(["ready", "publish"]);
    expect(stand.published()).toEqual(["cancel {}"]);
  });

  it("ends the session at OFFLINE and at a last will, after reporting it, and asks for another", async () => {
    const robot = makeDevice();
    const mosquitto = await mosquittoHere();
    const stand = await startExternalStand(mosquitto.url, [robot]);
    const watcher = await Board.connect(mosquitto, robot);
    const will = {
      topic: robot.topic("connection"),
      payload: Buffer.from(broken),
      qos: 1 as const,
      retain: true,
    };
    const board = await Board.connect(mosquitto, robot, { will });
    await board.logIn();
    await stand.until((happened) => happened.length === 1);
    board.client.stream.destroy();
    await stand.until((happened) => happened.length === 3);
    expect(stand.happened.map(({ what }) => what)).toEqual(["ready", "publish", "gone"]);
    expect(await watcher.nth("challenge", 1)).toMatchObject({ slot: null });
    await watcher.logIn();
    await watcher.say("connection", offline);
    await stand.until((happened) => happened.length === 6);
    expect(stand.happened.slice(3).map(({ what }) => what)).toEqual(["ready", "publish", "gone"]);
    expect(stand.broker.sessions()).toEqual([]);
  });

  it("keeps the slots of a device apart and the newest login of each", async () => {
    const robot = makeDevice();
    const mosquitto = await mosquittoHere();
    const stand = await startExternalStand(mosquitto.url, [robot]);
    const board = await Board.connect(mosquitto, robot);
    const first = await board.logIn("a");
    await board.logIn("b");
    const second = await board.logIn("a");
    await stand.until((happened) => happened.length === 4);
    expect(stand.happened).toMatchObject([
      { what: "ready", session: { slot: "a", nonce: first } },
      { what: "ready", session: { slot: "b" } },
      { what: "gone", session: { slot: "a", nonce: first } },
      { what: "ready", session: { slot: "a", nonce: second } },
    ]);
    expect(stand.broker.sessions().map(({ slot }) => slot)).toEqual(["b", "a"]);
  });

  it("hears neither itself nor odd topics, and measures messages before it reads them", async () => {
    const robot = makeDevice();
    const mosquitto = await mosquittoHere();
    const stand = await startExternalStand(mosquitto.url, [robot], { version: 4 });
    const board = await Board.connect(mosquitto, robot);
    await board.logIn();
    await stand.until((happened) => happened.length === 1);
    const hash = `0x${"11".repeat(32)}` as const;
    const ours = { version: 1, from: "gateway", hash, offset: 0, length: 1 } as const;
    stand.broker.publish(robot.name, "blob-get", encodeMessage("blob-get", ours));
    await board.nth("blob-get", 1);
    await board.client.publishAsync("hirewire/v1/a b/r-1/offer", "{}", { qos: 1 });
    await board.client.publishAsync("hirewire/v1/acme//offer", "{}", { qos: 1 });
    await board.say("offer", "x".repeat(4_097));
    await board.say("blob-get", encodeMessage("blob-get", { ...ours, from: "device" }));
    await stand.until(() => stand.published().length === 1);
    expect(stand.happened.map(({ what }) => what)).toEqual(["ready", "refused", "publish"]);
    expect(stand.happened[1]).toMatchObject({
      refusal: { refused: "too_large" },
      at: { session: { slot: "main" } },
    });
  });

  it("holds what comes behind a login until that is answered, and lets others pass meanwhile", async () => {
    const [robot, other] = [makeDevice(), makeDevice({ manufacturer: "acme", serialNumber: "r-2" })];
    const mosquitto = await mosquittoHere();
    const admitting = Promise.withResolvers<void>();
    const stand = await startExternalStand(mosquitto.url, [robot, other], {
      callbacks: {
        admit: (device) => (device === robot.address ? admitting.promise.then(() => robot.name) : other.name),
        ...{ onPublish: () => Promise.resolve(), onReady: () => {}, onGone: () => {}, onRefused: () => {} },
      },
    });
    const [board, quick] = [await Board.connect(mosquitto, robot), await Board.connect(mosquitto, other)];
    await board.logIn();
    await board.say("offer", "1");
    await board.say("offer", "2");
    await quick.logIn();
    await quick.say("cancel", "3");
    await stand.until((happened) => happened.length === 2);
    admitting.resolve();
    await stand.until((happened) => happened.length === 5);
    expect(stand.happened.map(({ what }) => what)).toEqual([
      "ready",
      "publish",
      "ready",
      "publish",
      "publish",
    ]);
    expect(stand.published()).toEqual(["cancel 3", "offer 1", "offer 2"]);
  });

  it("ends every session with its link, comes back by itself, and asks all devices to log in", async () => {
    const robot = makeDevice();
    const mosquitto = await mosquittoHere();
    const stand = await startExternalStand(mosquitto.url, [robot]);
    const board = await Board.connect(mosquitto, robot);
    await board.logIn();
    await stand.until((happened) => happened.length === 1);
    await mosquitto.kill("SIGKILL");
    await stand.until((happened) => happened.length === 2);
    expect(stand.happened.map(({ what }) => what)).toEqual(["ready", "gone"]);
    expect(stand.broker.sessions()).toEqual([]);
    expect(stand.faults[0]).toMatchObject({ code: "link_lost" });
    await mosquitto.restart();
    const back = await Board.connect(mosquitto, robot);
    // The gateway is either back, and asks whoever speaks, or it asks everybody once it is.
    await back.say("offer", "{}");
    const { nonce, time } = await back.nth("challenge", 1);
    await back.logIn("main", await robot.tokenFor(robot.clientId(), { nonce, issued: time }));
    await stand.until((happened) => happened.filter(({ what }) => what === "ready").length === 2);
    expect(stand.happened.at(-1)).toMatchObject({ what: "ready", session: { nonce } });
    expect(stand.published()).toEqual([]);
  });

  it("tells a device whose session a former gateway had that it needs another", async () => {
    const robot = makeDevice();
    const mosquitto = await mosquittoHere();
    const former = await startExternalStand(mosquitto.url, [robot]);
    const board = await Board.connect(mosquitto, robot);
    await board.logIn();
    await former.until((happened) => happened.some(({ what }) => what === "ready"));

    await former.broker.stop();

    expect(former.happened.at(-1)).toMatchObject({ what: "gone" });
    const heard = board.heard.filter(({ topic }) => topic === "challenge").length;
    await startExternalStand(mosquitto.url, [robot]);
    expect(await board.nth("challenge", heard + 1)).toMatchObject({ slot: null });
  });

  it("is silent to devices that are another gateway's", async () => {
    const robot = makeDevice();
    const mosquitto = await mosquittoHere();
    const theirs = { ...market, gateway: `0x${"99".repeat(20)}` } as const;
    const other = await startExternalStand(mosquitto.url, [], { market: theirs });
    const stand = await startExternalStand(mosquitto.url, [robot]);
    const board = await Board.connect(mosquitto, robot);
    await board.say("offer", "too early");
    await board.nth("challenge", 1);
    await board.logIn();
    await board.say("offer", "{}");
    await stand.until(() => stand.published().length === 1);
    // what the other gateway hears later than this, it hears after all that went before
    const late = makeDevice({ manufacturer: "acme", serialNumber: "late" });
    await (await Board.connect(mosquitto, late)).logIn(
      "main",
      await late.tokenFor(late.clientId(), { market: theirs }),
    );
    await other.until(() => other.refused().includes("unknown_device"));
    expect(other.refused()).toEqual(["bad_token", "unknown_device"]);
    expect(
      board.heard.map(({ topic }) => topic).filter((topic) => topic !== "login" && topic !== "offer"),
    ).toEqual(["refusal", "challenge"]);
  });

  it("says no at once when the broker does not take its account", async () => {
    const mosquitto = await mosquittoHere({ users: { gateway: "right" } });
    const account = { username: "gateway", password: "wrong" };
    await expect(startExternalStand(mosquitto.url, [], { account })).rejects.toMatchObject({
      code: "refused",
    });
  });
});
