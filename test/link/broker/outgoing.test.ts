import { Duplex } from "node:stream";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Outgoing } from "../../../src/link/broker/outgoing.ts";
import { publishPacket, writeMessageId } from "../../../src/link/broker/publish-packet.ts";
import { Opener, SEAL_BYTES, Sealer } from "../../../src/protocol/seal.ts";
import { VirtualClock } from "../serial/virtual-clock.ts";
import { publishPacket as byHand, dialIn, PUBLISH, packet, subscribePacket } from "./raw-client.ts";
import { makeDevice, startStand } from "./stand.ts";

const LIMITS = {
  inFlight: 4,
  queuedMessages: 1_000,
  queuedBytes: 1_000_000,
  unsentBytes: 50,
  drainTimeoutMs: 10_000,
};

type Sent = { id: number; text: string; payload: Buffer };

/** An `Outgoing` whose device reads as told, and what has reached the device. */
function openLine(changes: Partial<typeof LIMITS> = {}, { isFrozen = false } = {}) {
  const sent: Sent[] = [];
  const clock = new VirtualClock();
  const held: (() => void)[] = [];
  let slow = 0;
  const stream = new Duplex({
    highWaterMark: 100,
    read() {},
    write(bytes: Buffer, _encoding, done) {
      sent.push(read(bytes));
      if (isFrozen) held.push(done);
      else done();
    },
  });
  const outgoing = new Outgoing(stream, { ...LIMITS, ...changes }, clock, () => slow++);
  const say = (text: string, qos: 0 | 1 = 1) => outgoing.send("t", Buffer.from(text), qos);
  return { outgoing, sent, clock, held, say, slow: () => slow };
}

/** Of a short packet on the topic `t`; the id is 0 at QoS 0. */
function read(bytes: Buffer): Sent {
  const isQos1 = bytes[0] === 0x32;
  const payload = bytes.subarray(isQos1 ? 7 : 5);
  return { id: isQos1 ? bytes.readUInt16BE(5) : 0, text: payload.toString(), payload };
}

/** Lets what one turn has written go out. */
const flushed = () => new Promise<void>((resolve) => process.nextTick(resolve));

const steps = fc.array(
  fc.oneof(fc.constant("send" as const), fc.record({ ack: fc.nat() }), fc.record({ stray: fc.nat(65_535) })),
  { minLength: 10, maxLength: 120 },
);

