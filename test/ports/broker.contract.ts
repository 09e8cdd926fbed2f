/** What every broker keeps, whoever serves MQTT: devices are the SDK's own connections. */
import { EventEmitter, once } from "node:events";
import { describe, expect, it, onTestFinished } from "vitest";
import { Connection } from "../../devices/robot/connection.ts";
import type { Incoming } from "../../devices/robot/session.ts";
import { type Hex, toHex } from "../../src/base/bytes.ts";
import { type Clock, instant, systemClock } from "../../src/base/clock.ts";
import { amount, ZERO } from "../../src/base/money.ts";
import { addressOfKey, randomKey } from "../../src/kernels/signature.ts";
import type { Broker, BrokerCallbacks, Session } from "../../src/link/broker/broker.ts";
import type { ConnectionFile } from "../../src/protocol/connection-file.ts";
import { encodeMessage, type Terms } from "../../src/protocol/message.ts";
import { keySigner } from "../../src/protocol/signer.ts";
import type { TopicName } from "../../src/protocol/topic.ts";
import type { Market } from "../../src/protocol/typed-data.ts";

/** What a device's connection file says of a broker. */
type Place = Pick<ConnectionFile, "broker" | "account" | "ca">;

/** Starts a broker, which ends with the test; tells how devices reach it. With a place, it starts there. */
export type ServeBroker = (
  market: Market,
  callbacks: BrokerCallbacks,
  place?: Place,
) => Promise<{ readonly broker: Broker; readonly place: Place }>;

const MARKET: Market = {
  chainId: 31_337,
  vault: "0x5fbdb2315678afecb367f032d93f642f64180aa3",
  gateway: "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266",
  token: "0xe7f1725e7734ce288f8367e1bb143e90bb3f0512",
};

const TERMS: Omit<Terms, "time"> = {
  ...MARKET,
  ...{ decimals: 6, feeBasisPoints: 200 },
  firmware: { meter: 1, costs: `0x${"11".repeat(32)}`, maxFuel: 10 ** 12, runMs: 30_000 },
  lane: {
    ...{ epoch: 1, deposit: amount(1n), signed: ZERO, voucher: null, settled: ZERO, closeAt: 0 },
    ...{ credit: ZERO, held: ZERO, owed: ZERO },
  },
  reverse: { epoch: 1, deposit: ZERO, settled: ZERO, closeAt: 0, signed: ZERO },
};

const task: Hex = `0x${"22".repeat(16)}`;

/** A gateway that admits whom it is told to, tells terms at each login and writes down what it is called for. */
export async function openGateway(
  serve: ServeBroker,
  changes: Partial<BrokerCallbacks> = {},
  former?: { readonly place: Place; readonly admitted: Map<Hex, TopicName> },
) {
  const admitted = former?.admitted ?? new Map<Hex, TopicName>();
  const calls: string[] = [];
  const events = new EventEmitter().setMaxListeners(0);
  const note = (call: string) => {
    calls.push(call);
    events.emit("call");
  };
  const greet = ({ name, nonce }: Session) => {
    const terms = { ...TERMS, time: systemClock.now() };
    const ack = { version: 1, id: nonce.slice(2), journalIndex: 0, terms } as const;
    served.broker.publish(name, "ack", encodeMessage("ack", ack));
  };
  const callbacks: BrokerCallbacks = {
    admit: (device) => admitted.get(device) ?? null,
    known: () => admitted.values(),
    async onPublish({ name, slot }, topic, payload) {
      const text = Buffer.from(payload).toString();
      note(
        `${name.serialNumber}/${slot} ${topic} ${JSON.parse(text).id ?? JSON.parse(text).state ?? ""}`.trim(),
      );
      await Promise.resolve();
    },
    onReady(session) {
      note(`${session.name.serialNumber}/${session.slot} ready`);
      greet(session);
    },
    onGone: ({ name, slot }) => note(`${name.serialNumber}/${slot} gone`),
    onRefused: ({ refused }, { session }) =>
      note(`${session?.name.serialNumber ?? "nobody"} refused ${refused}`),
    ...changes,
  };
  const served = await serve(MARKET, callbacks, former?.place);
  const enroll = (serialNumber: string): ConnectionFile => {
    const key = randomKey();
    const name = { manufacturer: "acme", serialNumber };
    admitted.set(addressOfKey(key), name);
    return { version: 1, ...served.place, ...name, name: serialNumber, key: toHex(key), ...MARKET };
  };
  return {
    ...served,
    admitted,
    calls,
    enroll,
    /** Resolves when the call has been made; a second argument asks for so many of them. */
    async called(call: string, times = 1): Promise<void> {
      while (calls.filter((one) => one === call).length < times) await once(events, "call");
    },
  };
}

