import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FrameReader, frameChunks, MAX_BODY } from "../../src/firmware/frames.ts";

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(chunks));
}

function head(headerLength: number, bodyLength: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setUint32(0, headerLength, true);
  new DataView(bytes.buffer).setUint32(4, bodyLength, true);
  return bytes;
}

describe("frames", () => {
  it("are lengths, header and body", () => {
    const bytes = joined(frameChunks({ a: 1 }, [Uint8Array.of(1, 2), new Uint8Array(), Uint8Array.of(3)]));
    expect([...bytes]).toEqual([7, 0, 0, 0, 3, 0, 0, 0, ...new TextEncoder().encode('{"a":1}'), 1, 2, 3]);
  });

  it("come out as they went in, wherever the stream is cut", () => {
    const frame = fc.record({ header: fc.record({ n: fc.nat(), s: fc.string() }), body: fc.uint8Array() });
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 5 }),
        fc.array(fc.integer({ min: 1, max: 40 })),
        (frames, cuts) => {
          let stream = joined(frames.flatMap(({ header, body }) => frameChunks(header, [body])));
          const reader = new FrameReader();
          const out: unknown[] = [];
          for (const cut of [...cuts, stream.length]) {
            out.push(...(reader.push(stream.subarray(0, cut)) ?? ["broken"]));
            stream = stream.subarray(cut);
          }
          expect(out).toEqual(frames);
        },
      ),
    );
  });

  it("end the stream when a length is out of range or the header is not JSON", () => {
    expect(new FrameReader().push(head(0, 0))).toBeNull();
    expect(new FrameReader().push(head(65_537, 0))).toBeNull();
    expect(new FrameReader().push(head(2, MAX_BODY + 1))).toBeNull();
    expect(new FrameReader().push(joined([head(2, 0), Uint8Array.of(0x7b, 0x7b)]))).toBeNull();
    expect(new FrameReader().push(joined([head(1, 0), Uint8Array.of(0xff)]))).toBeNull();
  });
});
