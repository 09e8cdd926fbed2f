/** Failure test 1, with real processes: no SIGKILL loses or doubles anything that was acknowledged. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { sayFigures } from "./figures.ts";
import { KillStory } from "./kill-story.ts";

const KILLS = 25;

it(`1 kill -9 of a real gateway, ${KILLS} times under vouchers and tasks: acknowledged is what is claimed`, {
  timeout: 600_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), "hirewire-sigkill-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const toll = await KillStory.tell(folder, KILLS);
  sayFigures(toll);
  expect(toll.kills).toBe(KILLS);
  expect(toll.vouchers).toBeGreaterThan(KILLS);
  expect(toll.paidTasks).toBeGreaterThan(0);
});
