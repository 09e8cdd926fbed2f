import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { ReadGate } from "../../../src/link/broker/read-gate.ts";
import { VirtualClock } from "../serial/virtual-clock.ts";

function openGate(limits = { underWay: 3, floodMs: 1_000 }) {
  const clock = new VirtualClock();
  const stream = new PassThrough({ highWaterMark: 10 });
  const happened: string[] = [];
  const gate = new ReadGate(stream, limits, clock, {
    open: () => happened.push("open"),
    flood: () => happened.push("flood"),
  });
  const read = () => stream.read()?.toString() ?? null;
  return { clock, stream, gate, happened, read };
}

describe("ReadGate", () => {
  it("lets a stream be read, unless it is delayed, and says when it may be read again", async () => {
    const { clock, stream, gate, happened, read } = openGate();
    stream.write("a");
    expect(read()).toBe("a");
    expect(gate.delay(20)).toBe(true);
    expect(gate.delay(50)).toBe(false);
    stream.write("b");
    await clock.run(49);
    expect(read()).toBeNull();
    const readable = new Promise((resolve) => stream.once("readable", resolve));
    await clock.run(1);
    await readable;
    expect([read(), happened]).toEqual(["b", ["open"]]);
  });

  it("stays shut while too many messages are under way", () => {
    const { stream, gate, happened, read } = openGate();
    for (let i = 0; i < 3; i++) gate.start();
    stream.write("a");
    expect(read()).toBeNull();
    gate.finish();
    expect([read(), happened]).toEqual(["a", ["open"]]);
    gate.finish();
    expect(happened).toEqual(["open"]);
  });

  it("is shut by either reason until both are over", async () => {
    const { clock, stream, gate, read } = openGate();
    for (let i = 0; i < 3; i++) gate.start();
    gate.delay(10);
    stream.write("a");
    gate.finish();
    expect(read()).toBeNull();
    gate.start();
    await clock.run(10);
    expect(read()).toBeNull();
    gate.finish();
    expect(read()).toBe("a");
  });

  it("takes a delay above the limit for a flood", () => {
    const { gate, happened } = openGate();
    gate.delay(1_000);
    expect(happened).toEqual([]);
    gate.delay(1_001);
    expect(happened).toEqual(["flood"]);
  });

  it("takes it for a flood that all the room is full after each delay, for as long as the limit", async () => {
    const { clock, stream, gate, happened, read } = openGate();
    let delays = 0;
    while (!happened.includes("flood")) {
      gate.delay(100);
      stream.write("x".repeat(10));
      await clock.run(100);
      delays++;
      if (!happened.includes("flood")) read();
    }
    expect(delays).toBe(11);
  });

  it.each([
    ["the room is not full once in a while", 10, 9, 0],
    ["there is a pause once in a while", 9, 10, 1_001],
  ])("does not where %s", async (_, every, bytes, pauseMs) => {
    const { clock, stream, gate, happened, read } = openGate();
    for (let delays = 1; delays <= 40; delays++) {
      const isEased = delays % every === 0;
      if (isEased) await clock.run(pauseMs);
      gate.delay(100);
      stream.write("x".repeat(isEased ? bytes : 10));
      await clock.run(100);
      read();
    }
    expect(happened).not.toContain("flood");
  });

  it("opens in time even if the machine's clock is set back", async () => {
    const { clock, gate, happened } = openGate();
    gate.delay(100);
    clock.offsetMs -= 3_600_000;
    await clock.run(100);
    expect(happened).toEqual(["open"]);
  });
});
