import { duplexPair } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RobotEvent } from "../../../devices/robot/events.ts";
import { connect } from "../../../devices/robot/robot.ts";
import { toHex } from "../../../src/base/bytes.ts";
import { instant, systemClock } from "../../../src/base/clock.ts";
import { amount } from "../../../src/base/money.ts";
import { randomKey } from "../../../src/kernels/signature.ts";
import { FakeGateway } from "./fake-gateway.ts";
import { ManualClock } from "./manual-clock.ts";

describe("a robot's connection", () => {
  let gateway: FakeGateway;
  beforeEach(async () => {
    gateway = await FakeGateway.start();
  });
  afterEach(async () => {
    await gateway.drop();
  });

  it("says ONLINE and its factsheet, waits for the terms, and says OFFLINE at the end", async () => {
    const file = gateway.enroll("r1");
    const robot = await connect({
      lanes: "trustGateway",
      file,
      factsheet: { profiles: ["task/1"], memoryMiB: 64 },
    });
    expect(robot.isUp).toBe(true);
    expect(robot.terms?.gateway).toBe(gateway.market.gateway);
    expect(gateway.heard("connection")).toEqual([{ version: 1, state: "ONLINE" }]);
    expect(await gateway.nth("factsheet", 1)).toMatchObject({
      name: "r1",
      profiles: ["task/1"],
      memoryMiB: 64,
    });
    await robot.close();
    expect((await gateway.nth("connection", 2)).state).toBe("OFFLINE");
  });

  it("leaves CONNECTION_BROKEN behind, retained, when it is cut off", async () => {
    const robot = await connect({ lanes: "trustGateway", file: gateway.enroll("r1") });
    gateway.cut();
    expect(await gateway.nth("connection", 2)).toEqual({ version: 1, state: "CONNECTION_BROKEN" });
    expect(gateway.said.filter(({ topic }) => topic === "connection").map(({ retain }) => retain)).toEqual([
      true,
      true,
    ]);
    await robot.close();
  });

  it("comes back with a fresh token after the broker was away", async () => {
    const robot = await connect({ lanes: "trustGateway", file: gateway.enroll("r1") });
    const events: string[] = [];
    robot.listen((event) => events.push(event.kind));
    await gateway.drop();
    await gateway.listen();
    await gateway.until(() => gateway.logins === 2);
    await gateway.nth("factsheet", 2);
    await robot.close();
    expect(events).toContain("disconnected");
  });

  it("tells once why it does not come back, however often it tries", async () => {
    const clock = { ...systemClock, sleep: () => Promise.resolve() };
    const robot = await connect({ lanes: "trustGateway", file: gateway.enroll("r1"), clock });
    const reasons: string[] = [];
    robot.listen((event) => event.kind === "disconnected" && reasons.push(event.reason));
    gateway.refusals = 20;
    gateway.cut();
    await gateway.until(() => gateway.logins === 2);
    await robot.close();
    expect(gateway.refusals).toBe(0);
    // the cut, and the refusal that follows twenty times
    expect(reasons).toHaveLength(2);
    expect(reasons[1]).toMatch(/not authorized/i);
  });

  it("gives up when the broker does not know it, and not for a few bad tokens", async () => {
    const file = gateway.enroll("r1");
    gateway.refusals = 1;
    await expect(connect({ lanes: "trustGateway", file })).rejects.toMatchObject({ code: "refused" });
    [gateway.refusals, gateway.refusalCode] = [3, 4];
    const robot = await connect({ lanes: "trustGateway", file });
    expect(gateway.refusals).toBe(0);
    await robot.close();
  });

  it("gives up after ten bad tokens in a row", async () => {
    const file = { ...gateway.enroll("r1"), gateway: toHex(randomKey().subarray(0, 20)) };
    gateway.refusalCode = 4;
    const connecting = connect({
      lanes: "trustGateway",
      file,
      clock: { ...systemClock, sleep: () => Promise.resolve() },
    });
    await expect(connecting).rejects.toMatchObject({ code: "refused" });
    expect(gateway.refusals).toBe(-10);
  });

  it("does not trust a gateway whose terms name another vault than the file", async () => {
    gateway.terms = { vault: `0x${"cc".repeat(20)}` };
    await expect(connect({ lanes: "trustGateway", file: gateway.enroll("r1") })).rejects.toMatchObject({
      code: "chain_mismatch",
    });
  });

  it("stops trying when its signal says so", async () => {
    const file = gateway.enroll("r1");
    gateway.isMute = true;
    const stop = new AbortController();
    const connecting = connect({ lanes: "trustGateway", file, signal: stop.signal });
    await gateway.until(() => gateway.logins === 1);
    stop.abort(new Error("enough"));
    await expect(connecting).rejects.toThrow("enough");
  });

  it("tries again when no terms come in ten seconds", async () => {
    const clock = new ManualClock(Date.now());
    gateway.isMute = true;
    const connecting = connect({ lanes: "trustGateway", file: gateway.enroll("r1"), clock });
    await gateway.until(() => gateway.logins === 1);
    gateway.isMute = false;
    clock.advance(10_000);
    // the session ends in this turn of the loop and then waits out its back-off, of at most 50 ms
    await new Promise((done) => setImmediate(done));
    clock.advance(50);
    const robot = await connecting;
    expect(gateway.logins).toBe(2);
    await robot.close();
  });

  it("tells that it does not believe a total that it has not signed", async () => {
    gateway.lane = { ...gateway.lane, signed: amount(999_000n) };
    const robot = await connect({ lanes: "trustGateway", file: gateway.enroll("r1") });
    expect(robot.wallet).toMatchObject({ signed: 0n, doubt: "signed_unproven" });
    const ignored = new Promise<RobotEvent>((tell) => {
      robot.listen((event) => event.kind === "ignored" && tell(event));
    });
    gateway.cut();
    expect(await ignored).toEqual({ kind: "ignored", topic: "ack", reason: "signed_unproven" });
    await robot.close();
  });

  it("counts time from what the gateway told", async () => {
    const clock = new ManualClock(Date.now());
    gateway.terms = { time: instant(5_000_000) };
    const robot = await connect({ lanes: "trustGateway", file: gateway.enroll("r1"), clock });
    clock.advance(1_234);
    expect(robot.gatewayTime()).toBe(5_001_234);
    await robot.close();
  });

  it("takes its own words that the broker sends back for nobody's", async () => {
    const file = gateway.enroll("r1");
    const robot = await connect({ lanes: "trustGateway", file });
    const events: RobotEvent[] = [];
    robot.listen((event) => events.push(event));
    const hash = `0x${"11".repeat(32)}` as const;
    gateway.say(file, "blob-get", { version: 1, from: "device", hash, offset: 0, length: 1 });
    gateway.say(file, "blob-data", { version: 1, from: "device", hash, offset: 0, total: 1, bytes: "AA==" });
    gateway.say(file, "blob-get", { version: 1, from: "gateway", hash, offset: 0, length: 1 });
    await new Promise<void>((done) => robot.listen(() => done()));
    expect(events).toEqual([{ kind: "ignored", topic: "blob-get", reason: "blob_unknown" }]);
    await robot.close();
  });

  it("speaks over a stream that it is given", async () => {
    const file = gateway.enroll("board");
    const stream = () => {
      const [ours, theirs] = duplexPair();
      gateway.plug(theirs);
      return Promise.resolve(ours);
    };
    const robot = await connect({ lanes: "trustGateway", file, stream });
    expect(robot.isUp).toBe(true);
    await robot.close();
    expect((await gateway.nth("connection", 2)).state).toBe("OFFLINE");
  });
});
