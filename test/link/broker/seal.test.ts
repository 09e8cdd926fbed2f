/** Devices whose wallet the gateway keeps: how they log in at its own broker, and what their sessions let through. */
import { describe, expect, it } from "vitest";
import { toHex } from "../../../src/base/bytes.ts";
import { Sealer, sealKeys, sealToken } from "../../../src/protocol/seal.ts";
import { TOPICS } from "../../../src/protocol/topic.ts";
import {
  askChallenge,
  handshakeOf,
  KeptBoard,
  knock,
  nextPublish,
  type Pairing,
  plugIn,
  sayLogin,
} from "./kept-board.ts";
import { CONNACK, dial, goodConnect } from "./raw-client.ts";
import { connectReady, makeDevice, market, type Stand, startStand } from "./stand.ts";

const SECRET = new Uint8Array(32).fill(0x5e);

const board = makeDevice({ manufacturer: "acme", serialNumber: "b-1" });
const pairing: Pairing = {
  gateway: market.gateway,
  device: board.address,
  name: board.name,
  secret: SECRET,
};

const secretOfBoard = (device: string) => (device === board.address ? SECRET : null);

/** A broker with one board whose wallet is kept, and one robot with a key of its own. */
const robot = makeDevice();
const open = (secretOf: (device: string) => Uint8Array | null = secretOfBoard) =>
  startStand({ devices: [board, robot], callbacks: { secretOf } });

/** A session that is ready. */
async function logIn(stand: Stand, slot = "main"): Promise<KeptBoard> {
  const count = (all: Stand["happened"]) => all.filter(({ what }) => what === "ready").length;
  const before = count(stand.happened);
  const kept = await KeptBoard.login(plugIn(stand.broker), pairing, slot);
  await stand.until((happened) => count(happened) > before);
  return kept;
}

const published = ({ happened }: Stand) =>
  happened.flatMap((h) => (h.what === "publish" ? `${h.topic} ${h.payload}` : []));

describe("a device with a kept wallet", () => {
  it.each(["attached", "TCP"])(
    "logs in by its secret over %s, and everything is sealed both ways",
    async (way) => {
      const stand = await open();
      const line = way === "TCP" ? await dial(stand.broker) : plugIn(stand.broker);
      const kept = await KeptBoard.login(line, pairing);
      await stand.until((happened) => happened.length === 1);
      const [session] = stand.broker.sessions();
      const { gatewayNonce: nonce } = kept.handshake;
      expect(session).toEqual({
        id: board.clientId(),
        device: board.address,
        name: board.name,
        slot: "main",
        nonce,
        way: way === "TCP" ? "listener" : "wire",
        origin: way === "TCP" ? "127.0.0.1" : "/dev/board",
        since: session?.since,
      });
      stand.broker.publish(board.name, "ack", '{"id":"terms"}');
      stand.broker.publish(board.name, "answer", '{"id":"answer"}');
      expect(await kept.hear()).toEqual({ topic: "ack", message: { id: "terms" } });
      expect(await kept.hear()).toEqual({ topic: "answer", message: { id: "answer" } });
      kept.say("offer", '{"id":"o-1"}');
      kept.say("state", "");
      await stand.until((happened) => happened.length === 3);
      expect(published(stand)).toEqual(['offer {"id":"o-1"}', "state "]);
      expect(stand.refused()).toEqual([]);
    },
  );

  it("says as much in a seal as anybody without one", async () => {
    const stand = await open();
    const kept = await logIn(stand);
    kept.say("offer", "x".repeat(TOPICS.offer.limit + 1));
    kept.say("blob-data", "y".repeat(TOPICS["blob-data"].limit));
    await stand.until(() => published(stand).length === 1);
    expect(published(stand)).toEqual([`blob-data ${"y".repeat(65_536)}`]);
    expect(stand.refused()).toEqual(["too_large"]);
  });

  it("hears all in turn behind its window, each once", async () => {
    const stand = await open();
    const kept = await logIn(stand);
    const texts = Array.from({ length: 60 }, (_, index) => `${index} ${"z".repeat(index * 50)}`);
    for (const text of texts) stand.broker.publish(board.name, "announce", text);
    for (const text of texts) expect(await kept.hearText()).toEqual({ topic: "announce", text });
  });

  it("has keys of their own for each of its slots", async () => {
    const stand = await open();
    const [one, two] = [await logIn(stand, "one"), await logIn(stand, "two")];
    stand.broker.publish(board.name, "ack", '{"id":1}');
    one.say("payout", '{"by":"one"}');
    two.say("payout", '{"by":"two"}');
    await stand.until(() => published(stand).length === 2);
    stand.broker.publish(board.name, "ack", '{"id":2}');
    for (const kept of [one, two]) {
      expect(await kept.hear()).toEqual({ topic: "ack", message: { id: 1 } });
      expect(await kept.hear()).toEqual({ topic: "ack", message: { id: 2 } });
    }
    const slots = stand.happened.flatMap((h) => (h.what === "publish" ? h.session.slot : []));
    expect(slots.toSorted()).toEqual(["one", "two"]);
  });

  it("comes back in the same slot with new keys, and the older session ends", async () => {
    const stand = await open();
    const older = await logIn(stand);
    const newer = await logIn(stand);
    expect(await older.hear()).toBeNull();
    newer.say("payout", "{}");
    await stand.until(() => published(stand).length === 1);
    expect(stand.happened.map(({ what }) => what)).toEqual(["ready", "gone", "ready", "publish"]);
  });

  it("cannot log in by a signature, nor can a robot by a secret", async () => {
    const stand = await open();
    const line = await dial(stand.broker);
    line.send(await goodConnect(board));
    expect(await line.next()).toEqual({ type: CONNACK, body: Buffer.of(0, 4) });
    const again = await knock(plugIn(stand.broker), pairing);
    const nonce = await askChallenge(again, pairing);
    sayLogin(again, pairing, await board.tokenFor(board.clientId(), { nonce }));
    expect(await refusalOn(again)).toMatchObject({
      code: "bad_token",
      hint: expect.stringContaining("keeps"),
    });
    const own = { ...pairing, device: robot.address, name: robot.name };
    const third = await KeptBoard.login(plugIn(stand.broker), own);
    expect(await refusalOn(third.line)).toMatchObject({ code: "unknown_device" });
    expect(stand.refused()).toEqual(["bad_token", "bad_token", "unknown_device"]);
    expect(stand.broker.sessions()).toEqual([]);
    await connectReady(stand.broker, robot);
  });

  it("is nobody's any more once its wallet is gone", async () => {
    let secret: Uint8Array | null = SECRET;
    const stand = await open(() => secret);
    await logIn(stand);
    secret = null;
    const kept = await KeptBoard.login(plugIn(stand.broker), pairing);
    expect(await refusalOn(kept.line)).toMatchObject({ code: "unknown_device" });
  });
});

