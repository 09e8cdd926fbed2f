import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connect, type Robot } from "../../../devices/robot/robot.ts";
import type { ServeOptions } from "../../../devices/robot/serve.ts";
import { recoverAddress } from "../../../src/kernels/signature.ts";
import type { Message } from "../../../src/protocol/message.ts";
import { askDigest } from "../../../src/protocol/typed-data.ts";
import { FakeGateway } from "./fake-gateway.ts";
import { RUNS, trusting } from "./run-terms.ts";

const options: ServeOptions = {
  executor: { run: () => Promise.reject(new Error("not run")) },
  trust: trusting(),
  rate: () => null,
  concurrency: 1,
};

describe("what a device says of itself when it serves", () => {
  let gateway: FakeGateway;
  let robot: Robot;
  const stand = async (factsheet: Partial<Message<"factsheet">>) => {
    robot = await connect({ file: gateway.enroll("worker"), lanes: "trustGateway", factsheet });
  };
  beforeEach(async () => {
    gateway = await FakeGateway.start();
  });
  afterEach(async () => {
    await robot.close();
    await gateway.drop();
  });

  it("is its speed, signed, although it asks no rates", async () => {
    gateway.ahead = 5_000;
    await stand(RUNS);
    const before = robot.gatewayTime();
    robot.serve({ ...options, speed: new Map([[16, 2e9]]) });
    const after = robot.gatewayTime();
    const { ask } = await gateway.nth("factsheet", 2);
    expect(ask).toMatchObject({ rates: [], fuelPerSecond: [{ memoryMiB: 16, fuel: 2e9 }] });
    if (!ask) throw new Error("no ask");
    // when serve() was called, by the gateway's clock
    expect(ask.measured).toBeGreaterThanOrEqual(before);
    expect(ask.measured).toBeLessThanOrEqual(after);
    const digest = askDigest(gateway.market, robot.address, ask);
    expect(recoverAddress(digest, ask.signature)).toBe(robot.address);
  });

  it("is no ask without rates and speed", async () => {
    await stand(RUNS);
    robot.serve(options);
    gateway.cut();
    expect((await gateway.nth("factsheet", 2)).ask).toBeUndefined();
  });

  it.each<[string, Partial<Message<"factsheet">>]>([
    ["nothing", {}],
    ["no memory", { profiles: ["task/1"] }],
    ["no profile", { memoryMiB: 64 }],
  ])("has to be more than %s", async (_, factsheet) => {
    await stand(factsheet);
    const usage = { code: "usage", message: expect.stringMatching(/profile and memoryMiB of at least 1/) };
    expect(() => robot.serve(options)).toThrow(expect.objectContaining(usage));
  });
});
