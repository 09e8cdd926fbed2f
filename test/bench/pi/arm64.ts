/** The arm64 image's main job and kernels, emulated, held against this machine's. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { emulatedMachine } from "../../slow/arm64/emulated-machine.ts";
import { emulatedNode, emulationMissing } from "../../slow/arm64/emulated-node.ts";
import { kernelAgreement } from "../../slow/arm64/kernel-agreement.ts";
import { HERE, mainJob } from "../../slow/arm64/main-job.ts";
import type { Figure } from "../main.ts";

function figure(metric: string, unit: string, value: number, peerValue: number): Figure {
  const ratio = peerValue === 0 ? 0 : value / peerValue;
  const common = { suite: "pi", metric, value, unit, peer: process.arch === "x64" ? "amd64" : process.arch };
  return { ...common, peerValue, ratio, goal: 1, ok: ratio === 1 };
}

/** Whether the job's facts, figures and verified journal are this machine's: 1 or 0. */
async function jobAgrees(folder: string): Promise<number> {
  const machine = await emulatedMachine(join(folder, "machine"));
  const here = await mainJob(HERE, join(folder, "here"));
  const there = await mainJob(machine, join(folder, "there"));
  const isSame = JSON.stringify(there.story) === JSON.stringify(here.story);
  const isRight = there.agrees && there.paid === there.settled && there.verified === there.verifiedHere;
  return isSame && isRight ? 1 : 0;
}

/**
 * Two figures of the suite `pi`; none, and a line on standard error, where the emulator or its Node is not installed.
 *
 * @throws Error when a program does not end well, with what it said
 */
export async function arm64Figures(): Promise<Figure[]> {
  const missing = emulationMissing();
  if (missing !== null) {
    process.stderr.write(`pi: arm64 is left out: ${missing}\n`);
    return [];
  }
  const folder = mkdtempSync(join(tmpdir(), "hirewire-arm64-"));
  try {
    const { vectors, answers } = await kernelAgreement(emulatedNode(join(folder, "node")), folder);
    const isSame = new Set(answers.map(({ kinds }) => JSON.stringify(kinds))).size === 1;
    const kernels = figure(
      "arm64 kernel vectors that agree, both builds",
      "vectors",
      isSame ? vectors : 0,
      vectors,
    );
    return [figure("arm64 main job agrees", "agrees", await jobAgrees(folder), 1), kernels];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
