import { describe, expect, it, onTestFinished } from "vitest";
import { isEmulatorAbsent, whyAbsent } from "../../board/emulator.ts";
import { hasSocat } from "../../serial-cable/serial-cable.ts";
import { randomFrom } from "../exchange/random.ts";
import { sayFigures } from "../stories/figures.ts";
import { BoardOnCable } from "./board-on-cable.ts";
import { pullOften } from "./pulls.ts";

const PULLS = 100;
const SOON_MS = 1_000;

const isAbsent = isEmulatorAbsent || !hasSocat;
const why = hasSocat ? whyAbsent : " (skipped: apt install socat)";

describe.skipIf(isAbsent)(`failure 6: the cable is pulled ${PULLS} times${why}`, () => {
  it("at random bytes of tasks, vouchers and blobs: the port is free, and nobody pays twice", async () => {
    const story = await BoardOnCable.open({ wallet: "kept", jobs: 400, seed: 6 });
    onTestFinished(() => story.market.close());
    await story.work(1);
    const { hits, noticedMs, readyMs } = await pullOften(story, PULLS, randomFrom(6));
    await story.work(2);
    const end = await story.audit();
    sayFigures({ pulls: PULLS, ...hits, noticedMs, readyMs, ...end });
    expect(noticedMs).toBeLessThanOrEqual(SOON_MS);
    expect(readyMs).toBeLessThanOrEqual(SOON_MS);
    for (const [what, count] of Object.entries(hits)) expect(count, what).toBeGreaterThanOrEqual(3);
    expect(end.paid).toBeGreaterThanOrEqual(10);
  });
});
