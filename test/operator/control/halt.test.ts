import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { haltCommand, resumeCommand } from "../../../src/operator/control/halt.ts";
import { clearHalt, readHalt, writeHalt } from "../../../src/operator/control/halt-file.ts";
import { startControl } from "../../../src/operator/control/server.ts";
import { openStand, type Stand } from "../device/stand.ts";

let stand: Stand;
beforeEach(() => {
  stand = openStand();
  mkdirSync(stand.data);
});
afterEach(() => stand.remove());

const halt = (...args: string[]) => stand.run(haltCommand, ...args);
const resume = (...args: string[]) => stand.run(resumeCommand, ...args);
const file = () => join(stand.data, "halt");
const usage = (message: RegExp) =>
  expect.objectContaining({ code: "usage", message: expect.stringMatching(message) });

describe("halt and resume without a gateway", () => {
  it("leave a file with the reason, and take it away", async () => {
    const { code, written } = await halt("--reason", "the barn\tburns\n");
    expect(code).toBe(0);
    expect(written).toBe("the gateway, once it is started, takes no new offers: the barn burns\n");
    expect(readFileSync(file(), "utf8")).toBe("the barn burns\n");
    expect(readHalt(stand.data)).toBe("the barn burns");
    expect((await resume()).written).toBe("the gateway, once it is started, takes offers\n");
    expect(existsSync(file())).toBe(false);
    expect(readHalt(stand.data)).toBeNull();
  });

  it("may be repeated, and say so", async () => {
    expect((await resume()).written).toContain("it was so before\n");
    await halt();
    expect((await halt()).written).toContain("stopped by the operator\nit was so before\n");
    await halt("--reason", "another");
    expect(readHalt(stand.data)).toBe("another");
  });

  it("change nothing in a dry run", async () => {
    expect((await halt("--dry-run")).written).toContain("nothing was changed");
    expect(existsSync(file())).toBe(false);
    await halt();
    const { written } = await resume("--dry-run", "--json");
    expect(JSON.parse(written)).toEqual({
      halted: false,
      reason: null,
      running: false,
      changed: true,
      dryRun: true,
    });
    expect(existsSync(file())).toBe(true);
  });

  it("refuse what they do not know, and a folder that is not there", async () => {
    await expect(halt("now")).rejects.toThrow(usage(/--reason/));
    await expect(halt("--reson", "x")).rejects.toThrow(usage(/did you mean --reason/));
    await expect(halt("--reason", "x".repeat(201))).rejects.toThrow(usage(/at most 200/));
    await expect(resume("--reason", "x")).rejects.toThrow(usage(/no option --reason/));
    await expect(resume("now")).rejects.toThrow(usage(/nothing after/));
    stand.remove();
    stand = openStand();
    await expect(halt()).rejects.toThrow(expect.objectContaining({ code: "config_missing" }));
    expect(existsSync(stand.data)).toBe(false);
  });

  it("explain themselves", async () => {
    for (const command of [haltCommand, resumeCommand]) {
      const { code, written } = await stand.run(command, "--help");
      expect(code).toBe(0);
      expect(Math.max(...written.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
    }
  });
});

describe("halt and resume with a gateway", () => {
  it("ask it, and leave the file to it", async () => {
    const heard: unknown[] = [];
    const verb = (request: object) => {
      heard.push(request);
      return Promise.resolve({});
    };
    const control = await startControl(stand.data, { halt: verb, resume: verb, status: verb });
    const { written } = await halt("--reason", "fire", "--json");
    expect(JSON.parse(written)).toMatchObject({ halted: true, reason: "fire", running: true });
    expect((await resume()).written).toMatch(/^the gateway takes offers\n/);
    await halt("--dry-run");
    expect(heard).toEqual([{ do: "halt", reason: "fire" }, { do: "resume" }, { do: "status" }]);
    expect(existsSync(file())).toBe(false);
    await control.stop();
  });
});

it("the halt file has one line, whatever was put there", () => {
  writeHalt(stand.data, "");
  expect(readHalt(stand.data)).toBe("stopped by the operator");
  stand.put("data/halt", `\u0007${"long ".repeat(100)}`);
  expect(readHalt(stand.data)?.length).toBeLessThanOrEqual(200);
  clearHalt(stand.data);
  clearHalt(stand.data);
  expect(readHalt(stand.data)).toBeNull();
});
