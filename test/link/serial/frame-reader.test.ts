import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeFrame, type Frame, stuffedFrameBytes } from "../../../src/link/serial/frame.ts";
import { FrameReader } from "../../../src/link/serial/frame-reader.ts";
import { emptyStatistics } from "../../../src/link/serial/statistics.ts";
import { anyFrame } from "./any-frame.ts";

const BOOT_LOG = Buffer.from("ets Jun  8 2016 00:22:57\r\nrst:0x1 (POWERON_RESET),boot:0x13\r\n");

function frame(sequence: number): Frame {
  return {
    type: "data",
    session: 1,
    sequence,
    acknowledged: 0,
    selective: 0,
    credit: 16,
    payload: Buffer.from(`message ${sequence}`),
  };
}

function reader(mtu = 64) {
  const counts = emptyStatistics();
  return { reader: new FrameReader(mtu, counts), counts };
}

const sequences = (found: (Frame | undefined)[]) => found.map((one) => one?.sequence);

describe("frame reader", () => {
  it("reads one frame, and two at once", () => {
    const { reader: read, counts } = reader();
    expect(sequences(read.push(encodeFrame(frame(1))))).toEqual([1]);
    expect(sequences(read.push(Buffer.concat([encodeFrame(frame(2)), encodeFrame(frame(3))])))).toEqual([
      2, 3,
    ]);
    expect(counts).toMatchObject({ framesReceived: 3, badFrames: 0, discardedBytes: 0 });
  });

  it("reads the same frames however the bytes are split", () => {
    const splits = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 });
    fc.assert(
      fc.property(fc.array(anyFrame, { minLength: 1, maxLength: 5 }), splits, (frames, sizes) => {
        const wire = Buffer.concat(frames.map(encodeFrame));
        const { reader: read, counts } = reader(240);
        const found: (Frame | undefined)[] = [];
        for (let at = 0, turn = 0; at < wire.length; turn++) {
          const size = sizes[turn % sizes.length] ?? 1;
          found.push(...read.push(wire.subarray(at, at + size)));
          at += size;
        }
        expect(found.map((one) => [...(one?.payload ?? [])])).toEqual(frames.map((one) => [...one.payload]));
        expect(counts).toMatchObject({ framesReceived: frames.length, badFrames: 0, discardedBytes: 0 });
      }),
    );
  });

  it("finds the frames after a boot log and between noise", () => {
    const { reader: read, counts } = reader();
    const noise = Buffer.from([0xff, 0x80, 0x13]);
    const wire = [BOOT_LOG, [0], encodeFrame(frame(1)), [0, 0], noise, [0], encodeFrame(frame(2))];
    expect(sequences(read.push(Buffer.concat(wire.map((part) => Buffer.from(part)))))).toEqual([
      undefined,
      1,
      undefined,
      2,
    ]);
    expect(counts).toMatchObject({ badFrames: 2, discardedBytes: BOOT_LOG.length + noise.length });
  });

  it("drops a frame with a wrong CRC, and a lost zero costs the two frames beside it", () => {
    const { reader: read, counts } = reader();
    const broken = encodeFrame(frame(1));
    broken[8] = (broken[8] ?? 0) ^ 0x40;
    expect(sequences(read.push(broken))).toEqual([undefined]);
    const joined = Buffer.concat([encodeFrame(frame(2)).subarray(0, -1), encodeFrame(frame(3))]);
    expect(sequences(read.push(joined))).toEqual([undefined]);
    expect(sequences(read.push(encodeFrame(frame(4))))).toEqual([4]);
    expect(counts).toMatchObject({ badFrames: 2, discardedBytes: broken.length - 1 + joined.length - 1 });
  });

  it("refuses a valid frame above its mtu", () => {
    const { reader: read, counts } = reader(16);
    const long = encodeFrame({ ...frame(1), payload: Buffer.alloc(17, 1) });
    expect(sequences(read.push(long))).toEqual([undefined]);
    expect(counts.discardedBytes).toBe(stuffedFrameBytes(17));
  });

  it("accounts for every byte of any noise and frame", () => {
    const part = fc.oneof(
      fc.uint8Array({ maxLength: 400 }).map((noise) => ({ bytes: noise, isFrame: false })),
      anyFrame.map((one) => ({ bytes: encodeFrame(one), isFrame: true })),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
        const { reader: read, counts } = reader(240);
        const wire = Buffer.concat([...parts.map((one) => one.bytes), Buffer.of(0)]);
        const found = read.push(wire).filter((one) => one !== undefined);
        const inFrames = found.reduce((sum, one) => sum + stuffedFrameBytes(one.payload.length), 0);
        expect(inFrames + counts.discardedBytes).toBe(wire.filter((byte) => byte !== 0).length);
        expect(counts.framesReceived).toBe(found.length);
      }),
    );
  });
});
