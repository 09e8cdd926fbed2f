import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { sayFigures } from "./figures.ts";
import { hasOwnMounts, runWithOwnMounts, smallDiskMissing } from "./small-disk.ts";
import { liveWeek } from "./week.ts";

const TASKS = 2_000;
const missing = smallDiskMissing();

it.runIf(missing !== null && hasOwnMounts())(
  "a week in a minute, as root of a user namespace",
  { timeout: 330_000 },
  async () => {
    process.stdout.write(await runWithOwnMounts(import.meta.filename));
  },
);

it.skipIf(missing !== null)(
  `a week in a minute: ${TASKS} tasks, whatever comes between${missing ? ` (${missing})` : ""}`,
  {
    timeout: 300_000,
  },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "hirewire-week-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const figures = await liveWeek(folder, { tasks: TASKS, diskMiB: 192 });
    sayFigures(figures);
    expect(figures.tasks).toBe(TASKS);
  },
);
