import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { sayFigures } from "../slow/stories/figures.ts";
import { operatorRun } from "../slow/stories/operator-run.ts";

it("an operator with the command line alone: blocks of 12 s, a reorganization, 10,000 vouchers, books agree", async () => {
  const folder = mkdtempSync(join(tmpdir(), "hirewire-soak-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const plan = { blockTime: 12, confirmations: 3, vouchers: 10_000, tasks: 50 };
  const outcome = await operatorRun(folder, plan);
  sayFigures(outcome);
  expect(outcome).toMatchObject({ tasks: plan.tasks });
  expect(outcome.claims).toBeGreaterThanOrEqual(2);
  expect(outcome.fees).toBeGreaterThan(0n);
});
