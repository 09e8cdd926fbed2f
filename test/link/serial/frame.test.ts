import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeFrame, encodeFrame, type Frame, stuffedFrameBytes } from "../../../src/link/serial/frame.ts";
import { decodeHello, encodeHello } from "../../../src/link/serial/hello.ts";
import { anyFrame } from "./any-frame.ts";

describe("frame", () => {
  it("has the documented bytes on the wire", () => {
    const frame: Frame = {
      type: "data",
      session: 0xab,
      sequence: 7,
      acknowledged: 3,
      selective: 0x0005,
      credit: 16,
      payload: Buffer.from("hi"),
    };
    // python3 -c "import struct,zlib; b=struct.pack('<BBBBH',1|16<<3,0xab,7,3,5)+b'hi'; print((b+struct.pack('<I',zlib.crc32(b))).hex())"
    const plain = "81ab070305006869b05f2e4b";
    // The one zero, at offset 5, becomes the second block's code.
    const stuffed = `06${plain.slice(0, 10)}07${plain.slice(12)}00`;
    expect(Buffer.from(encodeFrame(frame)).toString("hex")).toBe(stuffed);
  });

  it("gives back every frame, within the longest stuffed length", () => {
    fc.assert(
      fc.property(anyFrame, (frame) => {
        const wire = encodeFrame(frame);
        expect(wire.indexOf(0)).toBe(wire.length - 1);
        expect(wire.length - 1).toBeLessThanOrEqual(stuffedFrameBytes(frame.payload.length));
        const read = decodeFrame(wire.subarray(0, -1));
        expect({ ...read, payload: [...(read?.payload ?? [])] }).toEqual({
          ...frame,
          payload: [...frame.payload],
        });
      }),
    );
  });

  it("refuses a frame with any one bit flipped", () => {
    fc.assert(
      fc.property(anyFrame, fc.nat(), (frame, at) => {
        const stuffed = encodeFrame(frame).slice(0, -1);
        const bit = at % (stuffed.length * 8);
        stuffed[bit >> 3] = (stuffed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(decodeFrame(stuffed)).toBeUndefined();
      }),
    );
  });

  it("refuses what is too short to be a frame", () => {
    expect(decodeFrame(Uint8Array.of(5, 1, 2, 3, 4))).toBeUndefined();
  });
});

describe("hello", () => {
  it("has the documented bytes", () => {
    expect(Buffer.from(encodeHello({ session: 0x12345678, mtu: 64 })).toString("hex")).toBe("017856341240");
  });

  it("gives back every session id and size", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        fc.integer({ min: 1, max: 240 }),
        (session, mtu) => {
          expect(decodeHello(encodeHello({ session, mtu }))).toEqual({ session, mtu });
        },
      ),
    );
  });

  it("refuses another version, another length and an impossible size", () => {
    expect(decodeHello(Buffer.from("027856341240", "hex"))).toBeUndefined();
    expect(decodeHello(Buffer.from("01785634124000", "hex"))).toBeUndefined();
    expect(decodeHello(Buffer.from("017856341200", "hex"))).toBeUndefined();
    expect(decodeHello(Buffer.from("0178563412f1", "hex"))).toBeUndefined();
  });
});
