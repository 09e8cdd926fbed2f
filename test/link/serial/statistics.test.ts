import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeFrame, type Frame } from "../../../src/link/serial/frame.ts";
import { encodeHello } from "../../../src/link/serial/hello.ts";
import { SerialLink } from "../../../src/link/serial/reliable.ts";
import type { LinkStatistics } from "../../../src/link/serial/statistics.ts";
import { anyFrame } from "./any-frame.ts";
import { pair } from "./link-pair.ts";
import { seededBytes } from "./noisy-line.ts";
import { VirtualClock } from "./virtual-clock.ts";

const sum = (counts: object): number => Object.values(counts).reduce((total, count) => total + count, 0);

/** Every byte that came is in exactly one of the counters. */
function expectConserved(statistics: LinkStatistics): void {
  const { bytesReceived, delimiterBytes, frameBytes, discarded } = statistics;
  expect(delimiterBytes + frameBytes + sum(discarded)).toBe(bytesReceived);
  for (const count of [delimiterBytes, frameBytes, ...Object.values(discarded)]) {
    expect(count).toBeGreaterThanOrEqual(0);
  }
}

/** A gateway's end of the link that is told what comes. */
function gatewayEnd() {
  const clock = new VirtualClock();
  let hear = (_bytes: Uint8Array) => {};
  const port = {
    write: () => {},
    onBytes: (listener: typeof hear) => {
      hear = listener;
    },
  };
  const link = new SerialLink({
    ...{ port, clock, role: "gateway", baud: 115_200, mtu: 240 },
    onSession: (stream) => void stream.on("data", () => {}),
  });
  link.start();
  return { link, hear: (bytes: Uint8Array) => hear(bytes) };
}

const syn = fc.integer({ min: 0, max: 1 }).map((session): Frame => {
  const payload = encodeHello({ session, mtu: 240 });
  return { type: "syn", session, sequence: 0, acknowledged: 0, selective: 0, credit: 16, payload };
});

/** Data of one of the few sessions that {@link syn} begins, often in order, often again. */
const nearData = fc.tuple(fc.integer({ min: 0, max: 1 }), fc.integer({ min: 0, max: 3 })).map(
  ([session, sequence]): Frame => ({
    ...{ type: "data", session, sequence, acknowledged: 0, selective: 0, credit: 16 },
    payload: Buffer.alloc(sequence + 1, sequence),
  }),
);

const part = fc.oneof(
  fc.uint8Array({ maxLength: 400 }),
  fc.string({ maxLength: 60 }).map((text) => Buffer.from(text)),
  anyFrame.map(encodeFrame),
  fc.constant(Buffer.of(0)),
  syn.map(encodeFrame),
  nearData.map(encodeFrame),
);

const hello: Frame = {
  ...{ type: "syn", session: 1, sequence: 0, acknowledged: 0, selective: 0, credit: 16 },
  payload: encodeHello({ session: 1, mtu: 240 }),
};
const letter: Frame = { ...hello, type: "data", payload: Buffer.from("letter") };

describe("what became of every byte", () => {
  it("is told of whole frames that came in vain", () => {
    const { link, hear } = gatewayEnd();
    for (const frame of [hello, letter]) hear(encodeFrame(frame));
    const { statistics } = link;
    const taken = encodeFrame(hello).length + encodeFrame(letter).length - 2;
    expect(statistics).toMatchObject({ frameBytes: taken, discarded: { refused: 0, duplicate: 0 } });
    const bytes = encodeFrame(letter).length - 1;
    hear(encodeFrame(letter));
    expect(statistics).toMatchObject({ frameBytes: taken, discarded: { refused: 0, duplicate: bytes } });
    hear(encodeFrame({ ...letter, session: 2 }));
    expect(statistics).toMatchObject({ frameBytes: taken, discarded: { refused: bytes, duplicate: bytes } });
    expect(statistics).toMatchObject({ framesReceived: 4, refusedFrames: 1, duplicateFrames: 1 });
    link.close();
    hear(encodeFrame(letter));
    expect(statistics.discarded.closed).toBe(bytes);
    expectConserved(statistics);
  });

  it("is known, whatever comes and whenever the line is closed", () => {
    const seen = { refused: 0, frameBytes: 0 };
    fc.assert(
      fc.property(fc.array(part, { maxLength: 30 }), fc.nat({ max: 30 }), (parts, closeAt) => {
        const { link, hear } = gatewayEnd();
        for (const [index, bytes] of parts.entries()) {
          if (index === closeAt) link.close();
          hear(bytes);
        }
        link.close();
        const { statistics } = link;
        expect(statistics.bytesReceived).toBe(parts.reduce((total, bytes) => total + bytes.length, 0));
        expectConserved(statistics);
        seen.refused += statistics.discarded.refused;
        seen.frameBytes += statistics.frameBytes;
      }),
      { numRuns: 300 },
    );
    // A law that never met them would say nothing about them.
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(0);
  });

  it("is known on both ends of a noisy line that carries a stream", async () => {
    const noise = { bitErrorRate: 1e-3, dropRate: 1e-4 };
    const { clock, board, gateway, connect } = pair({ noise, seed: 7 });
    const arrived = [0, 0];
    for (const [at, { port }] of [board, gateway].entries()) {
      port.tap = (bytes) => {
        arrived[at] = (arrived[at] ?? 0) + bytes.length;
        return bytes;
      };
    }
    await connect();
    let length = 0;
    gateway.live().on("data", (bytes: Buffer) => {
      length += bytes.length;
    });
    board.live().write(seededBytes(3, 20_000));
    await clock.runUntil(() => length === 20_000);
    for (const { link } of [board, gateway]) {
      link.close();
      expectConserved(link.statistics);
    }
    const ends = [board, gateway].map(({ link }) => link.statistics);
    expect(ends.map(({ bytesReceived }) => bytesReceived)).toEqual(arrived);
    expect(ends[1]?.discarded.badCheck).toBeGreaterThan(1_000);
  });
});
