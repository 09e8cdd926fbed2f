import { describe, expect, it } from "vitest";
import { bodyOf } from "../../../src/operator/web/stream.ts";
import { ManualClock } from "../../devices/robot/manual-clock.ts";

function openRig(open: (signal: AbortSignal) => AsyncIterable<Uint8Array>) {
  const clock = new ManualClock();
  const told = { ends: 0, faults: [] as unknown[], cuts: 0 };
  const outgoing = {
    destroy: () => {
      told.cuts++;
      return {} as ReturnType<Parameters<typeof bodyOf>[1]["outgoing"]["destroy"]>;
    },
  };
  const onFault = (fault: unknown) => told.faults.push(fault);
  const onEnd = () => {
    told.ends++;
  };
  const body = bodyOf(open, { clock, outgoing, onFault, onEnd });
  return { clock, told, reader: body.getReader() };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe("a body that goes on", () => {
  it("takes nothing of its source before it is read", async () => {
    let taken = 0;
    const { reader } = openRig(async function* () {
      for (;;) yield await Promise.resolve(Uint8Array.of(++taken));
    });
    await settled();
    expect(taken).toBe(0);
    expect((await reader.read()).value).toEqual(Uint8Array.of(1));
    await settled();
    expect(taken).toBe(1);
  });

  it("tells a source that waits when nobody wants more, and ends once", async () => {
    const stopped = Promise.withResolvers<void>();
    const { reader, told } = openRig(async function* (signal) {
      const waiting = Promise.withResolvers<void>();
      signal.addEventListener("abort", () => waiting.resolve());
      yield Uint8Array.of(1);
      await waiting.promise;
      stopped.resolve();
    });
    await reader.read();
    const rest = reader.read();
    await settled();
    await reader.cancel();
    await stopped.promise;
    expect((await rest).done).toBe(true);
    expect(told).toEqual({ ends: 1, faults: [], cuts: 0 });
  });

  it("ends with its source, and sets no time for who has it all", async () => {
    const { reader, told, clock } = openRig(async function* () {
      yield await Promise.resolve(Uint8Array.of(1));
    });
    await reader.read();
    expect((await reader.read()).done).toBe(true);
    clock.advance(60_000);
    expect(told).toEqual({ ends: 1, faults: [], cuts: 0 });
  });

  it("gives who reads half a minute for each part, and more for a source that takes longer", async () => {
    let next = Promise.withResolvers<void>();
    const { reader, told, clock } = openRig(async function* () {
      for (;;) {
        await next.promise;
        next = Promise.withResolvers();
        yield Uint8Array.of(1);
      }
    });
    for (let times = 0; times < 3; times++) {
      const reading = reader.read();
      clock.advance(120_000);
      next.resolve();
      await reading;
      await settled();
      clock.advance(29_999);
      expect(told.cuts).toBe(0);
    }
    clock.advance(1);
    expect(told.cuts).toBe(1);
  });
});
