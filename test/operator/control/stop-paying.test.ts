import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { startControl, type Verb } from "../../../src/operator/control/server.ts";
import { readStop, stopInForce } from "../../../src/operator/control/stop-file.ts";
import { resumePayingCommand, stopPayingCommand } from "../../../src/operator/control/stop-paying.ts";
import { openStand, type Stand } from "../device/stand.ts";

let stand: Stand;
beforeEach(() => {
  stand = openStand();
  mkdirSync(stand.data);
});
afterEach(() => stand.remove());

const stop = (...args: string[]) => stand.run(stopPayingCommand, ...args);
const resume = (...args: string[]) => stand.run(resumePayingCommand, ...args);
const usage = (message: RegExp) =>
  expect.objectContaining({ code: "usage", message: expect.stringMatching(message) });

describe("stop-paying and resume-paying without a gateway", () => {
  it("leave a word with the reason, and another", async () => {
    const { code, written } = await stop("the", "key\tis", "lost\n");
    expect(code).toBe(0);
    expect(written).toBe("the gateway, once it is started, pays nothing: the key is lost\n");
    expect(readFileSync(join(stand.data, "stop-paying"), "utf8")).toBe("the key is lost\n");
    expect(stopInForce(stand.data, null)).toBe("the key is lost");
    expect((await resume()).written).toBe("the gateway, once it is started, pays\n");
    expect(existsSync(join(stand.data, "stop-paying"))).toBe(false);
    expect(stopInForce(stand.data, "what the journal says")).toBeNull();
  });

  it("may be repeated, and say so", async () => {
    await stop();
    expect((await stop()).written).toContain("stopped by the operator\nit was so before\n");
    expect((await stop("another")).written).not.toContain("it was so");
    expect(readStop(stand.data)).toBe("another");
    await resume();
    expect((await resume()).written).toContain("it was so before\n");
  });

  it("find the gateway by its data folder too", async () => {
    expect((await stop("--data", stand.data, "--config", "nowhere.toml")).code).toBe(0);
    expect(readStop(stand.data)).toBe("stopped by the operator");
    const wrong = stop("--data", join(stand.data, "nowhere"));
    await expect(wrong).rejects.toThrow(expect.objectContaining({ code: "config_missing" }));
  });

  it("change nothing in a dry run", async () => {
    expect((await stop("--dry-run")).written).toContain("nothing was changed");
    expect(stopInForce(stand.data, null)).toBeNull();
    await stop();
    const { written } = await resume("--dry-run", "--json");
    const said = { stopped: false, reason: null, running: false, changed: true, dryRun: true };
    expect(JSON.parse(written)).toEqual(said);
    expect(readStop(stand.data)).toBe("stopped by the operator");
  });

  it("refuse what they do not know, and a folder that is not there", async () => {
    await expect(stop("--reson", "x")).rejects.toThrow(usage(/no option --reson/));
    await expect(stop("x".repeat(201))).rejects.toThrow(usage(/at most 200/));
    await expect(resume("now")).rejects.toThrow(usage(/nothing after/));
    stand.remove();
    stand = openStand();
    await expect(stop()).rejects.toThrow(expect.objectContaining({ code: "config_missing" }));
    expect(existsSync(stand.data)).toBe(false);
  });

  it("explain themselves", async () => {
    for (const command of [stopPayingCommand, resumePayingCommand]) {
      const { code, written } = await stand.run(command, "--help");
      expect(code).toBe(0);
      expect(Math.max(...written.split("\n").map((line) => line.length))).toBeLessThanOrEqual(81);
    }
  });
});

describe("stop-paying and resume-paying with a gateway", () => {
  async function running(verbs: Record<string, Verb>): Promise<unknown[]> {
    const heard: unknown[] = [];
    const listening = Object.entries(verbs).map(([name, verb]) => {
      const heeded: Verb = (request) => {
        heard.push(request);
        return verb(request);
      };
      return [name, heeded] as const;
    });
    const control = await startControl(stand.data, Object.fromEntries(listening));
    onTestFinished(() => control.stop());
    return heard;
  }

  it("ask it, and tell the reason that it keeps", async () => {
    const status = () => Promise.resolve({ stopped: "the first word" });
    const heard = await running({ stopPaying: status, resumePaying: () => Promise.resolve({}), status });
    const said = JSON.parse((await stop("fire", "--json")).written);
    expect(said).toMatchObject({ stopped: true, reason: "the first word", running: true, dryRun: false });
    expect((await resume()).written).toMatch(/^the gateway pays\n/);
    await stop("--dry-run");
    expect(heard).toEqual([
      { do: "stopPaying", reason: "fire" },
      { do: "resumePaying" },
      { do: "status", reason: "stopped by the operator" },
    ]);
  });

  it("leave the word in the folder of one that does not answer: its next start pays nothing", async () => {
    await running({ stopPaying: () => Promise.reject(new TypeError("it hangs")) });
    await expect(stop("fire")).rejects.toThrow(/it hangs/);
    expect(stopInForce(stand.data, null)).toBe("fire");
  });
});
