import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { sayFigures } from "../slow/stories/figures.ts";
import { KillStory } from "../slow/stories/kill-story.ts";

const KILLS = 1_000;

it(`1 kill -9 of a real gateway, ${KILLS} times under vouchers and tasks: acknowledged is what is claimed`, async () => {
  const folder = mkdtempSync(join(tmpdir(), "hirewire-soak-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const toll = await KillStory.tell(folder, KILLS);
  sayFigures(toll);
  expect(toll).toMatchObject({ kills: KILLS });
  expect(toll.vouchers).toBeGreaterThan(KILLS);
  expect(toll.paidTasks).toBeGreaterThan(KILLS / 10);
});
