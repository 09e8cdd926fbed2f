import { execFile, spawnSync } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { type Device, makeDevice, type Stand, startStand } from "./stand.ts";

const missing = ["mosquitto_pub", "mosquitto_sub"].filter((tool) => spawnSync(tool, ["--help"]).error);
const absent = missing.length > 0 && process.env["CI"] !== "true";
const why = absent ? ` (skipped: ${missing.join(" and ")} not installed)` : "";

async function mosquitto(tool: "pub" | "sub", stand: Stand, device: Device, ...args: string[]) {
  const clientId = device.clientId();
  const login = ["-i", clientId, "-u", device.address, "-P", await device.tokenFor(clientId)];
  const where = ["-h", "127.0.0.1", "-p", String(stand.broker.port), "-V", "mqttv311"];
  return await promisify(execFile)(`mosquitto_${tool}`, [...where, ...login, ...args], { timeout: 10_000 });
}

describe.skipIf(absent)(`the mosquitto clients${why}`, () => {
  it.each(["0", "1", "2"])("publish an offer at QoS %s", async (qos) => {
    const robot = makeDevice();
    const stand = await startStand({ devices: [robot] });
    await mosquitto("pub", stand, robot, "-t", robot.topic("offer"), "-m", "{}", "-q", qos);
    await stand.until((happened) => happened.length === 2);
    expect(stand.happened).toMatchObject([
      { what: "publish", topic: "offer", payload: "{}" },
      { what: "gone" },
    ]);
  });

  it("hear what the gateway says once they are ready", async () => {
    const robot = makeDevice();
    const stand = await startStand({
      devices: [robot],
      callbacks: { onReady: ({ name }) => stand.broker.publish(name, "award", "yours") },
    });
    const { stdout } = await mosquitto("sub", stand, robot, "-t", robot.all, "-q", "1", "-C", "1", "-v");
    expect(stdout).toBe(`${robot.topic("award")} yours\n`);
  });

  it("are told when they may not connect", async () => {
    const stand = await startStand();
    const refused = mosquitto("pub", stand, makeDevice(), "-t", "t", "-m", "m");
    await expect(refused).rejects.toMatchObject({ code: 5 });
    expect(stand.refused()).toEqual(["unknown_device"]);
  });
});
