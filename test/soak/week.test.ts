import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { sayFigures } from "../slow/stories/figures.ts";
import { smallDiskMissing } from "../slow/stories/small-disk.ts";
import { liveWeek } from "../slow/stories/week.ts";

const TASKS = 20_000;
const missing = smallDiskMissing();
if (missing !== null && process.env["CI"] === "true") throw new Error(missing);

it.skipIf(missing !== null)(
  `a week of ${TASKS} tasks, whatever comes between${missing ? ` (${missing})` : ""}`,
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "hirewire-week-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const figures = await liveWeek(folder, { tasks: TASKS, diskMiB: 768 });
    sayFigures(figures);
    expect(figures.tasks).toBe(TASKS);
  },
);