/** A device on the line, its factsheet left out of the notes. */
export async function goOnline(file: ConnectionFile, slot = "main", clock: Clock = systemClock) {
  const heard: Incoming[] = [];
  const events = new EventEmitter().setMaxListeners(0);
  const signer = keySigner(Buffer.from(file.key.slice(2), "hex"));
  const factsheet = () => ({ version: 1 as const, name: slot, profiles: [], memoryMiB: 0 });
  const happened: string[] = [];
  const tell = (what: string) => {
    happened.push(what);
    events.emit("event");
  };
  const connection = new Connection(
    { file, signer, slot, factsheet, clock },
    {
      up: () => tell("up"),
      changed: () => {},
      down: () => tell("down"),
      heard: (incoming) => {
        heard.push(incoming);
        events.emit("event");
      },
      ignored: () => {},
    },
  );
  onTestFinished(() => connection.close());
  await connection.start();
  const until = async (claim: () => boolean) => {
    while (!claim()) await once(events, "event");
  };
  return { connection, heard, happened, until };
}

const cancel = (id: string) => ({ version: 1 as const, id, task });
const answered = (id: string) => encodeMessage("ack", { version: 1, id, journalIndex: 1 });

/** The contract, as a suite of its own. */
export function describeBroker(title: string, serve: ServeBroker, isSkipped = false): void {
  describe.skipIf(isSkipped)(`broker port: ${title}`, () => {
    it("lets nobody wait to be paired who has not come on a wire, and takes no `pair` from a session", async () => {
      const gateway = await openGateway(serve);
      const { connection } = await goOnline(gateway.enroll("r1"));
      const message = { version: 1 as const, manufacturer: "acme", serialNumber: "r1", model: "robot" };
      expect(connection.publish("pair" as "cancel", message as never)).toBe(true);
      await gateway.called("r1 refused wrong_topic");
      expect(gateway.broker.waiting()).toEqual([]);
      const board = { manufacturer: "acme", serialNumber: "r1", model: "robot", origin: "/dev/ttyACM0" };
      const handover = {
        message: { ...message, name: "r1", secret: task, device: task, ...MARKET } as never,
        isProof: () => true,
        save: () => Promise.resolve(),
      };
      await expect(gateway.broker.pair(board, handover)).rejects.toMatchObject({ code: "link_lost" });
      expect(gateway.calls.filter((call) => call.includes(" pair"))).toEqual([]);
    });

    it("tells of a session, takes what the device says in order, and tells when it is over", async () => {
      const gateway = await openGateway(serve);
      const before = systemClock.now();
      const { connection } = await goOnline(gateway.enroll("r1"));
      const [session] = gateway.broker.sessions();
      expect(session).toMatchObject({ slot: "main", name: { serialNumber: "r1" } });
      expect(session?.origin).toMatch(/127\.0\.0\.1/);
      expect(session?.since).toBeGreaterThanOrEqual(before);
      expect(session?.since).toBeLessThanOrEqual(systemClock.now());
      for (let i = 0; i < 100; i++) expect(connection.publish("cancel", cancel(`c${i}`))).toBe(true);
      await connection.close();
      await gateway.called("r1/main gone");
      const said = gateway.calls.filter((call) => !/factsheet|ONLINE/.test(call));
      const commands = Array.from({ length: 100 }, (_, i) => `r1/main cancel c${i}`);
      expect(said).toEqual(["r1/main ready", ...commands, "r1/main connection OFFLINE", "r1/main gone"]);
      expect(gateway.broker.sessions()).toEqual([]);
    });

    it("gives each device its own messages, in order, and none to those who are away", async () => {
      const gateway = await openGateway(serve);
      const [one, two] = [gateway.enroll("r1"), gateway.enroll("r2")];
      gateway.broker.publish(one, "ack", answered("early"));
      const [first, second] = [await goOnline(one), await goOnline(two)];
      for (let i = 0; i < 50; i++) gateway.broker.publish(one, "ack", answered(`a${i}`));
      gateway.broker.publish(two, "ack", answered("b"));
      await first.until(() => first.heard.length >= 50);
      await second.until(() => second.heard.length >= 1);
      const ids = ({ heard }: typeof first) => heard.map(({ message }) => "id" in message && message.id);
      expect(ids(first)).toEqual(Array.from({ length: 50 }, (_, i) => `a${i}`));
      expect(ids(second)).toEqual(["b"]);
    });

    it("gives a device a session for each slot, and each what the device is told", async () => {
      const gateway = await openGateway(serve);
      const file = gateway.enroll("r1");
      const [left, right] = [await goOnline(file, "left"), await goOnline(file, "right")];
      expect(gateway.broker.sessions().map(({ slot }) => slot)).toEqual(["left", "right"]);
      gateway.broker.publish(file, "ack", answered("both"));
      for (const { heard, until } of [left, right]) {
        await until(() => heard.some(({ message }) => "id" in message && message.id === "both"));
      }
      expect(gateway.calls.filter((call) => call.endsWith("gone"))).toEqual([]);
    });

    it("admits a robot whose clock is years behind, and tells it the time", async () => {
      const gateway = await openGateway(serve);
      const clock: Clock = { ...systemClock, now: () => instant(systemClock.now() - 10 ** 11) };
      const { connection } = await goOnline(gateway.enroll("r1"), "main", clock);
      expect(Math.abs(connection.gatewayTime() - systemClock.now())).toBeLessThan(2_000);
      expect(gateway.calls.filter((call) => call.endsWith("token_expired"))).toHaveLength(2);
      connection.publish("cancel", cancel("c"));
      await gateway.called("r1/main cancel c");
    });

    it("does not admit whom nobody has enrolled", async () => {
      const gateway = await openGateway(serve);
      const file = gateway.enroll("r1");
      gateway.admitted.clear();
      await expect(goOnline(file)).rejects.toMatchObject({ code: "refused" });
      expect(gateway.calls).toEqual(["nobody refused unknown_device"]);
    });

    it("ends the sessions of a dropped device, each once, and lets it in again", async () => {
      const gateway = await openGateway(serve);
      const file = gateway.enroll("r1");
      const { until, happened } = await goOnline(file);
      gateway.broker.drop(addressOfKey(Buffer.from(file.key.slice(2), "hex")));
      await gateway.called("r1/main ready", 2);
      await until(() => happened.length === 3);
      expect(happened).toEqual(["up", "down", "up"]);
      expect(gateway.calls.filter((call) => call === "r1/main gone")).toHaveLength(1);
    });

    it("measures what a device says, and tells whose it was", async () => {
      const gateway = await openGateway(serve);
      const { connection } = await goOnline(gateway.enroll("r1"));
      const chunk = { version: 1, from: "device", hash: TERMS.firmware.costs, offset: 0, total: 0 } as const;
      connection.publish("blob-data", { ...chunk, bytes: "A".repeat(66_000) });
      connection.publish("cancel", cancel("c"));
      await gateway.called("r1/main cancel c");
      expect(gateway.calls).toContain("r1 refused too_large");
    });

    it("has a device say again what was not accepted, in another session", async () => {
      let isFirst = true;
      const gateway = await openGateway(serve, {
        onPublish: (_, topic) => {
          if (topic !== "cancel" || !isFirst) return Promise.resolve();
          isFirst = false;
          return Promise.reject(new Error("the disk is full"));
        },
      });
      const { connection, happened, until } = await goOnline(gateway.enroll("r1"));
      connection.publish("cancel", cancel("c"));
      await until(() => happened.length === 3);
      expect(happened).toEqual(["up", "down", "up"]);
      expect(gateway.calls).toEqual(["r1/main ready", "r1/main gone", "r1/main ready"]);
    });

    it("finds its devices again after the gateway's restart", async () => {
      const gateway = await openGateway(serve);
      const { connection, happened, until } = await goOnline(gateway.enroll("r1"));
      await gateway.called("r1/main factsheet");
      await gateway.broker.stop();
      const restarted = await openGateway(serve, {}, gateway);
      await until(() => happened.length === 3);
      expect(happened).toEqual(["up", "down", "up"]);
      connection.publish("cancel", cancel("c"));
      await restarted.called("r1/main cancel c");
      expect(restarted.calls[0]).toBe("r1/main ready");
    });

    it("is silent once it has stopped, after telling that each session is over", async () => {
      const gateway = await openGateway(serve);
      const { connection } = await goOnline(gateway.enroll("r1"));
      await gateway.called("r1/main factsheet");
      await gateway.broker.stop();
      const { length } = gateway.calls;
      expect(gateway.calls.at(-1)).toBe("r1/main gone");
      connection.publish("cancel", cancel("late"));
      await connection.close();
      expect(gateway.calls).toHaveLength(length);
      expect(gateway.broker.sessions()).toEqual([]);
    });
  });
}
