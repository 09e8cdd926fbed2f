import { describe, expect, it } from "vitest";
import { Outbox, type Reply } from "../../../devices/robot/outbox.ts";
import type { Hex } from "../../../src/base/bytes.ts";
import { ManualClock } from "./manual-clock.ts";

const task: Hex = `0x${"11".repeat(16)}`;

function outbox() {
  const clock = new ManualClock();
  const wire: string[] = [];
  const link: { isUp: boolean } = { isUp: true };
  const box = new Outbox((_, message) => {
    if (link.isUp && "id" in message) wire.push(String(message.id));
    return link.isUp;
  }, clock);
  const send = (id: string, heard?: (reply: Reply) => void, kept?: boolean) =>
    box.send("cancel", { version: 1, id, task }, heard, kept);
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
