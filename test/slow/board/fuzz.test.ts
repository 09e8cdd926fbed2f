/** A million frames of every kind of nonsense, into the C link under AddressSanitizer and UBSan. */
import { crc32 } from "node:zlib";
import { describe, expect, it } from "vitest";
import { encodeCobs } from "../../../src/link/serial/cobs.ts";
import { decodeFrame } from "../../../src/link/serial/frame.ts";
import { cPair, sha256 } from "../../board/c-pair.ts";
import { isUnbuildable, whyUnbuildable } from "../../board/host-build.ts";
import { collect } from "../../link/serial/link-pair.ts";
import { seededBytes } from "../../link/serial/noisy-line.ts";
import { randomFrom } from "../exchange/random.ts";

type Pair = ReturnType<typeof cPair>;
type Random = ReturnType<typeof randomFrom>;

const TEXT = Buffer.from(
  "ets Jun  8 2016 00:22:57\r\nrst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n",
);
const ZERO = Buffer.of(0);
const SYN = 4;
const RESET = 6;
const HELLO_BYTES = 6;
const CHECK_BYTES = 4;

/** A frame with a good check, whatever stands in it. */
function sealed(body: Buffer): Buffer {
  const check = Buffer.alloc(CHECK_BYTES);
  check.writeUInt32LE(crc32(body));
  return Buffer.concat([encodeCobs(Buffer.concat([body, check])), ZERO]);
}

/** The last whole frames that came to one end of the line, without their zeros. */
class Recorder {
  readonly frames: Buffer[] = [];
  #rest = Buffer.alloc(0);