describe("Outgoing", () => {
  it("never has more in flight than the window, keeps the order, and counts only PUBACKs of what is in flight", async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.integer({ min: 1, max: 8 }), async (moves, inFlight) => {
        const { outgoing, sent, say } = openLine({ inFlight });
        const unacknowledged = new Set<number>();
        let said = 0;
        let seen = 0;
        for (const move of moves) {
          if (move === "send") say(String(said++));
          else if ("ack" in move) {
            const id = [...unacknowledged][move.ack % Math.max(1, unacknowledged.size)];
            if (id !== undefined) expect(outgoing.acknowledged(id)).toBe(true);
            if (id !== undefined) unacknowledged.delete(id);
          } else if (!unacknowledged.has(move.stray)) {
            expect(outgoing.acknowledged(move.stray)).toBe(false);
          }
          await flushed();
          for (const { id } of sent.slice(seen)) {
            expect(unacknowledged.has(id)).toBe(false);
            unacknowledged.add(id);
          }
          seen = sent.length;
          expect(unacknowledged.size).toBeLessThanOrEqual(inFlight);
          expect(outgoing.queuedMessages).toBe(said - sent.length);
          // it never holds back what the window has room for
          if (outgoing.queuedMessages > 0) expect(unacknowledged.size).toBe(inFlight);
        }
        expect(sent.map(({ text }) => text)).toEqual(sent.map((_, i) => String(i)));
      }),
      { numRuns: 60 },
    );
  });

  it("seals in the order in which the device reads, whatever waits and whatever overtakes", async () => {
    const key = new Uint8Array(32).fill(3);
    const moves = fc.array(fc.constantFrom("0" as const, "1" as const, "ack" as const), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(moves, fc.integer({ min: 1, max: 3 }), async (steps, inFlight) => {
        const { outgoing, sent, say } = openLine({ inFlight, unsentBytes: 1_000 });
        outgoing.seal(new Sealer(key));
        const opener = new Opener(key);
        const opened: string[] = [];
        let said = 0;
        let acknowledged = 0;
        for (const step of steps) {
          if (step === "ack") acknowledged += Number(outgoing.acknowledged(acknowledged + 1));
          else say(`${step}:${said++}`, step === "0" ? 0 : 1);
          await flushed();
          for (const { payload } of sent.slice(opened.length)) {
            // the sealed bytes stay as they were written
            opened.push(Buffer.from(opener.open("t", payload) ?? "wrong").toString());
          }
        }
        expect(opened).toHaveLength(said - outgoing.queuedMessages);
        for (const qos of ["0", "1"]) {
          const numbers = opened.filter((text) => text.startsWith(qos)).map((text) => Number(text.slice(2)));
          expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
        }
        expect(opened).not.toContain("wrong");
        // a board that checks a seal as it reads knows the counter beforehand
        const counters = sent.map(({ payload }) => payload.readUInt32BE(payload.length - SEAL_BYTES));
        expect(counters).toEqual(counters.map((_, index) => index + 1));
      }),
      { numRuns: 60 },
    );
  });

  it("forgets what waits from before it seals", async () => {
    const { outgoing, sent, say } = openLine({ inFlight: 1 });
    for (const text of ["challenge 1", "challenge 2"]) say(text);
    outgoing.seal(new Sealer(new Uint8Array(32)));
    say("terms");
    outgoing.acknowledged(1);
    await flushed();
    expect(sent.map(({ text }) => text.slice(0, 5))).toEqual(["chall", "terms"]);
    expect([outgoing.queuedMessages, outgoing.queuedBytes]).toEqual([0, 0]);
    expect(new Opener(new Uint8Array(32)).open("t", sent[1]?.payload ?? Buffer.of())).toEqual(
      Buffer.from("terms"),
    );
  });

  it("gives a device up once when there is no counter left to seal with", async () => {
    const { outgoing, sent, say, slow } = openLine();
    outgoing.seal(new Sealer(new Uint8Array(32), 0xffff_fffe));
    for (const text of ["last", "none", "none"]) say(text);
    say("none", 0);
    await flushed();
    expect(sent.map(({ text }) => text.slice(0, 4))).toEqual(["last"]);
    expect(slow()).toBe(1);
  });

  it("uses ids 1 to 65,535 in turn, and leaves out one that is still in flight", async () => {
    const { outgoing, sent, say } = openLine({ inFlight: 2 });
    say("held");
    for (let i = 0; i < 65_536; i++) {
      say("x");
      outgoing.acknowledged(i < 65_534 ? i + 2 : i - 65_532);
    }
    await flushed();
    const ids = sent.map(({ id }) => id);
    expect(ids.slice(0, 65_535)).toEqual(Array.from({ length: 65_535 }, (_, i) => i + 1));
    expect(ids.slice(65_535)).toEqual([2, 3]);
  });

  it("counts what waits, in messages and bytes, and forgets it at the end", () => {
    const { outgoing, say } = openLine({ inFlight: 1 });
    for (const text of ["1", "22", "333"]) say(text);
    expect([outgoing.queuedMessages, outgoing.queuedBytes]).toEqual([2, 2 + 3 + 2 * 7]);
    outgoing.acknowledged(1);
    expect([outgoing.queuedMessages, outgoing.queuedBytes]).toEqual([1, 3 + 7]);
    outgoing.close();
    say("late");
    expect([outgoing.queuedMessages, outgoing.queuedBytes]).toEqual([0, 0]);
  });

  it.each([
    ["messages", { queuedMessages: 5 }],
    ["bytes", { queuedBytes: 40 }],
  ])("gives a device up once, when too many %s wait", (_, changes) => {
    const { outgoing, say, slow } = openLine(changes);
    for (let i = 0; i < LIMITS.inFlight + 5; i++) say("x");
    expect([slow(), outgoing.queuedMessages]).toEqual([0, 5]);
    for (let i = 0; i < 9; i++) say("x");
    expect([slow(), outgoing.queuedMessages]).toEqual([1, 0]);
  });

  it("gives a device up that leaves its window full for the drain timeout, and not a millisecond earlier", async () => {
    const { clock, say, slow } = openLine();
    for (let i = 0; i < LIMITS.inFlight; i++) say("x");
    await clock.run(LIMITS.drainTimeoutMs - 1);
    expect(slow()).toBe(0);
    await clock.run(1);
    expect(slow()).toBe(1);
  });

  it("gives it up after twice that time at most where the clock is set back by an hour meanwhile", async () => {
    const { clock, say, slow } = openLine();
    for (let i = 0; i < LIMITS.inFlight; i++) say("x");
    clock.offsetMs -= 3_600_000;
    await clock.run(2 * LIMITS.drainTimeoutMs + 1);
    expect(slow()).toBe(1);
  });

  it("bears with one that acknowledges a message now and then", async () => {
    const { outgoing, clock, say, slow } = openLine();
    for (let i = 0; i < 40; i++) say("x");
    for (let id = 1; id <= 30; id++) {
      await clock.run(LIMITS.drainTimeoutMs - 1);
      outgoing.acknowledged(id);
    }
    expect(slow()).toBe(0);
    await clock.run(LIMITS.drainTimeoutMs + 1);
    expect(slow()).toBe(1);
  });

  it("bears for ever with one that owes less than the window", async () => {
    const { clock, say, slow } = openLine();
    for (let i = 0; i < LIMITS.inFlight - 1; i++) say("x");
    await clock.run(100 * LIMITS.drainTimeoutMs);
    expect(slow()).toBe(0);
  });

  it("drops QoS 0 where the socket is full, and gives a device up that does not read it", async () => {
    const { outgoing, sent, clock, held, say, slow } = openLine({}, { isFrozen: true });
    for (let i = 0; i < 10; i++) {
      say("x".repeat(40), 0);
      await flushed();
    }
    expect(outgoing.queuedMessages).toBe(0);
    expect(held).toHaveLength(1);
    await clock.run(LIMITS.drainTimeoutMs);
    expect(slow()).toBe(0);
    say("x".repeat(200), 0);
    // 90 bytes wait, so that is dropped as well
    while (held.length > 0) held.shift()?.();
    await flushed();
    expect(sent.length).toBeLessThan(4);
  });

  it("gives a device up whose socket stays full for the drain timeout", async () => {
    const { clock, held, say, slow } = openLine({}, { isFrozen: true });
    say("x".repeat(200), 0);
    await clock.run(LIMITS.drainTimeoutMs - 1);
    held.shift()?.();
    await flushed();
    say("x".repeat(200), 0);
    await clock.run(LIMITS.drainTimeoutMs - 1);
    expect(slow()).toBe(0);
    await clock.run(1);
    expect(slow()).toBe(1);
  });
});

