/** What the board's slow tests show of a minute, for longer, and with all faults at once. */
import { describe, expect, it, onTestFinished } from "vitest";
import { isEmulatorAbsent, whyAbsent } from "../board/emulator.ts";
import { hasSocat } from "../serial-cable/serial-cable.ts";
import { BoardOnCable } from "../slow/board/board-on-cable.ts";
import { pullOften } from "../slow/board/pulls.ts";
import { randomFrom } from "../slow/exchange/random.ts";
import { sayFigures } from "../slow/stories/figures.ts";

const ROUNDS = 20;
const PULLS = 50;
const RESETS = 10;
const NOISE = { bitErrorRate: 1e-4, dropRate: 1e-4, insertRate: 1e-4, burstRate: 1e-5 };

const isAbsent = isEmulatorAbsent || !hasSocat;
const why = hasSocat ? whyAbsent : " (skipped: apt install socat)";

describe.skipIf(isAbsent)(`a board's hard life${why}`, () => {
  it.each(["kept", "own"] as const)(
    "with its %s wallet: noise, pulls and resets, and the books agree",
    async (wallet) => {
      const seed = Math.floor(Math.random() * 2 ** 31);
      const random = randomFrom(seed);
      const story = await BoardOnCable.open({ wallet, jobs: 4_000, seed });
      onTestFinished(() => story.market.close());
      await story.work(1);
      story.cable.noise = NOISE;
      const from = performance.now();
      let [noticedMs, readyMs] = [0, 0];
      for (let round = 0; round < ROUNDS; round++) {
        const pulls = await pullOften(story, PULLS, random);
        noticedMs = Math.max(noticedMs, pulls.noticedMs);
        readyMs = Math.max(readyMs, pulls.readyMs);
        for (let reset = 0; reset < RESETS; reset++) {
          await story.board.reset();
          await story.work(random.below(2));
        }
      }
      const minutes = (performance.now() - from) / 60_000;
      const end = await story.audit();
      sayFigures({
        wallet,
        seed,
        minutes,
        pulls: ROUNDS * PULLS,
        resets: ROUNDS * RESETS,
        noticedMs,
        readyMs,
        ...end,
      });
      expect(end.paid).toBeGreaterThan(ROUNDS);
    },
  );
});
