import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";

const UNIT = "docker/hirewire.service";
const RULES = "docker/60-hirewire.rules";
/** From 0, nothing is left open, to 10. */
const MOST_EXPOSED = 2.5;
/** The first systemd that waits longer from restart to restart. */
const STEPS_SINCE = 254;

function run(command: string, args: readonly string[]) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8" });
  return { isThere: error === undefined, status, said: `${stdout}${stderr}` };
}

const { isThere, said: greeting } = run("systemd-analyze", ["--version"]);
const version = Number(/^systemd (\d+)/.exec(greeting)?.[1] ?? 0);
const absent = !isThere && process.env["CI"] !== "true";

describe.skipIf(absent)(`the unit, as systemd reads it${absent ? " (skipped: install systemd)" : ""}`, () => {
  it("has no line that systemd does not know", () => {
    const folder = mkdtempSync(join(tmpdir(), "hirewire-unit-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const text = readFileSync(UNIT, "utf8");
    const known =
      version < STEPS_SINCE ? text.replaceAll(/^(RestartSteps|RestartMaxDelaySec)=.*$/gm, "") : text;
    const file = join(folder, "hirewire.service");
    writeFileSync(file, known);
    const { status, said } = run("systemd-analyze", ["verify", "--recursive-errors=no", file]);
    expect(said.split("\n").filter((line) => line.includes("hirewire"))).toEqual([]);
    expect(status, said).toBe(0);
  });

  it("leaves little open", () => {
    const { said } = run("systemd-analyze", ["security", "--offline=true", "--no-pager", UNIT]);
    const exposure = Number(/exposure level for hirewire\.service: ([\d.]+)/.exec(said)?.[1]);
    expect(exposure, said).toBeLessThanOrEqual(MOST_EXPOSED);
  });
});

const canVerify = run("udevadm", ["verify", "--help"]).status === 0;

describe.skipIf(!canVerify)(
  `udev's rules, as udev reads them${canVerify ? "" : " (skipped: needs udev 254)"}`,
  () => {
    it("have nothing wrong", () => {
      const { status, said } = run("udevadm", ["verify", RULES]);
      expect(status, said).toBe(0);
    });
  },
);