describe("publishPacket", () => {
  it("is what the standard says, at every length", () => {
    const topics = fc.string({ minLength: 1, maxLength: 200, unit: "grapheme" });
    const lengths = fc.oneof(fc.nat(300), fc.integer({ min: 16_000, max: 16_500 }), fc.constant(65_536));
    fc.assert(
      fc.property(topics, lengths, fc.integer({ min: 1, max: 65_535 }), (topic, length, id) => {
        const payload = Buffer.alloc(length, "p");
        expect(publishPacket(topic, payload, 0).equals(byHand(topic, payload, { qos: 0 }))).toBe(true);
        const ours = publishPacket(topic, payload, 1);
        writeMessageId(ours, id);
        expect(ours.equals(byHand(topic, payload, { qos: 1, id }))).toBe(true);
      }),
    );
    for (const length of [2_097_148, 2_097_149]) {
      const payload = Buffer.alloc(length);
      expect(publishPacket("t", payload, 0).equals(byHand("t", payload, { qos: 0 }))).toBe(true);
    }
  });
});

describe("a session that is sent messages", () => {
  it("is sent 20 and no more before it acknowledges, then one for each", async () => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot] });
    const client = await dialIn(stand.broker, robot);
    client.send(subscribePacket([robot.all]));
    await stand.until((happened) => happened.length === 1);
    for (let i = 0; i < 30; i++) stand.broker.publish(robot.name, "ack", String(i));
    await client.next();
    const first = await client.types(20);
    expect(first).toEqual(Array.from({ length: 20 }, () => PUBLISH));
    expect(stand.broker.figures).toMatchObject({ connections: 1, sessions: 1, queuedMessages: 10 });
    // of no message in flight, then of the first one twice
    client.send(packet(0x40, Buffer.of(0, 99)), packet(0x40, Buffer.of(0, 1)), packet(0x40, Buffer.of(0, 1)));
    client.send(Buffer.of(0xc0, 0));
    const [next, pong] = await client.types(2);
    expect([next, pong]).toEqual([PUBLISH, 13]);
    expect(stand.broker.figures.queuedMessages).toBe(9);
  });

  it("at QoS 0, which it asked for, acknowledges nothing and is sent all", async () => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot] });
    const client = await dialIn(stand.broker, robot);
    const filter = Buffer.from(robot.all);
    client.send(packet(0x82, Buffer.concat([Buffer.of(0, 1, 0, filter.length), filter, Buffer.of(0)])));
    await stand.until((happened) => happened.length === 1);
    for (let i = 0; i < 100; i++) stand.broker.publish(robot.name, "ack", "{}");
    await client.next();
    expect(await client.types(100)).toEqual(Array.from({ length: 100 }, () => PUBLISH));
  });

  it("and acknowledges none of them ends as too_slow, once, with its will before its end", async () => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot], limits: { queuedMessages: 3 } });
    const client = await dialIn(stand.broker, robot, {
      will: { topic: robot.topic("connection"), payload: "broken" },
    });
    client.send(subscribePacket([robot.all]));
    await stand.until((happened) => happened.length === 1);
    for (let i = 0; i < 40; i++) stand.broker.publish(robot.name, "ack", "{}");
    // never in the middle of what the gateway is doing
    expect(stand.happened).toHaveLength(1);
    await stand.until((happened) => happened.at(-1)?.what === "gone");
    expect(stand.happened).toMatchObject([
      { what: "ready" },
      { what: "refused", refusal: { refused: "too_slow" }, at: { device: robot.address, topic: "" } },
      { what: "publish", payload: "broken" },
      { what: "gone" },
    ]);
  });
});
