import type { Duplex } from "node:stream";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Fault } from "../../../src/base/fault.ts";
import type { OpenPort } from "../../../src/link/serial/open-port.ts";
import { RawLink } from "../../../src/link/serial/raw.ts";
import { emptyStatistics } from "../../../src/link/serial/statistics.ts";
import {
  connectPacket,
  DISCONNECT,
  PINGREQ,
  packet,
  publishPacket,
  subscribePacket,
} from "../broker/raw-client.ts";
import { lost } from "./link-pair.ts";
import { VirtualClock } from "./virtual-clock.ts";

const BOOT_LOG = Buffer.from("ets Jun  8 2016 00:22:57\r\nrst:0x10 (RTCWDT_RTC_RESET),\x10\x04boot:0x13\r\n");

function connect(clientId: string): Buffer {
  return connectPacket({ clientId, username: "u", password: "p" });
}

function publish(payload: string | Buffer): Buffer {
  return publishPacket("up", payload, { qos: 0 });
}

const acknowledgements = [0x40, 0x50, 0x62, 0x70].map((first) => packet(first, Buffer.of(0, 9)));

type Heard = { stream: Duplex; errors: unknown[]; bytes(): Buffer };

function stand() {
  const clock = new VirtualClock();
  const written: Buffer[] = [];
  const flow: string[] = [];
  let hear = (_bytes: Uint8Array) => {};
  const port: OpenPort = {
    write: () => {},
    send: (bytes, done) => {
      written.push(Buffer.from(bytes));
      done();
    },
    onBytes: (listener) => {
      hear = listener;
    },
    pause: () => void flow.push("pause"),
    resume: () => void flow.push("resume"),
    setBaud: null,
  };
  const statistics = emptyStatistics();
  const sessions: Heard[] = [];
  const onSession = (stream: Duplex) => {
    expect(sessions.every((before) => before.stream.destroyed)).toBe(true);
    const chunks: Buffer[] = [];
    const errors: unknown[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("error", (error) => errors.push(error));
    sessions.push({ stream, errors, bytes: () => Buffer.concat(chunks) });
  };
  const faults: Fault[] = [];
  const onFound = (fault: Fault) => faults.push(fault);
  const link = new RawLink({ port, path: "/dev/ttyACM0", clock, statistics, onSession, onFound });
  link.start();
  return {
    clock,
    faults,
    link,
    statistics,
    sessions,
    written,
    flow,
    hear: (bytes: Uint8Array) => hear(bytes),
  };
}

/** Lets streams deliver what they hold. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("raw", () => {
  it("begins a session with the first CONNECT, whatever was printed before it", async () => {
    const { hear, sessions, statistics, written } = stand();
    hear(BOOT_LOG);
    expect(sessions).toEqual([]);
    hear(Buffer.concat([BOOT_LOG, connect("a"), publish("one")]));
    hear(PINGREQ);
    await turn();
    expect(sessions.length).toBe(1);
    expect(sessions[0]?.bytes()).toEqual(Buffer.concat([connect("a"), publish("one"), PINGREQ]));
    expect(statistics).toMatchObject({ sessions: 1, discarded: { beforeSync: 2 * BOOT_LOG.length } });
    sessions[0]?.stream.write(Buffer.from("answer"));
    expect(Buffer.concat(written).toString()).toBe("answer");
  });

  it.each([
    ["3.1", Buffer.from("\0\x06MQIsdp\x03\x02\0\x0f\0\x01a")],
    ["5", Buffer.from("\0\x04MQTT\x05\x02\0\x0f\0\0\x01a")],
  ])("knows the CONNECT of version %s, which is the broker's to refuse", async (_version, body) => {
    const { hear, sessions } = stand();
    hear(packet(0x10, body));
    await turn();
    expect(sessions[0]?.bytes()).toEqual(packet(0x10, body));
  });

  it("begins another session when the board connects again on the same open port", async () => {
    const { hear, sessions } = stand();
    hear(Buffer.concat([connect("a"), publish("one")]));
    hear(connect("a"));
    hear(publish("two"));
    await turn();
    expect(sessions.length).toBe(2);
    expect(sessions.map(({ errors }) => errors)).toEqual([[lost("restarted")], []]);
    expect(sessions.map(({ bytes }) => bytes())).toEqual(
      ["one", "two"].map((text) => Buffer.concat([connect("a"), publish(text)])),
    );
  });

  it("takes a boot log where a packet should begin for a board that has started anew", async () => {
    const { hear, sessions, statistics } = stand();
    const logs = [
      "0 boot\r\n",
      "b\x03oot",
      "Power on\r\n",
      "@@@@",
      "=x",
      "\r\n\r\n",
      "\xf0\xff\xff\xff\xff",
      "2\x03\0\x05abc",
    ];
    for (const log of logs) {
      hear(Buffer.concat([connect("a"), publish("one"), PINGREQ]));
      hear(Buffer.concat([Buffer.from(log, "latin1"), BOOT_LOG]));
    }
    await turn();
    expect(sessions.length).toBe(logs.length);
    for (const { errors, bytes } of sessions) {
      expect(errors).toEqual([lost("restarted")]);
      expect(bytes()).toEqual(Buffer.concat([connect("a"), publish("one"), PINGREQ]));
    }
    expect(statistics.discarded.beforeSync).toBe(logs.join("").length + logs.length * BOOT_LOG.length);
  });

  it("hands on every kind of packet that a client sends", async () => {
    const { hear, sessions } = stand();
    const packets = [
      connect("a"),
      subscribePacket(["a"]),
      packet(0xa2, Buffer.from("\0\x02\0\x01a")),
      publishPacket("t", "", { qos: 0, retain: true }),
      publishPacket("t", "x".repeat(300), { qos: 1 }),
      publishPacket("t", "x", { qos: 2 }),
      ...acknowledgements,
      PINGREQ,
      DISCONNECT,
    ];
    for (const one of packets) hear(one);
    await turn();
    expect(sessions.map(({ errors }) => errors)).toEqual([[]]);
    expect(sessions[0]?.bytes()).toEqual(Buffer.concat(packets));
  });

  it("does not take a CONNECT within a payload for one", async () => {
    const { hear, sessions } = stand();
    const forwarded = publish(connect("inner"));
    hear(Buffer.concat([connect("a"), forwarded, PINGREQ]));
    await turn();
    expect(sessions.length).toBe(1);
    expect(sessions[0]?.bytes()).toEqual(Buffer.concat([connect("a"), forwarded, PINGREQ]));
  });

  it("sees a board that has started anew in the middle of a packet, after a silence", async () => {
    const { clock, hear, sessions } = stand();
    hear(connect("a"));
    hear(publish("x".repeat(500)).subarray(0, 200));
    await clock.run(150);
    hear(BOOT_LOG);
    hear(connect("b").subarray(0, 5));
    hear(connect("b").subarray(5));
    await turn();
    expect(sessions.length).toBe(2);
    expect(sessions[1]?.bytes()).toEqual(connect("b"));
  });

  it("waits for the CONNECT after the broker has ended a session", async () => {
    const { hear, sessions, statistics } = stand();
    hear(connect("a"));
    sessions[0]?.stream.destroy();
    hear(publish("lost"));
    await turn();
    hear(connect("a"));
    await turn();
    expect(sessions.length).toBe(2);
    expect(sessions[1]?.bytes()).toEqual(connect("a"));
    expect(statistics.discarded.beforeSync).toBe(publish("lost").length);
  });

  it("lets a broker that ends the stream say its last word", async () => {
    const { hear, sessions, written } = stand();
    hear(connect("a"));
    sessions[0]?.stream.end(Buffer.from("bye"));
    await turn();
    await turn();
    expect(sessions[0]?.stream.destroyed).toBe(true);
    expect(Buffer.concat(written).toString()).toBe("bye");
  });

  it("leaves bytes in the port while nobody reads them", async () => {
    const { hear, sessions, flow } = stand();
    hear(connect("a"));
    await turn();
    sessions[0]?.stream.pause();
    for (let count = 0; count < 20; count++) hear(publish("x".repeat(1_000)));
    await turn();
    expect(flow.at(-1)).toBe("pause");
    sessions[0]?.stream.resume();
    await turn();
    expect(flow.at(-1)).toBe("resume");
  });

  it("gives the same sessions however the bytes are split, and accounts for each byte", async () => {
    const letter = fc.oneof(
      fc.string({ maxLength: 30 }).map(publish),
      fc.constant(PINGREQ),
      fc.constantFrom("a", "b").map((id) => connect(id)),
    );
    const split = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 10 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(letter, { maxLength: 12 }),
        split,
        fc.boolean(),
        async (letters, sizes, isNoisy) => {
          const { hear, link, sessions, statistics } = stand();
          const wire = Buffer.concat([isNoisy ? BOOT_LOG : Buffer.alloc(0), connect("first"), ...letters]);
          for (let at = 0, turns = 0; at < wire.length; turns++) {
            const size = sizes[turns % sizes.length] ?? 1;
            hear(wire.subarray(at, at + size));
            at += size;
          }
          const expected = [[connect("first")]];
          for (const one of letters) {
            if (one[0] === 0x10) expected.push([one]);
            else expected.at(-1)?.push(one);
          }
          await turn();
          expect(sessions.map(({ bytes }) => bytes())).toEqual(expected.map((parts) => Buffer.concat(parts)));
          link.close();
          const discarded = Object.values(statistics.discarded).reduce((sum, count) => sum + count);
          expect(statistics.frameBytes + discarded).toBe(wire.length);
          expect(statistics.bytesReceived).toBe(wire.length);
        },
      ),
    );
  });

  it("says once that no CONNECT comes, and again only after a session", async () => {
    const { clock, hear, faults, sessions } = stand();
    const print = async () => {
      for (let count = 0; count < 20; count++) {
        hear(BOOT_LOG);
        await clock.run(400);
      }
    };
    await print();
    expect(faults).toMatchObject([
      { code: "link_lost", message: expect.stringMatching(/^no MQTT CONNECT comes from .dev.ttyACM0/) },
    ]);
    hear(connect("a"));
    sessions[0]?.stream.destroy();
    await turn();
    hear(BOOT_LOG);
    expect(faults.length).toBe(1);
    await print();
    expect(faults.length).toBe(2);
  });

  it("ends with the port", async () => {
    const { hear, link, sessions, statistics } = stand();
    hear(connect("a"));
    link.close();
    hear(publish("late"));
    await turn();
    expect(sessions[0]?.stream.destroyed).toBe(true);
    expect(statistics.discarded.closed).toBe(publish("late").length);
  });
});