it.each([
  ["goes", SECRET, null],
  ["is given another secret", SECRET, new Uint8Array(32)],
  ["comes", null, SECRET],
])("a wallet that %s while its device waits for its session opens none", async (_, then, now) => {
  // the second login is judged at once, and let in later
  const limits = { deviceConnectBurst: 1, deviceConnectRate: 20 };
  let secret = then;
  let asked = 0;
  const secretOf = () => {
    const answer = secret;
    if (++asked === 3) secret = now;
    return answer;
  };
  const stand = await startStand({ devices: [board], callbacks: { secretOf }, limits });
  const login = async (slot: string) => {
    if (then !== null) return (await KeptBoard.login(plugIn(stand.broker), pairing, slot)).line;
    const line = await knock(plugIn(stand.broker), pairing, slot);
    const nonce = await askChallenge(line, pairing, slot);
    sayLogin(line, pairing, await board.tokenFor(board.clientId(slot), { nonce }), slot);
    return line;
  };
  await login("one");
  await stand.until(({ length }) => length === 1);
  expect(await refusalOn(await login("two"))).toMatchObject({ code: "unknown_device" });
  expect([asked, stand.broker.figures.delayed]).toEqual([4, 1]);
});

/** What a connection that is refused is told, not sealed, and that it ends. */
async function refusalOn(line: ReturnType<typeof plugIn>): Promise<unknown> {
  const heard = await nextPublish(line);
  expect(heard?.topic).toBe("refusal");
  expect(await nextPublish(line)).toBeNull();
  return JSON.parse(heard?.payload.toString() ?? "");
}

