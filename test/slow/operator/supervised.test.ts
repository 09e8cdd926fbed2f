/** A gateway as systemd runs it: it is handed its key, says when it serves and lives, and goes by its machine's word on time. */
import { chmodSync, existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isFault } from "../../../devices/robot/robot.ts";
import { machineTime, systemClock } from "../../../src/base/clock.ts";
import { SteadyClock } from "../../../src/base/steady-clock.ts";
import { askDesk } from "../../../src/operator/control/ask.ts";
import { MISSING, openNotifySocket } from "../../operator/supervisor/notify-socket.ts";
import { Program } from "../../stories/program.ts";
import { PRICE, planJob, WholeMarket } from "../../stories/whole-market.ts";
import { quickFile } from "../stories/backstage.ts";
import { Gate } from "../stories/gate.ts";

const HOUR = 3_600_000;

const absent = MISSING.length > 0 && process.env["CI"] !== "true";
const why = absent ? ` (skipped: ${MISSING.join(" and ")} not installed)` : "";

let market: WholeMarket;
beforeEach(async () => {
  market = await WholeMarket.found(undefined, ["first"]);
  quickFile(market.world.config);
});
afterEach(() => market.close());

/** A `timedatectl` that says what a test has it say. */
function timekeepers() {
  const folder = join(market.world.folder, "bin");
  mkdirSync(folder);
  const says = (word: "yes" | "no") => {
    writeFileSync(join(folder, "timedatectl"), `#!/bin/sh\necho ${word}\n`);
    chmodSync(join(folder, "timedatectl"), 0o755);
  };
  return { folder, says };
}

it("a clock that is set by hours ends no task early, and is followed once nothing is open", async () => {
  let off = 0;
  const source = { wall: () => machineTime.wall() + off, steady: machineTime.steady };
  const clock = new SteadyClock(source, systemClock);
  market.time = { clock, askMachine: () => Promise.resolve(true) };
  market.gateway = await market.startGateway(0);
  market.world.connect(market.gateway.port);
  const buyer = await market.robot("buyer", false);
  const work = new Gate();
  await market.provider("first", 500n, work.runs(await market.executor()));
  const hire = (number: number) => buyer.hire({ ...planJob(number), maxPrice: PRICE });
  const codes = () => market.faults.map((fault) => isFault(fault) && fault.code);
  work.close();
  const under = hire(1);
  await expect.poll(() => market.of("started").length, { timeout: 10_000 }).toBe(1);
  off = 5 * HOUR;
  await expect.poll(codes, { timeout: 10_000 }).toEqual(["clock_jumped"]);
  expect(market.gateway.status).toMatch(/^1 tasks open, 2 sessions, .*no offers are taken: clock_jumped$/);
  await expect(hire(2)).rejects.toThrow(expect.objectContaining({ code: "refused" }));
  expect(market.refused).toEqual(["clock_unsynchronized"]);
  // its deadline is long over by the clock that was set
  work.open();
  expect((await under).state).toBe("paid");
  await expect.poll(() => clock.now() - Date.now(), { timeout: 10_000 }).toBeGreaterThan(4 * HOUR);
  expect(market.gateway.status).toMatch(/entries$/);
  // and it is put right again
  off = 0;
  await expect.poll(() => Math.abs(clock.now() - Date.now()), { timeout: 10_000 }).toBeLessThan(1_000);
  expect(codes()).toEqual(["clock_jumped", "clock_jumped"]);
  expect((await hire(3)).state).toBe("paid");
  expect(market.broken).toEqual([]);
});

describe.skipIf(absent)(`a supervised gateway${why}`, () => {
  it("serves with a credential, signs of life and no offers until its clock is synchronised", async () => {
    const { folder, config } = market.world;
    const socket = await openNotifySocket();
    const time = timekeepers();
    time.says("no");
    const credentials = join(folder, "credentials");
    mkdirSync(credentials);
    renameSync(join(folder, "gateway.key"), join(credentials, "gateway.key"));
    const gateway = new Program(["run", "--config", config, "--listen", "127.0.0.1:0", "--json"], {
      ...{ NOTIFY_SOCKET: socket.name, WATCHDOG_USEC: "1000000", CREDENTIALS_DIRECTORY: credentials },
      ...{ PATH: `${time.folder}:${process.env["PATH"]}`, HIREWIRE_CLOCK_SYNCHRONIZED: "auto" },
    });
    market.adopt(async () => {
      gateway.process.kill("SIGKILL");
      await gateway.ended();
    });
    const ready = await Promise.race([
      gateway.heard(({ kind }) => kind === "ready"),
      gateway.ended().then(() => {
        throw new Error(gateway.stderr);
      }),
    ]);
    market.world.connect(Number(ready["port"]));
    await gateway.heard(({ kind, code }) => kind === "fault" && code === "clock_unsynchronized");
    const buyer = await market.robot("buyer", false);
    await market.provider("first", 500n);
    const refused = await buyer.hire({ ...planJob(1), maxPrice: PRICE }).catch((fault: unknown) => fault);
    expect(isFault(refused, "refused") && refused.facts["code"]).toBe("clock_unsynchronized");
    const alerts = async () => (await askDesk(folder, "alerts", {}, {})).alerts.map(({ rule }) => rule);
    expect(await alerts()).toContain("clockOff");
    time.says("yes");
    await expect.poll(alerts, { timeout: 20_000 }).not.toContain("clockOff");
    const answer = await buyer.hire({ ...planJob(2), maxPrice: PRICE });
    expect(answer.state).toBe("paid");
    const served = socket.heard.findIndex((line) => line.startsWith("READY=1|STATUS="));
    expect(served).toBeGreaterThanOrEqual(0);
    await socket.until(served + 4);
    expect(socket.heard.slice(served + 1).every((line) => line.startsWith("WATCHDOG=1|STATUS="))).toBe(true);
    gateway.process.kill("SIGTERM");
    expect(await gateway.ended()).toBe(0);
    expect(socket.heard.some((line) => line.startsWith("STOPPING=1"))).toBe(true);
    expect(existsSync(join(folder, "gateway.key"))).toBe(false);
  });
});
