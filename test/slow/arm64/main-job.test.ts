/** A gateway and a provider out of the arm64 image do a whole job for money, and all that they say is as it is here. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { emulatedMachine } from "./emulated-machine.ts";
import { HERE, mainJob } from "./main-job.ts";
import { needEmulation } from "./need.ts";

it("the main job on arm64 comes to what it comes to here", async (context) => {
  needEmulation(context);
  const folder = mkdtempSync(join(tmpdir(), "hirewire-arm64-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const [machine, here] = await Promise.all([
    emulatedMachine(join(folder, "machine")),
    mainJob(HERE, join(folder, "here")),
  ]);
  const there = await mainJob(machine, join(folder, "there"));
  expect(there.story).toEqual(here.story);
  const kinds = new Set(there.story.map((text) => Reflect.get(JSON.parse(text), "kind")));
  for (const kind of [
    "offered",
    "bidPlaced",
    "awarded",
    "accepted",
    "delivered",
    "checked",
    "verified",
    "paid",
    "claimed",
  ])
    expect(kinds).toContain(kind);
  for (const { verified, verifiedHere, agrees, tasks, rechecked, optimal, paid, settled } of [here, there]) {
    expect(verified).toMatch(/^\d+ entries hold, \d+ signatures; newest hash 0x[0-9a-f]{64}$/);
    expect(verified).toBe(verifiedHere);
    expect({ agrees, tasks, rechecked, optimal }).toEqual({
      agrees: true,
      tasks: 2,
      rechecked: 2,
      optimal: 2,
    });
    expect(settled).toBe(paid);
  }
});