  constructor(end: Pair["boardEnd"]) {
    end.tap = (bytes) => {
      this.#rest = Buffer.concat([this.#rest, bytes]);
      for (let at = this.#rest.indexOf(0); at !== -1; at = this.#rest.indexOf(0)) {
        if (at > 0) this.frames.push(Buffer.from(this.#rest.subarray(0, at)));
        this.#rest = this.#rest.subarray(at + 1);
      }
      this.frames.splice(0, this.frames.length - 8);
      return bytes;
    };
  }

  /** The next sequence number that the other end wants, as far as this end has heard. */
  acknowledged(tag: number): number | undefined {
    const heard = this.frames.map(decodeFrame).filter((frame) => frame?.session === tag);
    return heard.at(-1)?.acknowledged;
  }

  oneOf(random: Random): Buffer {
    return this.frames[random.below(Math.max(1, this.frames.length))] ?? TEXT;
  }
}

function bytesFrom(random: Random, count: number): Buffer {
  const bytes = Buffer.alloc(count);
  for (let i = 0; i < count; i++) bytes[i] = random.below(256);
  return bytes;
}

/** Something that is no frame: noise, text, and what a bad line makes of frames. */
function broken(random: Random, heard: Recorder): Buffer {
  const kind = random.below(4);
  if (kind === 0) return Buffer.concat([bytesFrom(random, random.below(120)), ZERO]);
  if (kind === 1) return Buffer.concat([TEXT.subarray(random.below(TEXT.length)), ZERO]);
  const frame = Buffer.from(heard.oneOf(random));
  if (kind === 2) return Buffer.concat([frame.subarray(0, random.below(frame.length)), ZERO]);
  for (let change = 0; change <= random.below(3); change++) {
    const at = random.below(frame.length);
    frame[at] = (frame[at] ?? 0) ^ (1 + random.below(255));
  }
  return Buffer.concat([frame, ZERO]);
}

/** A whole frame with any fields, of a session whose tag is another. */
function stray(random: Random, tag: number): Buffer {
  const body = bytesFrom(random, HELLO_BYTES + random.below(64));
  if (body[1] === tag) body[1] = tag ^ 1;
  // A syn of the right length would be a new session, and rightly so.
  if (((body[0] ?? 0) & 7) === SYN && body.length === 2 * HELLO_BYTES) body[0] = RESET;
  return sealed(body);
}

/** A whole frame of the session that acknowledges what was never sent. */
function impossible(random: Random, tag: number, acknowledged: number): Buffer {
  const body = bytesFrom(random, HELLO_BYTES + random.below(64));
  body[0] = (1 + random.below(3)) | (random.below(17) << 3);
  body[1] = tag;
  body[3] = acknowledged + 64 + random.below(128);
  return sealed(body);
}

/** A whole frame of the session with any fields: it may acknowledge, reset and say everything. */
function poison(random: Random, tag: number): Buffer {
  const body = bytesFrom(random, HELLO_BYTES + random.below(65));
  body[0] = random.chance(0.7) ? (1 + random.below(3)) | (random.below(17) << 3) : random.below(256);
  body[1] = tag;
  if (random.chance(0.5)) body[2] = random.below(20);
  if (random.chance(0.5)) body[3] = random.below(20);
  return sealed(body);
}

describe.skipIf(isUnbuildable)(`the link in C, fuzzed${whyUnbuildable}`, () => {
  it("keeps its stream through 800,000 frames that are broken, stray or impossible", async () => {
    const pair = cPair({ baud: 921_600 });
    const random = randomFrom(1);
    const [toBoard, toGateway] = [new Recorder(pair.boardEnd), new Recorder(pair.gatewayEnd)];
    await pair.connect(0x1042);
    // A syn that comes again, once the board has spoken, is a restart.
    toGateway.frames.length = 0;
    pair.board.echo();
    const back = collect(pair.live());
    const sent: Buffer[] = [];
    const nonsense = (count: number, heard: Recorder) => {
      const frames: Buffer[] = [ZERO];
      const acknowledged = heard.acknowledged(0x42);
      for (let i = 0; i < count; i++) {
        const kind = random.below(8);
        if (kind < 3) frames.push(broken(random, heard));
        else if (kind < 6 || acknowledged === undefined) frames.push(stray(random, 0x42));
        else if (kind === 6) frames.push(impossible(random, 0x42, acknowledged));
        else frames.push(Buffer.concat([heard.oneOf(random), ZERO]));
      }
      return Buffer.concat(frames);
    };
    for (let turn = 0; turn < 2_000; turn++) {
      const piece = seededBytes(turn, 100);
      sent.push(piece);
      pair.live().write(piece);
      pair.boardEnd.inject(nonsense(400, toBoard));
      pair.gatewayEnd.inject(nonsense(20, toGateway));
      await pair.clock.run(3);
    }
    const whole = Buffer.concat(sent);
    await pair.clock.runUntil(() => back.length() >= whole.length);
    await pair.clock.run(1_000);
    expect(pair.board.sha256()).toBe(sha256(whole));
    expect(sha256(back.bytes())).toBe(sha256(whole));
    expect([pair.streams.length, pair.board.events]).toEqual([1, ["up"]]);
    const { framesReceived, badFrames, refusedFrames } = pair.board.counters();
    expect(framesReceived + badFrames).toBeGreaterThan(800_000);
    expect(refusedFrames).toBeGreaterThan(300_000);
    expect(badFrames).toBeGreaterThan(200_000);
  });

  it("recovers from 200,000 frames that are the session's own in everything but sense", async () => {
    const pair = cPair({ baud: 921_600 });
    const random = randomFrom(2);
    await pair.connect(0);
    pair.board.echo();
    let injected = 0;
    for (let storm = 0; storm < 200; storm++) {
      for (let turn = 0; turn < 20; turn++) {
        // Sessions count on from 0, so the tag is how many there were.
        const frames = Array.from({ length: 50 }, () => {
          const sessions = pair.board.program.told.get("u") ?? 1;
          return poison(random, (sessions - 1) & 0xff);
        });
        injected += frames.length;
        pair.boardEnd.inject(Buffer.concat([ZERO, ...frames]));
        if (turn % 4 === 0) pair.gatewayEnd.inject(Buffer.concat([ZERO, ...frames.slice(0, 10)]));
        if (pair.streams.length > 0 && !pair.live().destroyed) pair.live().write(bytesFrom(random, 50));
        await pair.clock.run(2);
      }
      if (storm % 10 > 0) continue;
      // Whatever the two believe of each other, a new session is a new beginning.
      await pair.clock.run(4_500);
      await pair.clock.runUntil(() => pair.board.isUp);
      const again = pair.session();
      pair.board.restart();
      await again;
      const back = collect(pair.live());
      const piece = seededBytes(storm, 2_000);
      pair.live().write(piece);
      await pair.clock.runUntil(() => back.length() >= piece.length);
      expect(back.bytes().equals(piece)).toBe(true);
      expect(pair.board.sha256()).toBe(sha256(piece));
    }
    const { framesReceived } = pair.board.counters();
    expect([injected, framesReceived > 190_000]).toEqual([200_000, true]);
  });
});
