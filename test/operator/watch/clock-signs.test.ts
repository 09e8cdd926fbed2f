import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { isSynchronized, thisClock } from "../../../src/operator/watch/clock-signs.ts";

const tracking = (status: string) =>
  `Reference ID    : A9FEA97B ()\nStratum         : 4\nLeap status     : ${status}\n`;

it.each([
  ["systemd-timesyncd has set it", { mark: true, kernel: "no\n", chrony: null }, true],
  ["the kernel was told", { mark: false, kernel: "yes\n", chrony: null }, true],
  ["the kernel was not told", { mark: false, kernel: "no\n", chrony: null }, false],
  ["chrony keeps it without telling the kernel", { mark: false, kernel: "no\n", chrony: "Normal" }, true],
  ["chrony is about to add a second", { mark: false, kernel: null, chrony: "Insert second" }, true],
  ["chrony has nobody to ask", { mark: false, kernel: null, chrony: "Not synchronised" }, false],
  ["nobody knows, as in a container", { mark: false, kernel: null, chrony: null }, null],
  ["the answer is none", { mark: false, kernel: "perhaps\n", chrony: null }, null],
])("%s", async (_, { mark, kernel, chrony }, known) => {
  const said: Readonly<Record<string, string | null>> = {
    timedatectl: kernel,
    chronyc: chrony === null ? null : tracking(chrony),
  };
  const run = (program: string) => Promise.resolve(said[program] ?? null);
  expect(await isSynchronized({ exists: () => mark, run })).toBe(known);
});

it("asks programs of this machine, and takes none that is missing or fails for an answer", async () => {
  const folder = mkdtempSync(join(tmpdir(), "hirewire-clock-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const put = (name: string, text: string) => {
    writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(folder, name), 0o755);
  };
  const ports = { ...thisClock(folder), exists: () => false };
  expect(await isSynchronized(ports)).toBeNull();
  put("timedatectl", "echo Failed to connect to bus >&2; exit 1");
  expect(await isSynchronized(ports)).toBeNull();
  put("timedatectl", 'echo "$1 $2 $3" >&2; echo no');
  expect(await isSynchronized(ports)).toBe(false);
  put("chronyc", 'echo "Leap status     : Normal"');
  expect(await isSynchronized(ports)).toBe(true);
});
