import { beforeEach, describe, expect, it } from "vitest";
import { Blobs } from "../../../devices/robot/blobs.ts";
import { Events } from "../../../devices/robot/events.ts";
import type { Publish } from "../../../devices/robot/outbox.ts";
import type { Hex } from "../../../src/base/bytes.ts";
import { hashBlob, MAX_BLOB } from "../../../src/blob/blob.ts";
import type { Message } from "../../../src/protocol/message.ts";
import { settled, stateOf } from "../../link/blob-stand.ts";
import { ManualClock } from "./manual-clock.ts";

const CHUNK = 100;
const BYTES = Uint8Array.from({ length: 950 }, (_, at) => at % 251);
const HASH = hashBlob(BYTES);

const clock = new ManualClock();
let blobs: Blobs;
let asked: Message<"blob-get">[] = [];
let given: Message<"blob-data">[] = [];
let ignored: string[] = [];
let isUp = true;

const publish: Publish = (topic, message) => {
  if (isUp && topic === "blob-get") asked.push(message as Message<"blob-get">);
  if (isUp && topic === "blob-data") given.push(message as Message<"blob-data">);
  return isUp;
};

beforeEach(() => {
  const events = new Events();
  events.listen((event) => {
    if (event.kind === "ignored") ignored.push(`${event.topic} ${event.reason}`);
  });
  blobs = new Blobs({ publish, clock, events, chunkBytes: CHUNK });
  [asked, given, ignored, isUp] = [[], [], [], true];
});

function get(hash: Hex, offset: number, length = CHUNK): Message<"blob-get"> {
  return { version: 1, from: "gateway", hash, offset, length };
}

/** The gateway's answer to a request, out of `bytes`. */
function answer({ hash, offset, length }: Message<"blob-get">, bytes = BYTES): Message<"blob-data"> {
  const text = Buffer.from(bytes.subarray(offset, offset + length)).toString("base64");
  return { version: 1, from: "gateway", hash, offset, total: bytes.length, bytes: text };
}

/** Answers every request, one after the other, until none comes. */
function answerAll(bytes = BYTES): void {
  for (let next = asked.shift(); next; next = asked.shift()) blobs.heard(answer(next, bytes));
}

describe("what a device keeps", () => {
  it("goes to its gateway, as it was when it was handed over, until it is released as often", async () => {
    const mine = BYTES.slice();
    const kept = [blobs.keep(mine), blobs.keep(mine)];
    mine.fill(0);
    expect(await Promise.all(kept)).toEqual([HASH, HASH]);
    blobs.asked(get(HASH, 900));
    expect(given).toEqual([{ ...answer(get(HASH, 900)), from: "device" }]);
    blobs.release(HASH);
    blobs.asked(get(HASH, 0));
    expect(given).toHaveLength(2);
    blobs.release(HASH);
    blobs.asked(get(HASH, 0));
    expect(given).toHaveLength(2);
    await settled();
    expect(ignored).toEqual(["blob-get blob_unknown"]);
  });

  it("is all that goes: nothing that it was given, whoever asks", async () => {
    const signal = new AbortController().signal;
    const firmware = blobs.fetchFirmware(HASH, BYTES.length, signal);
    await settled();
    answerAll();
    expect(await firmware).toEqual(BYTES);
    expect(await blobs.fetch(HASH, BYTES.length)).toEqual(BYTES);
    blobs.asked(get(HASH, 0));
    expect(given).toEqual([]);
    await settled();
    expect(ignored).toEqual(["blob-get blob_unknown"]);
  });

  it("ends where it ends", async () => {
    await blobs.keep(BYTES);
    blobs.asked(get(HASH, BYTES.length));
    expect(given).toEqual([]);
    await settled();
    expect(ignored).toEqual(["blob-get blob_unexpected"]);
  });

  it("may be 64 MiB, which are hashed while everything else goes on", async () => {
    const kept = blobs.keep(new Uint8Array(MAX_BLOB));
    let turns = 0;
    while ((await stateOf(kept)) === "pending") turns++;
    const hash = await kept;
    // sha256sum of 64 MiB of zeros
    expect(hash).toBe("0x3b6a07d0d404fab4e23b6d34bc6696a6a312dd92821332385e5af7c01c421351");
    expect(turns).toBeGreaterThanOrEqual(60);
    blobs.asked(get(hash, MAX_BLOB - 10));
    expect(given[0]).toMatchObject({ offset: MAX_BLOB - 10, total: MAX_BLOB });
  });
});

