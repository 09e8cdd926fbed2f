import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { sayFigures } from "../slow/stories/figures.ts";
import { KillStory } from "../slow/stories/kill-story.ts";

const KILLS = 1_000;
/** Markets beside each other, each with a chain, a gateway and devices of its own: most of a life is waiting. */
const MARKETS = 4;

it(`1 kill -9 of a real gateway, ${KILLS} times under vouchers and tasks: acknowledged is what is claimed`, async () => {
  const folder = mkdtempSync(join(tmpdir(), "hirewire-soak-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const tolls = await Promise.all(
    Array.from({ length: MARKETS }, async (_, at) => {
      const own = join(folder, String(at));
      mkdirSync(own);
      return await KillStory.tell(own, KILLS / MARKETS);
    }),
  );
  let [kills, vouchers, paidTasks] = [0, 0, 0];
  for (const toll of tolls) {
    sayFigures(toll);
    kills += toll.kills;
    vouchers += toll.vouchers;
    paidTasks += toll.paidTasks;
  }
  expect(kills).toBe(KILLS);
  expect(vouchers).toBeGreaterThan(KILLS);
  expect(paidTasks).toBeGreaterThan(KILLS / 10);
});
