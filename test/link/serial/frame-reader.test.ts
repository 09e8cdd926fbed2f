import { crc32 } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeCobs } from "../../../src/link/serial/cobs.ts";
import { encodeFrame, type Frame, stuffedFrameBytes } from "../../../src/link/serial/frame.ts";
import { FrameReader } from "../../../src/link/serial/frame-reader.ts";
import { emptyStatistics } from "../../../src/link/serial/statistics.ts";
import { anyFrame } from "./any-frame.ts";

const BOOT_LOG = Buffer.from("ets Jun  8 2016 00:22:57\r\nrst:0x1 (POWERON_RESET),boot:0x13\r\n");

const NOTHING = emptyStatistics().discarded;

/** Stuffed bytes with a CRC that matches. */
function checked(body: number[]): Uint8Array {
  const check = Buffer.alloc(4);
  check.writeUInt32LE(crc32(Buffer.from(body)));
  return encodeCobs(Buffer.from([...body, ...check]));
}

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
    expect(counts).toMatchObject({ framesReceived: 3, badFrames: 0, discarded: NOTHING });
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
        expect(counts).toMatchObject({ framesReceived: frames.length, badFrames: 0, discarded: NOTHING });
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
    const discarded = { ...NOTHING, beforeSync: BOOT_LOG.length, badStuffing: noise.length };
    expect(counts).toMatchObject({ badFrames: 2, delimiterBytes: 6, discarded });
  });

  it("drops a frame with a wrong CRC, and a lost zero costs the two frames beside it", () => {
    const { reader: read, counts } = reader();
    read.push(encodeFrame(frame(0)));
    const broken = encodeFrame(frame(1));
    broken[8] = (broken[8] ?? 0) ^ 0x40;
    expect(sequences(read.push(broken))).toEqual([undefined]);
    const joined = Buffer.concat([encodeFrame(frame(2)).subarray(0, -1), encodeFrame(frame(3))]);
    expect(sequences(read.push(joined))).toEqual([undefined]);
    expect(sequences(read.push(encodeFrame(frame(4))))).toEqual([4]);
    const discarded = { ...NOTHING, badCheck: broken.length - 1 + joined.length - 1 };
    expect(counts).toMatchObject({ badFrames: 2, discarded });
  });

  it("refuses a valid frame above its mtu", () => {
    const { reader: read, counts } = reader(16);
    const long = encodeFrame({ ...frame(1), payload: Buffer.alloc(17, 1) });
    expect(sequences(read.push(long))).toEqual([undefined]);
    expect(counts.discarded.beforeSync).toBe(stuffedFrameBytes(17));
  });

  it("counts a run that is longer than any frame while it comes: text may have no end", () => {
    const { reader: read, counts } = reader(16);
    read.push(encodeFrame(frame(1)).subarray(0, -1));
    read.push(Buffer.of(0));
    for (let sent = 1; sent <= 100; sent++) {
      expect(read.push(BOOT_LOG)).toEqual([]);
      expect(counts.discarded).toEqual({ ...NOTHING, tooLong: sent * BOOT_LOG.length });
    }
    expect(read.pendingBytes).toBe(0);
    expect(sequences(read.push(Buffer.concat([Buffer.of(0), encodeFrame(frame(2))])))).toEqual([
      undefined,
      2,
    ]);
    expect(counts).toMatchObject({ badFrames: 1, framesReceived: 2 });
  });

  it("says for each broken run what was wrong with it", () => {
    const { reader: read, counts } = reader(16);
    const discarded = { ...NOTHING };
    const push = (bytes: Uint8Array) => read.push(Buffer.concat([bytes, Buffer.of(0)]));
    push(encodeFrame({ ...frame(1), payload: Buffer.alloc(16) }));
    push(encodeFrame({ ...frame(1), payload: Buffer.alloc(17, 1) }));
    expect(counts.discarded).toEqual(Object.assign(discarded, { tooLong: stuffedFrameBytes(17) }));
    push(Buffer.from([9, 1, 1]));
    push(Buffer.from([1, 1, 1, 1]));
    expect(counts.discarded).toEqual(Object.assign(discarded, { badStuffing: 7 }));
    push(Buffer.from("a line of text that ends"));
    const flipped = encodeFrame({ ...frame(1), payload: Buffer.alloc(4, 7) }).subarray(0, -1);
    flipped[8] = (flipped[8] ?? 0) ^ 1;
    push(flipped);
    expect(counts.discarded).toEqual(Object.assign(discarded, { badStuffing: 31, badCheck: flipped.length }));
    push(checked([7, 1, 1, 0, 0, 0]));
    push(checked([(17 << 3) | 1, 1, 1, 0, 0, 0]));
    expect(counts.discarded).toEqual(Object.assign(discarded, { unknownType: 22 }));
    read.push(Buffer.from([5, 6, 7]));
    expect(read.pendingBytes).toBe(3);
    read.close();
    expect(counts.discarded).toEqual(Object.assign(discarded, { unfinished: 3 }));
    expect(counts.framesReceived).toBe(1);
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
        const discarded = Object.values(counts.discarded).reduce((sum, bytes) => sum + bytes);
        expect(counts.frameBytes).toBe(inFrames);
        expect(counts.delimiterBytes).toBe(wire.filter((byte) => byte === 0).length);
        expect(inFrames + counts.delimiterBytes + discarded).toBe(wire.length);
        expect(counts).toMatchObject({ framesReceived: found.length, bytesReceived: wire.length });
      }),
    );
  });
});
