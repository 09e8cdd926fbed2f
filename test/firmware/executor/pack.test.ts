import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Pack } from "../../../src/firmware/executor/pack.ts";
import { REQUEST_HEAD, type RequestHead, readRequestHead, slabOf } from "../../../src/firmware/frames.ts";

function head(number: number, bodies: readonly Uint8Array[]): RequestHead {
  const [moduleBytes = 0, inputBytes = 0, outputBytes = 0] = bodies.map(({ length }) => length);
  const lengths = { moduleBytes, inputBytes, outputBytes };
  const limits = { maxOutput: 1, wallMs: 2, fuelLimit: 3, hash: new Uint8Array(32) };
  return { number, op: "run", isAwaited: false, hasModule: true, ...lengths, ...limits };
}

describe("requests written out", () => {
  it("are one chunk when they are small, and large bodies are not copied", () => {
    const pack = new Pack(1000);
    const large = new Uint8Array(100_000).fill(3);
    for (const [number, input] of [Uint8Array.of(1), large, Uint8Array.of(2)].entries()) {
      const bodies = [new Uint8Array(), input, new Uint8Array()];
      pack.add(head(number, bodies), bodies);
    }
    const chunks = pack.finish();
    expect(chunks.map(({ length }) => length)).toEqual([2 * REQUEST_HEAD + 1, 100_000, REQUEST_HEAD + 1]);
    expect(chunks[1]).toBe(large);
  });

  it("are what was put in, whatever the room", () => {
    const body = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.constant(new Uint8Array(20_000).fill(7)));
    const frames = fc.array(fc.tuple(body, body, body), { maxLength: 8 });
    fc.assert(
      fc.property(frames, fc.nat({ max: 70_000 }), (requests, capacity) => {
        const pack = new Pack(capacity);
        for (const [number, bodies] of requests.entries()) pack.add(head(number, bodies), bodies);
        const stream = new Uint8Array(Buffer.concat(pack.finish()));
        let at = 0;
        for (const [number, bodies] of requests.entries()) {
          expect(readRequestHead(slabOf(stream), at)).toEqual(head(number, bodies));
          const body = Buffer.concat(bodies);
          at += REQUEST_HEAD;
          expect(Buffer.compare(stream.subarray(at, at + body.length), body)).toBe(0);
          at += body.length;
        }
        expect(at).toBe(stream.length);
      }),
    );
  });
});
