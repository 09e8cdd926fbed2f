import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ReplyReader } from "../../src/firmware/executor/reply-reader.ts";
import {
  MAX_REQUEST_BYTES,
  type OutlineBody,
  READY,
  REPLY_HEAD,
  REQUEST_HEAD,
  type ReplyHead,
  type RequestHead,
  readOutline,
  readReplyHead,
  readRequestHead,
  requestBytes,
  requestLength,
  slabOf,
  VERDICTS,
  writeOutline,
  writeReplyHead,
  writeRequestHead,
} from "../../src/firmware/frames.ts";

const u32 = fc.nat({ max: 0xffff_ffff });
const bytes = fc.nat({ max: 2 ** 26 });
const fuel = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
const requestHead: fc.Arbitrary<RequestHead> = fc.record({
  ...{
    number: u32,
    op: fc.constantFrom("run", "verify", "inspect"),
    isAwaited: fc.boolean(),
    hasModule: fc.boolean(),
  },
  ...{ moduleBytes: bytes, inputBytes: bytes, outputBytes: bytes },
  ...{ maxOutput: u32, wallMs: u32, fuelLimit: fuel, hash },
});
const replyHead: fc.Arbitrary<ReplyHead> = fc.record({
  ...{ length: u32, number: u32, verdict: fc.constantFrom(...VERDICTS), valid: fc.boolean(), fuel },
});

function reply(head: ReplyHead, body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(REPLY_HEAD + body.length);
  writeReplyHead(slabOf(frame), 0, head);
  frame.set(body, REPLY_HEAD);
  return frame;
}

describe("requests", () => {
  it("are laid out as described", () => {
    const frame = new Uint8Array(REQUEST_HEAD + 2).fill(0xee);
    const head = {
      ...({ number: 0x0403_0201, op: "verify", isAwaited: true, hasModule: true } as const),
      ...{ moduleBytes: 0x10, inputBytes: 0x20, outputBytes: 0x30 },
      ...{ maxOutput: 0x0100, wallMs: 0x0200, fuelLimit: 2 ** 40 + 5, hash: new Uint8Array(32).fill(9) },
    };
    writeRequestHead(slabOf(frame), 1, head);
    expect([...frame]).toEqual([
      ...[0xee, 0x60, 0, 0, 0, 1, 2, 3, 4, 2, 1, 1, 0, 0, 0, 0, 0],
      ...[0x10, 0, 0, 0, 0x20, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 5, 0, 0, 0, 0, 1, 0, 0],
      ...new Array<number>(32).fill(9),
      0xee,
    ]);
    expect(requestLength(head)).toBe(0x60);
    expect(requestBytes(slabOf(frame), 1)).toBe(REQUEST_HEAD + 0x60);
  });

  it("come out as they went in, at any offset", () => {
    fc.assert(
      fc.property(requestHead, fc.nat({ max: 9 }), (head, at) => {
        const frame = new Uint8Array(at + REQUEST_HEAD);
        writeRequestHead(slabOf(frame), at, head);
        const isPossible = requestLength(head) <= MAX_REQUEST_BYTES;
        expect(readRequestHead(slabOf(frame), at)).toEqual(isPossible ? head : null);
      }),
    );
  });

  it("are none when nothing known is asked, or when they have too many bytes or fewer than their parts", () => {
    const good = new Uint8Array(REQUEST_HEAD);
    good[8] = 1;
    expect(readRequestHead(slabOf(good), 0)).toMatchObject({ op: "run" });
    for (const [at, value] of [
      [8, 0],
      [8, 4],
      [16, 1],
      [20, 1],
      [3, 0xff],
    ] as const) {
      expect(readRequestHead(slabOf(good.with(at, value)), 0)).toBeNull();
    }
  });
});

describe("replies", () => {
  it("are laid out as described", () => {
    const head = { length: 3, number: READY, verdict: "deadline", valid: true, fuel: 2 ** 33 + 1 } as const;
    expect([...reply(head, new Uint8Array())]).toEqual([
      ...[3, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 7, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0],
    ]);
  });

  it("come out as they went in, wherever the stream is cut", () => {
    const frames = fc.array(fc.tuple(replyHead, fc.uint8Array()), { maxLength: 6 });
    fc.assert(
      fc.property(frames, fc.array(fc.integer({ min: 1, max: 60 })), (pairs, cuts) => {
        const sent = pairs.map(([head, body]) => ({ ...head, length: body.length, body }));
        let stream = new Uint8Array(Buffer.concat(sent.map((each) => reply(each, each.body))));
        const heads: number[] = [];
        const taken: unknown[] = [];
        const reader = new ReplyReader({
          accepts: ({ number }) => heads.push(number) > 0,
          take: (head, body) => taken.push({ ...head, body }),
        });
        for (const cut of [...cuts, stream.length]) {
          expect(reader.push(stream.subarray(0, cut))).toBe(true);
          stream = stream.subarray(cut);
        }
        expect(taken).toEqual(sent);
        expect(heads).toEqual(sent.map(({ number }) => number));
      }),
    );
  });

  it("are none with an unknown verdict or another answer than yes or no", () => {
    const good = reply({ length: 0, number: 0, verdict: "ok", valid: false, fuel: 0 }, new Uint8Array());
    expect(readReplyHead(slabOf(good.with(8, VERDICTS.length)), 0)).toBeNull();
    expect(readReplyHead(slabOf(good.with(9, 2)), 0)).toBeNull();
    const taken: ReplyHead[] = [];
    const reader = new ReplyReader({ accepts: () => true, take: (head) => taken.push(head) });
    expect(reader.push(good.with(8, VERDICTS.length))).toBe(false);
    expect(taken).toEqual([]);
  });

  it("get no room before their heads are accepted", () => {
    const huge = { length: 0xffff_ffff, number: 1, verdict: "ok", valid: false, fuel: 0 } as const;
    const reader = new ReplyReader({ accepts: ({ length }) => length < 1000, take: () => {} });
    expect(reader.push(reply(huge, new Uint8Array()))).toBe(false);
  });

  it("keep a fuel that is no safe integer from passing for one", () => {
    const frame = reply({ length: 0, number: 0, verdict: "ok", valid: false, fuel: 0 }, new Uint8Array());
    frame.fill(0xff, 16);
    expect(Number.isSafeInteger(readReplyHead(slabOf(frame), 0)?.fuel)).toBe(false);
  });
});

describe("outlines", () => {
  const outline: fc.Arbitrary<OutlineBody> = fc.record({
    profile: fc.constantFrom("task/1", "wasi-stdio/1"),
    memoryMiB: fc.constantFrom(1, 16, 64),
    hasVerify: fc.boolean(),
    ...{ pages: u32, functions: u32, meteredBytes: u32, metered: hash },
  });

  it("come out as they went in", () => {
    fc.assert(
      fc.property(outline, (each) => {
        expect(readOutline(writeOutline(each))).toEqual(each);
      }),
    );
  });

  it("are none with another length, profile, memory class or answer", () => {
    const [sample] = fc.sample(outline, 1);
    if (sample === undefined) throw new Error("no sample");
    const good = writeOutline(sample);
    for (const bad of [good.subarray(1), good.with(0, 2), good.with(1, 2), good.with(2, 2)]) {
      expect(readOutline(bad)).toBeNull();
    }
  });
});
