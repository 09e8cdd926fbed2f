import { describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import { isEmulatorAbsent, whyAbsent } from "../../board/emulator.ts";
import type { Noise } from "../../serial-cable/noise.ts";
import { hasSocat } from "../../serial-cable/serial-cable.ts";
import { until } from "../../serial-cable/until.ts";
import { sayFigures } from "../stories/figures.ts";
import { BoardOnCable } from "./board-on-cable.ts";

const NOISES: readonly (readonly [string, Noise])[] = [
  ["bit errors 1e-5", { bitErrorRate: 1e-5 }],
  ["bit errors 1e-4", { bitErrorRate: 1e-4 }],
  ["bit errors 1e-3", { bitErrorRate: 1e-3 }],
  ["byte drops 1e-3", { dropRate: 1e-3 }],
  ["inserted bytes 1e-3", { insertRate: 1e-3 }],
  ["short bursts", { burstRate: 2e-4, burstBytes: 60 }],
];
/** Jobs under each. */
const JOBS = 2;
const BURST_MS = 10_000;
const BACK_MS = 3_000;
const LOG_EVERY_MS = 40;
const LOG = "ets Jun  8 2016 00:22:57\r\nrst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n";

const isAbsent = isEmulatorAbsent || !hasSocat;
const why = hasSocat ? whyAbsent : " (skipped: apt install socat)";

describe.skipIf(isAbsent)(`failure 5: noise on the board's line${why}`, () => {
  it("bit errors, drops, inserts, bursts, a boot log between frames: every output is right to the bit", async () => {
    const story = await BoardOnCable.open({ wallet: "own", jobs: 60, seed: 5 });
    onTestFinished(() => story.market.close());
    const { cable } = story;
    await story.work(1);
    const seconds: Record<string, number> = {};
    for (const [name, noise] of NOISES) {
      const [from, harm] = [performance.now(), cable.up.harm + cable.down.harm];
      cable.noise = noise;
      await story.work(JOBS);
      seconds[name] = (performance.now() - from) / 1_000;
      if (name !== "bit errors 1e-5") expect(cable.up.harm + cable.down.harm, name).toBeGreaterThan(harm);
    }
    cable.noise = {};
    await withLogs(story, () => story.work(JOBS));
    const sessions = story.sessions;
    cable.noise = { bitErrorRate: 0.5 };
    await systemClock.sleep(BURST_MS);
    cable.noise = {};
    const from = performance.now();
    await until(() => story.sessions > sessions);
    const backMs = performance.now() - from;
    await story.work(JOBS);
    sayFigures({ ...seconds, backMs, sessions: story.sessions, ...(await story.audit()) });
    expect(backMs).toBeLessThanOrEqual(BACK_MS);
  });
});

/** The board prints on its line all the time: mostly as it should, with a zero after it. */
async function withLogs(story: BoardOnCable, work: () => Promise<void>): Promise<void> {
  let lines = 0;
  let cancel = () => {};
  const print = () => {
    story.cable.up.interject(++lines % 4 === 0 ? LOG : `${LOG}\0`);
    cancel = systemClock.after(LOG_EVERY_MS, print);
  };
  print();
  await work().finally(cancel);
  expect(lines).toBeGreaterThan(5);
}
