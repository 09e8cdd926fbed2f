import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Outbox, type Place, type QueueLimits, type Reply } from "../../../devices/robot/outbox.ts";
import type { Hex } from "../../../src/base/bytes.ts";
import { ManualClock } from "./manual-clock.ts";

const task: Hex = `0x${"11".repeat(16)}`;

const refusal = { version: 1 as const, id: "", topic: "cancel", code: "wrong_state", hint: "" };

function outbox(limits: Partial<QueueLimits> = {}) {
  const clock = new ManualClock();
  const wire: string[] = [];
  const link: { isUp: boolean } = { isUp: true };
  const box = new Outbox(
    (_, message) => {
      if (link.isUp && "id" in message) wire.push(String(message.id));
      return link.isUp;
    },
    clock,
    limits,
  );
  const send = (id: string, heard?: (reply: Reply) => void, kept?: boolean) =>
    box.send("cancel", { version: 1, id, task }, { ...(heard && { heard }), ...(kept && { kept }) });
  const ack = (id: string) => box.answer(id, { acked: { version: 1, id, journalIndex: 1 } });
  return { clock, wire, link, box, send, ack };
}

describe("an outbox", () => {
  it("says a command again every five seconds until it is acked", () => {
    const { clock, wire, send, ack } = outbox();
    send("a");
    clock.advance(14_999);
    expect(wire).toEqual(["a", "a", "a"]);
    expect(ack("a")).toBe(true);
    clock.advance(60_000);
    expect(wire.length).toBe(3);
    expect(ack("a")).toBe(false);
  });

  it("says all that waits again at a new session, in the order of the first time", () => {
    const { clock, wire, link, box, send, ack } = outbox();
    link.isUp = false;
    for (const id of ["a", "b", "c"]) send(id);
    clock.advance(60_000);
    expect(wire).toEqual([]);
    link.isUp = true;
    box.repeat();
    ack("b");
    box.repeat();
    expect(wire).toEqual(["a", "b", "c", "a", "c"]);
  });

  it("repeats a kept command at each session though it was acked, until it is closed", () => {
    const { clock, wire, box, send, ack } = outbox();
    const replies: string[] = [];
    send("a", (reply) => replies.push(Object.keys(reply)[0] ?? ""), true);
    ack("a");
    clock.advance(60_000);
    box.repeat();
    ack("a");
    box.close("a");
    box.repeat();
    expect(wire).toEqual(["a", "a"]);
    expect(replies).toEqual(["acked", "acked"]);
  });

  it("tells who waits, or sends later, that it has stopped", () => {
    const { wire, box, send } = outbox();
    const replies: Reply[] = [];
    send("a", (reply) => replies.push(reply));
    box.stop();
    send("b", (reply) => replies.push(reply));
    expect(replies).toEqual([{ stopped: true }, { stopped: true }]);
    expect(wire).toEqual(["a"]);
  });
});

describe("what waits in an outbox", () => {
  type Step = {
    readonly op: "begin" | "go on" | "ack" | "refuse" | "free" | "cut" | "mend";
    readonly at: number;
  };
  const anyStep: fc.Arbitrary<Step> = fc.record({
    op: fc.constantFrom("begin", "go on", "ack", "refuse", "free", "cut", "mend"),
    at: fc.nat({ max: 30 }),
  });
  const bytesOf = (id: string) => Buffer.byteLength(JSON.stringify({ version: 1, id, task }));

  it("never has more begun than the limits say, counts to the byte, and takes all that goes on", () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 80 }), fc.integer({ min: 1, max: 6 }), (steps, commands) => {
        const { box, link, ack } = outbox({ commands, bytes: 700 });
        const places: Place[] = [];
        const begun = new Set<string>();
        const going = new Set<string>();
        for (const [number, { op, at }] of steps.entries()) {
          const id = `c${number}`;
          const known = [...begun, ...going][at % Math.max(1, begun.size + going.size)] ?? "";
          if (op === "begin" && box.hasRoom(200)) {
            const place = box.reserve(200);
            if (at % 3 === 0) places.push(place);
            else box.send("cancel", { version: 1, id, task }, { place });
            if (at % 3 !== 0) begun.add(id);
          } else if (op === "begin") {
            expect(() => box.reserve(200)).toThrow(expect.objectContaining({ code: "queue_full" }));
          } else if (op === "go on") {
            box.send("cancel", { version: 1, id, task });
            going.add(id);
          } else if (op === "ack") ack(known);
          else if (op === "refuse") box.answer(known, { refused: refusal });
          else if (op === "free") places.pop()?.free();
          else link.isUp = op === "mend";
          if (op === "ack" || op === "refuse") {
            begun.delete(known);
            going.delete(known);
          }
          const { queued, sent, bytes } = box.waiting;
          expect(queued + sent).toBe(begun.size + going.size);
          expect(bytes).toBe([...begun, ...going].reduce((sum, one) => sum + bytesOf(one), 0));
          expect(begun.size + places.length).toBeLessThanOrEqual(commands);
          const isFull = queued + sent + places.length >= commands || bytes + 200 * places.length + 200 > 700;
          expect(box.hasRoom(200)).toBe(!isFull);
        }
      }),
    );
  });

  it("is a place until it is sent, then what it is, and nothing once it was acked, also where it is kept", () => {
    const { box, ack } = outbox({ commands: 2, bytes: 10_000 });
    const place = box.reserve(5_000);
    expect([box.hasRoom(5_001), box.hasRoom(5_000)]).toEqual([false, true]);
    box.send("cancel", { version: 1, id: "a", task }, { place, kept: true });
    place.free();
    expect(box.waiting).toEqual({ queued: 0, sent: 1, bytes: bytesOf("a") });
    ack("a");
    ack("a");
    expect(box.waiting).toEqual({ queued: 0, sent: 0, bytes: 0 });
    box.close("a");
    expect([box.waiting.bytes, box.hasRoom(10_000)]).toEqual([0, true]);
  });

  it("can be taken back as long as it was never sent", () => {
    const { box, link, wire, send } = outbox();
    link.isUp = false;
    send("a");
    send("b");
    expect(box.waiting).toMatchObject({ queued: 2, sent: 0 });
    expect(box.withdraw("a")).toBe(true);
    link.isUp = true;
    box.repeat();
    expect(box.withdraw("b")).toBe(false);
    expect(wire).toEqual(["b"]);
    link.isUp = false;
    box.repeat();
    expect(box.withdraw("b")).toBe(false);
    expect(box.waiting).toMatchObject({ queued: 0, sent: 1 });
  });
});
