import { afterEach, describe, expect, it } from "vitest";
import { Events } from "../../../devices/robot/events.ts";
import type { Progress } from "../../../devices/robot/order.ts";
import type { Publish } from "../../../devices/robot/outbox.ts";
import { RunProgress } from "../../../devices/robot/run-progress.ts";
import { amount } from "../../../src/base/money.ts";
import type { Message } from "../../../src/protocol/message.ts";
import { ManualClock } from "./manual-clock.ts";
import { echo, ProviderStand, input as providerInput, task } from "./provider-stand.ts";
import { firmware, input, output, RequesterStand } from "./requester-stand.ts";

let close = () => Promise.resolve();
afterEach(() => close());

describe("a requester", () => {
  it("hears each step of its order, and of its bytes how many the gateway has and how many are here", async () => {
    const stand = await RequesterStand.start();
    close = () => stand.stop();
    const told: Progress[] = [];
    const hired = stand.robot.hire({
      ...{ firmware, input, fuelLimit: 1_000, maxPrice: amount(1_000n) },
      onProgress: (progress) => told.push(progress),
    });
    const offer = await stand.gateway.nth("offer", 1);
    stand.ack(offer);
    await stand.gateway.pull(stand.file, offer.firmware, offer.firmwareBytes);
    await stand.gateway.pull(stand.file, offer.input, offer.inputBytes);
    const about = { version: 1, from: "gateway", task: stand.taskOf(offer) } as const;
    stand.gateway.say(stand.file, "progress", { ...about, step: "fetching", done: 0, total: 90 });
    stand.gateway.say(stand.file, "progress", { ...about, step: "running", done: 0, total: 1_000 });
    // no news in whole percent
    stand.gateway.say(stand.file, "progress", { ...about, step: "running", done: 1, total: 1_000 });
    stand.gateway.say(stand.file, "progress", { ...about, step: "running", done: 500, total: 1_000 });
    stand.gateway.say(stand.file, "progress", {
      ...about,
      task: `0x${"11".repeat(16)}`,
      step: "running",
      done: 1,
      total: 2,
    });
    await stand.answer(offer, amount(10n));
    await hired;
    const all = firmware.length + input.length;
    expect(told).toEqual([
      { step: "offered", done: 1, total: 1 },
      { step: "uploading", done: firmware.length, total: all },
      { step: "uploading", done: all, total: all },
      { step: "fetching", done: 0, total: 90 },
      { step: "running", done: 0, total: 1_000 },
      { step: "running", done: 500, total: 1_000 },
      { step: "downloading", done: output.length, total: output.length },
    ]);
    const events = stand.events.flatMap((event) => (event.kind === "progress" ? [event] : []));
    expect(events.map(({ step, done, total }) => ({ step, done, total }))).toEqual(told);
    expect(events.every((event) => event.task === stand.taskOf(offer) && event.side === "requester")).toBe(
      true,
    );
  });
});

describe("a provider", () => {
  const result = { verdict: "ok" as const, output: new Uint8Array(70_000), fuel: 3, wallMs: 1 };

  it("tells what it fetches, runs and delivers, and of a second opinion nothing", async () => {
    const stand = await ProviderStand.start({ run: () => Promise.resolve(result) });
    close = () => stand.stop();
    stand.ackAll();
    stand.serve();
    await stand.give();
    const { output: hash, outputBytes } = await stand.gateway.nth("result", 1);
    if (hash === null) throw new Error("no output");
    expect((await stand.gateway.pull(stand.file, hash, outputBytes)).length).toBe(70_000);
    const about = { version: 1, from: "device", task };
    const bytes = echo.length + providerInput.length;
    expect(stand.gateway.heard("progress")).toEqual([
      { ...about, step: "fetching", done: 0, total: bytes },
      { ...about, step: "running", done: 0, total: expect.any(Number) },
      { ...about, step: "delivering", done: 0, total: 70_000 },
    ]);
    await stand.give({ role: "check", task: `0x${"78".repeat(16)}` });
    await stand.gateway.nth("result", 2);
    expect(stand.gateway.heard("progress")).toHaveLength(3);
  });

  it("says so every second while it runs, never more often but at a new step, and nothing once it has stopped", () => {
    const clock = new ManualClock();
    const said: unknown[] = [];
    const publish: Publish = (_, message) => {
      const { step, done, total } = message as Message<"progress">;
      said.push([step, done, total]);
      return true;
    };
    const progress = new RunProgress({ publish, clock, events: new Events() }, task);
    for (let done = 0; done <= 100; done++) {
      progress.tell("fetching", done, 100);
      clock.advance(25);
    }
    expect(said).toEqual([0, 40, 80].map((done) => ["fetching", done, 100]));
    said.length = 0;
    progress.running(2_500);
    clock.advance(3_999);
    expect(said).toEqual([0, 1_000, 2_000, 2_500].map((done) => ["running", done, 2_500]));
    progress.stop();
    clock.advance(10_000);
    progress.tell("delivering", 0, 9);
    progress.tell("delivering", 9, 9);
    expect(said.slice(4)).toEqual([["delivering", 0, 9]]);
  });
});
