import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { Program } from "./program.ts";

const KILLS = 20;

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hirewire-restart-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

it(`loses and doubles nothing when the gateway is killed ${KILLS} times at random`, {
  timeout: 170_000,
}, async () => {
  const demo = new Program(["demo", "--json", "--queries", "30", "--data", folder]);
  let kills = 0;
  let gateway = 0;
  demo.listen((line) => {
    if (line["process"] === "gateway") gateway = Number(line["pid"]);
    const isUp = line["title"] === "requester" || line["what"] === "the gateway is back";
    if (!isUp || kills === KILLS) return;
    kills++;
    // Short waits hit the start and the replay, long ones the middle of tasks and payments.
    systemClock.after(Math.random() ** 2 * 900, () => process.kill(gateway, "SIGKILL"));
  });
  expect(await demo.ended(), demo.stderr).toBe(0);
  expect(demo.last).toMatchObject({ kind: "summary", queries: 30, optimal: 30, agree: true });
  expect(demo.last?.["restarts"]).toBe(kills);
  expect(kills).toBe(KILLS);
  const verify = new Program(["log", "verify", "--data", folder, "--json"]);
  expect(await verify.ended()).toBe(0);
});
