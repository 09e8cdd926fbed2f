/** Link and MQTT client fit the smallest boards. */
import { execFile, spawnSync } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const tools = ["make", "arm-none-eabi-gcc"];
const missing = tools.filter((tool) => spawnSync(tool, ["--version"]).error !== undefined);
const isAbsent = missing.length > 0 && process.env["CI"] !== "true";
const why = isAbsent ? " (skipped: apt install make gcc-arm-none-eabi libnewlib-arm-none-eabi)" : "";

describe.skipIf(isAbsent)(`link and MQTT client on a Cortex-M3${why}`, () => {
  it("take at most 3 KB of flash and 2 KB of RAM, the stack included", async () => {
    const { stdout } = await promisify(execFile)("make", ["-s", "-C", "devices/board", "size"]);
    const size = JSON.parse(stdout);
    expect(size.flash).toBeGreaterThan(1_000);
    expect(size.flash).toBeLessThanOrEqual(3_072);
    expect(size.flash).toBe(size.link.flash + size.mqtt.flash);
    expect(size.ram).toBe(size.link.ram + size.mqtt.ram + size.stack);
    expect(size.ram).toBeLessThanOrEqual(2_048);
    expect(size.stack).toBeGreaterThan(100);
  });
});
