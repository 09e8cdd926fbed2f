import { describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import type { Frame } from "../../../src/link/serial/frame.ts";
import { FrameReader } from "../../../src/link/serial/frame-reader.ts";
import { emptyStatistics } from "../../../src/link/serial/statistics.ts";
import { isEmulatorAbsent, whyAbsent } from "../../board/emulator.ts";
import type { Direction } from "../../serial-cable/direction.ts";
import { hasSocat } from "../../serial-cable/serial-cable.ts";
import { until } from "../../serial-cable/until.ts";
import { randomFrom } from "../exchange/random.ts";
import { sayFigures } from "../stories/figures.ts";
import { BoardOnCable } from "./board-on-cable.ts";
import { passing } from "./passing.ts";

const RESETS = 20;
const POWER_CUTS = 5;
/** Of a supply that sags under the board's own current, milliseconds apart. */
const BROWN_OUTS = { count: 30, mostMs: 60 } as const;
const REBOOT_MS = 2_000;

const isAbsent = isEmulatorAbsent || !hasSocat;
const why = hasSocat ? whyAbsent : " (skipped: apt install socat)";

describe.skipIf(isAbsent)(`failure 7: the board reboots while its cable stays${why}`, () => {
  it("in the middle of tasks and in a brown-out loop: a new session on the open port, and nobody pays twice", async () => {
    const random = randomFrom(7);
    const story = await BoardOnCable.open({ wallet: "kept", jobs: 100, seed: 7 });
    onTestFinished(() => story.market.close());
    const { cable, board, market } = story;
    await story.work(1);
    const faults = market.faults.length;
    const rebooted: number[] = [];
    const reboot = async (how: () => Promise<void>) => {
      const [sessions, at] = [story.sessions, performance.now()];
      await how();
      rebooted.push((await until(() => story.sessions > sessions)) - at);
    };
    for (let reset = 0; reset < RESETS; reset++) {
      await passing(cable.up, null, random.below(3_000), 400);
      await reboot(() => board.reset());
    }
    for (let cut = 0; cut < POWER_CUTS; cut++) {
      await passing(cable.up, null, random.below(3_000), 400);
      await board.cutPower();
      await reboot(() => board.powerOn());
    }
    for (let brownOut = 1; brownOut < BROWN_OUTS.count; brownOut++) {
      await board.reset();
      await systemClock.sleep(random.below(BROWN_OUTS.mostMs));
    }
    await reboot(() => board.reset());
    // the gateway has never let go of its port
    expect(market.faults.length).toBe(faults);
    await story.work(2);
    const end = await story.audit();
    const mostMs = Math.max(...rebooted);
    sayFigures({ reboots: rebooted.length, brownOuts: BROWN_OUTS.count, mostMs, ...end });
    expect(mostMs).toBeLessThanOrEqual(REBOOT_MS);
  });

  it("frames of the session before are refused, and the new one goes on", async () => {
    const story = await BoardOnCable.open({ wallet: "kept", jobs: 30, seed: 8 });
    onTestFinished(() => story.market.close());
    const { cable, board } = story;
    await story.work(1);
    const old = await record(cable.up, 4_000);
    const sessions = story.sessions;
    await board.reset();
    await until(() => story.sessions > sessions);
    const answers = framesOf(cable.down);
    for (const frame of old.frames) cable.up.interject(frame.bytes);
    await until(() => answers.frames.some((frame) => frame.type === "reset"));
    const staleTags = new Set(old.frames.map((frame) => frame.session));
    await story.work(2);
    answers.stop();
    const resets = answers.frames.filter(({ type }) => type === "reset");
    expect(resets.every(({ session }) => staleTags.has(session))).toBe(true);
    // it has stayed in the session that was live when they came
    expect(story.sessions).toBe(sessions + 1);
    await story.audit();
  });
});

type Recorded = Frame & { readonly bytes: Buffer };

/** The data frames of the next so many bytes, as they were on the line. */
async function record(way: Direction, bytes: number): Promise<{ readonly frames: Recorded[] }> {
  const read = framesOf(way);
  let carried = way.carried;
  carried += bytes;
  await until(() => way.carried >= carried);
  read.stop();
  return { frames: read.frames.filter(({ type }) => type === "data") };
}

/** Reads along. */
function framesOf(way: Direction) {
  const frames: Recorded[] = [];
  let rest: Buffer = Buffer.alloc(0);
  const reader = new FrameReader(240, emptyStatistics());
  way.watcher = (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    for (let end = rest.indexOf(0); end !== -1; end = rest.indexOf(0)) {
      const wire = rest.subarray(0, end + 1);
      for (const frame of reader.push(wire)) if (frame) frames.push({ ...frame, bytes: Buffer.from(wire) });
      rest = rest.subarray(end + 1);
    }
  };
  const stop = () => {
    way.watcher = null;
  };
  return { frames, stop };
}