describe("a login by a secret is refused", () => {
  const stories: [string, (line: ReturnType<typeof plugIn>) => string | Promise<string>][] = [
    [
      "with another secret",
      async (line) => sealToken(new Uint8Array(32), handshakeOf(pairing, await askChallenge(line, pairing))),
    ],
    [
      "for another slot",
      async (line) => sealToken(SECRET, handshakeOf(pairing, await askChallenge(line, pairing), "other")),
    ],
    [
      "for another gateway",
      async (line) => {
        const handshake = handshakeOf(pairing, await askChallenge(line, pairing));
        return sealToken(SECRET, { ...handshake, gateway: market.vault });
      },
    ],
    [
      "over an older challenge of this connection",
      async (line) => {
        const nonce = await askChallenge(line, pairing);
        await askChallenge(line, pairing);
        return sealToken(SECRET, handshakeOf(pairing, nonce));
      },
    ],
    ["over a nonce of its own", () => sealToken(SECRET, handshakeOf(pairing, toHex(new Uint8Array(32))))],
    ["without words", () => "h1."],
  ];

  it.each(stories)("%s", async (_, tokenFor) => {
    const stand = await open();
    const line = await knock(plugIn(stand.broker), pairing);
    sayLogin(line, pairing, await tokenFor(line));
    expect(await refusalOn(line)).toMatchObject({ code: "bad_token" });
    expect(stand.happened).toMatchObject([{ what: "refused", at: { device: null, session: null } }]);
    expect(stand.broker.sessions()).toEqual([]);
  });

  it("when it is another connection's, word for word", async () => {
    const stand = await open();
    const kept = await logIn(stand);
    const line = await knock(plugIn(stand.broker), pairing);
    await askChallenge(line, pairing);
    sayLogin(line, pairing, sealToken(SECRET, kept.handshake));
    expect(await refusalOn(line)).toMatchObject({ code: "bad_token" });
    expect(stand.broker.sessions()).toHaveLength(1);
  });

  it("on the topics of another name", async () => {
    const stand = await open();
    const elsewhere = { ...pairing, name: { manufacturer: "acme", serialNumber: "b-2" } };
    const kept = await KeptBoard.login(plugIn(stand.broker), elsewhere);
    expect(await refusalOn(kept.line)).toMatchObject({ code: "wrong_topic" });
  });
});

describe("a sealed session ends, and its device is told, at", () => {
  const body = Buffer.from('{"id":"v-2"}');
  /** Each says something good, and then what is wrong; gives the session that said that, if it is a newer one. */
  type Attack = (kept: KeptBoard, stand: Stand) => unknown;
  const attacks: [string, Attack][] = [
    [
      "a message that comes twice",
      (kept) => {
        const payload = kept.up.seal("voucher", body);
        kept.sayRaw("voucher", payload);
        kept.sayRaw("voucher", payload);
      },
    ],
    [
      "a message that comes out of turn",
      (kept) => {
        const [first, second] = [kept.up.seal("voucher", body), kept.up.seal("voucher", body)];
        kept.sayRaw("voucher", second);
        kept.sayRaw("voucher", first);
      },
    ],
    [
      "a message of the gateway's own, sent back",
      async (kept, stand) => {
        kept.say("voucher", body.toString());
        stand.broker.publish(board.name, "progress", body.toString());
        const heard = await nextPublish(kept.line);
        kept.down.open("progress", heard?.payload ?? body);
        kept.sayRaw("progress", heard?.payload ?? body);
      },
    ],
    [
      "a message of another session",
      async (kept, stand) => {
        kept.say("voucher", body.toString());
        const other = await logIn(stand, "other");
        kept.sayRaw("voucher", other.up.seal("voucher", body));
      },
    ],
    [
      "a message of the session before",
      async (kept, stand) => {
        const late = kept.up.seal("voucher", body);
        const newer = await logIn(stand);
        newer.say("voucher", body.toString());
        newer.sayRaw("voucher", late);
        return newer;
      },
    ],
    [
      "a message that was said on another topic",
      (kept) => {
        kept.say("voucher", body.toString());
        kept.sayRaw("voucher", kept.up.seal("offer", body));
      },
    ],
    [
      "a message without a seal",
      (kept) => {
        kept.say("voucher", body.toString());
        kept.sayRaw("voucher", body);
      },
    ],
    [
      "a message that was changed",
      (kept) => {
        kept.say("voucher", body.toString());
        const payload = kept.up.seal("voucher", body);
        payload[8] = (payload[8] ?? 0) ^ 1;
        kept.sayRaw("voucher", payload);
      },
    ],
    [
      "a message under the gateway's own key",
      (kept) => {
        kept.say("voucher", body.toString());
        const { down } = sealKeys(SECRET, kept.handshake);
        kept.sayRaw("voucher", new Sealer(down, 7).seal("voucher", body));
      },
    ],
    [
      "an empty message",
      (kept) => {
        kept.say("voucher", body.toString());
        kept.sayRaw("voucher", Buffer.alloc(0));
      },
    ],
  ];

  it.each(attacks)("%s", async (_, attack) => {
    const stand = await open();
    const first = await logIn(stand);
    const newer = await attack(first, stand);
    const kept = newer instanceof KeptBoard ? newer : first;
    expect(await kept.until("refusal")).toMatchObject({ code: "bad_seal", id: null });
    expect(await kept.hear()).toBeNull();
    // what was good before it has come once, and nothing of what was not
    expect(published(stand)).toEqual([`voucher ${body}`]);
    expect(stand.refused()).toEqual(["bad_seal"]);
    const refused = stand.happened.find(({ what }) => what === "refused");
    expect(refused).toMatchObject({ at: { device: board.address, session: { slot: "main" } } });
    expect(stand.broker.sessions().filter(({ slot }) => slot === "main")).toEqual([]);
  });
});
