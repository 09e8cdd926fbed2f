/** Both builds of the kernels say the same bytes on arm64 and here, right and wrong, one by one and together. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Calibration } from "../../../src/kernels/calibration.ts";
import { VARIANTS } from "../../../src/kernels/variant.ts";
import { emulatedNode } from "./emulated-node.ts";
import { askKernels, kernelAgreement } from "./kernel-agreement.ts";
import { needEmulation } from "./need.ts";

const FOLDER = mkdtempSync(join(tmpdir(), "hirewire-arm64-"));
afterAll(() => rmSync(FOLDER, { recursive: true, force: true }));

describe("the kernels on arm64", () => {
  it("answer thousands of vectors as they do here, in both builds", async (context) => {
    needEmulation(context);
    const { vectors, answers } = await kernelAgreement(emulatedNode(FOLDER), FOLDER);
    expect(vectors).toBeGreaterThan(3_000);
    const [first] = answers;
    for (const { kinds, variant, arch } of answers)
      expect(kinds, `${variant} on ${arch}`).toEqual(first?.kinds);
    const calls = Object.values(first?.kinds ?? {}).map((kind) => kind.calls);
    expect(Math.min(...calls)).toBeGreaterThan(0);
    const who = answers.map(({ arch, variant }) => `${arch} ${variant}`);
    const here = VARIANTS.map((variant) => `${process.arch} ${variant}`);
    expect(who).toEqual([...here, "arm64 base", "arm64 relaxed"]);
  });

  it("both pass their self-test there, and one is taken", async (context) => {
    needEmulation(context);
    const { variant, rates } = await askKernels<Calibration>(emulatedNode(FOLDER), "calibrate");
    expect(Object.keys(rates)).toEqual([...VARIANTS]);
    expect(VARIANTS).toContain(variant);
  });
});
