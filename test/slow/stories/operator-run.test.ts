import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { sayFigures } from "./figures.ts";
import { operatorRun } from "./operator-run.ts";

it("an operator with the command line alone: blocks of 2 s, a reorganization, 500 vouchers, books agree", async () => {
  const folder = mkdtempSync(join(tmpdir(), "hirewire-operator-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const plan = { blockTime: 2, confirmations: 2, vouchers: 500, tasks: 10 };
  const outcome = await operatorRun(folder, plan);
  sayFigures(outcome);
  expect(outcome).toMatchObject({ tasks: plan.tasks });
  expect(outcome.claims).toBeGreaterThanOrEqual(2);
  expect(outcome.fees).toBeGreaterThan(0n);
});
