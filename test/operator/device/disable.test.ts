import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { deviceCommand } from "../../../src/operator/device/command.ts";
import { disableDevice, enableDevice } from "../../../src/operator/device/disable.ts";
import type { CommandIo } from "../../../src/operator/io.ts";
import { readRoster } from "../../../src/operator/roster-folder.ts";
import type { CommandPorts } from "../../../src/operator/settings.ts";
import { openStand, type Stand } from "./stand.ts";

let stand: Stand;
beforeEach(async () => {
  stand = openStand();
  await stand.run(deviceCommand, "add", "arm", "--address", `0x${"a1".repeat(20)}`);
  await stand.run(deviceCommand, "budget", "arm", "2.50");
});
afterEach(() => stand.remove());

type Turn = (args: readonly string[], io: CommandIo, ports: CommandPorts) => void;

const turned = (turn: Turn) => (args: string[], io: CommandIo, ports: CommandPorts) => {
  turn(args, io, ports);
  return Promise.resolve(0);
};
const disable = (...args: string[]) => stand.run(turned(disableDevice), ...args);
const enable = (...args: string[]) => stand.run(turned(enableDevice), ...args);
const entry = () => readRoster(stand.data).entries[0];
const file = () => readFileSync(join(stand.data, "devices", "arm.json"), "utf8");

describe("devices disable and enable", () => {
  it("write it in the roster, and nothing else", async () => {
    const before = file();
    expect((await disable("ARM")).written).toBe("arm is kept out\n");
    expect(entry()).toMatchObject({ name: "arm", perDay: "2.50", disabled: true });
    expect((await enable(`0x${"A1".repeat(20)}`)).written).toBe("arm may come in\n");
    expect(file()).toBe(before);
    expect((await enable("arm")).written).toBe("arm may come in\nit was so before\n");
  });

  it("take over what its owner keeps out", async () => {
    const out = { ...entry(), disabled: true, disabledBy: "owner" };
    writeFileSync(join(stand.data, "devices", "arm.json"), JSON.stringify(out));
    expect(entry()?.disabledBy).toBe("owner");
    expect((await disable("arm")).written).toBe("arm is kept out\n");
    expect(entry()).toMatchObject({ disabled: true });
    expect(entry()?.disabledBy).toBeUndefined();
    expect((await disable("arm")).written).toBe("arm is kept out\nit was so before\n");
  });

  it("outlive a change of its budget", async () => {
    await disable("arm");
    await stand.run(deviceCommand, "budget", "arm", "none");
    expect(entry()).toMatchObject({ perDay: null, disabled: true });
  });

  it("change nothing in a dry run, and tell it as JSON", async () => {
    const { written } = await disable("arm", "--dry-run", "--json");
    const said = { device: `0x${"a1".repeat(20)}`, name: "arm", disabled: true, changed: true, dryRun: true };
    expect(JSON.parse(written)).toEqual(said);
    expect(entry()?.disabled).toBeUndefined();
  });

  it("refuse what they do not know, and explain themselves", async () => {
    const usage = expect.objectContaining({ code: "usage" });
    await expect(disable("leg")).rejects.toThrow(usage);
    await expect(disable()).rejects.toThrow(usage);
    await expect(enable("arm", "leg")).rejects.toThrow(usage);
    const { written } = await enable("--help");
    expect(Math.max(...written.split("\n").map((line) => line.length))).toBeLessThanOrEqual(81);
  });

  it("say that the disk has failed where it has", async () => {
    mkdirSync(join(stand.data, "devices", "arm.json.new"));
    await expect(disable("arm")).rejects.toThrow(expect.objectContaining({ code: "disk_failed" }));
    expect(existsSync(join(stand.data, "devices", "arm.json"))).toBe(true);
  });
});