describe("what a device fetches", () => {
  /** A fetch whose first requests are sent. */
  async function begun(total = BYTES.length, signal?: AbortSignal): Promise<{ bytes: Promise<Uint8Array> }> {
    const bytes = blobs.fetch(HASH, total, signal);
    await settled();
    return { bytes };
  }

  it("comes in any order, and twice", async () => {
    const { bytes } = await begun();
    for (;;) {
      const requests = asked.splice(0);
      if (requests.length === 0) break;
      for (const request of [...requests.toReversed(), ...requests]) blobs.heard(answer(request));
    }
    expect(await bytes).toEqual(BYTES);
    // the last chunk's second coming finds nobody who waits, or bytes that are being hashed
    await settled();
    expect(ignored).toEqual([]);
  });

  it("goes on after a cut with what is missing alone", async () => {
    const { bytes } = await begun();
    const [first, lost, ...others] = asked.splice(0);
    if (!first || !lost) throw new Error("nothing was asked for");
    for (const request of [first, ...others]) blobs.heard(answer(request));
    asked = [];
    isUp = false;
    clock.advance(600_000);
    isUp = true;
    blobs.repeat();
    expect(asked.map(({ offset }) => offset)).toContain(lost.offset);
    expect(asked.map(({ offset }) => offset)).not.toContain(first.offset);
    answerAll();
    expect(await bytes).toEqual(BYTES);
  });

  it("is not taken when it hashes to something else", async () => {
    const { bytes } = await begun();
    answerAll(BYTES.with(3, 0));
    await expect(bytes).rejects.toMatchObject({ code: "blob_missing", facts: { code: "hash_mismatch" } });
    const again = await begun();
    answerAll();
    expect(await again.bytes).toEqual(BYTES);
  });

  it("is given up when the gateway keeps silent", async () => {
    const { bytes } = await begun();
    clock.advance(60_000);
    await expect(bytes).rejects.toMatchObject({ code: "blob_missing", facts: { code: "blob_unknown" } });
    expect(asked).toHaveLength(12 * 4);
  });

  it("takes nothing that was not asked for", async () => {
    blobs.heard(answer(get(HASH, 0)));
    const { bytes } = await begun();
    blobs.heard(answer(get(HASH, 800)));
    blobs.heard({ ...answer(get(HASH, 0)), total: BYTES.length + 1 });
    await settled();
    expect(ignored).toEqual(Array(3).fill("blob-data blob_unexpected"));
    answerAll();
    expect(await bytes).toEqual(BYTES);
  });

  it("ends with its signal for the one who waits, and with the last of them for all", async () => {
    const abort = new AbortController();
    const reason = new Error("enough");
    const [one, other] = [await begun(BYTES.length, abort.signal), await begun()];
    const left = expect(one.bytes).rejects.toBe(reason);
    abort.abort(reason);
    await left;
    answerAll();
    expect(await other.bytes).toEqual(BYTES);
    await expect(blobs.fetch(HASH, BYTES.length, abort.signal)).rejects.toBe(reason);
    expect(asked).toEqual([]);
  });

  it("ends when the robot is closed, and nothing is fetched afterwards", async () => {
    const { bytes } = await begun();
    blobs.stop();
    await expect(bytes).rejects.toMatchObject({ code: "link_lost" });
    await expect(blobs.fetch(HASH, BYTES.length)).rejects.toMatchObject({ code: "link_lost" });
  });
});
