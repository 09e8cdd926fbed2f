import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import type { Fault } from "../../../src/base/fault.ts";
import { deviceOpener } from "../../../src/link/serial/device-port.ts";
import { MAX_PENDING_BYTES, type OpenPort } from "../../../src/link/serial/open-port.ts";
import { keepPortOpen, type PortOptions } from "../../../src/link/serial/port.ts";
import { emptyStatistics } from "../../../src/link/serial/statistics.ts";
import { ptyCable } from "./cable.ts";
import { Feed } from "./feed.ts";

const NEEDS_SOCAT = spawnSync("socat", ["-V"]).error !== undefined && process.env["CI"] !== "true";

function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), "hirewire-port-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function plugged() {
  const cable = await ptyCable();
  onTestFinished(() => cable.dispose());
  await cable.plug();
  return cable;
}

/** Keeps a path open; tells each port and each fault as it comes. */
function keep(path: string, extra: Partial<PortOptions> = {}) {
  const ports = new Feed<OpenPort>();
  const faults = new Feed<Fault>();
  const statistics = emptyStatistics();
  const close = keepPortOpen({
    ...{ path, baud: 115_200, clock: systemClock, statistics },
    onOpen: (port) => {
      port.onBytes(() => {});
      ports.push(port);
    },
    onLost: (fault) => faults.push(fault),
    ...extra,
  });
  onTestFinished(close);
  return { ports, faults, statistics, close };
}

/** Only a signal ends it. */
function forEver(_ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((_resolve, reject) => {
    if (signal?.aborted) reject(signal.reason);
    signal?.addEventListener("abort", () => reject(signal.reason));
  });
}

const DEADLINE_MS = 1_000;

/** Milliseconds until the feed has one more than now. */
async function one(feed: Feed<unknown>): Promise<number> {
  const before = feed.all.length;
  const startedAt = performance.now();
  await feed.until((all) => all.length > before);
  return performance.now() - startedAt;
}

describe("a device that comes and goes", () => {
  it("is opened when its folder, and the folder's folder, appear, without waiting for the next attempt", async (context) => {
    context.skip(NEEDS_SOCAT, "install socat");
    const cable = await plugged();
    const root = temporary();
    const path = join(root, "serial", "by-id", "usb-board");
    let isLinked: boolean = false;
    const sleep: typeof forEver = (ms, signal) =>
      isLinked ? systemClock.sleep(ms, signal) : forEver(ms, signal);
    const { ports, faults } = keep(path, { clock: { ...systemClock, sleep } });
    await faults.until((all) => all.length > 0);
    expect(faults.all[0]).toMatchObject({ code: "link_lost" });
    mkdirSync(join(root, "serial"));
    mkdirSync(join(root, "serial", "by-id"));
    symlinkSync(realpathSync(cable.gatewayPath), path);
    // It waits already; whatever it waits for from now on is not what is tested.
    isLinked = true;
    await ports.until((all) => all.length === 1);
  });

  it("is tried ever more rarely while it is not there, and every 25 ms once it has appeared", async (context) => {
    context.skip(NEEDS_SOCAT, "install socat");
    const cable = await plugged();
    const holder = keep(cable.gatewayPath);
    await holder.ports.until((all) => all.length === 1);
    const path = join(temporary(), "usb-board");
    const waits = new Feed<number>();
    const sleep = async (ms: number, signal?: AbortSignal) => {
      waits.push(ms);
      // After ten attempts only an event wakes it.
      await (waits.all.length === 10 ? forEver(ms, signal) : systemClock.sleep(0, signal));
    };
    const { faults } = keep(path, { clock: { ...systemClock, sleep } });
    await waits.until((all) => all.length === 10);
    expect(waits.all).toEqual([25, 50, 100, 200, 400, 500, 500, 500, 500, 500]);
    symlinkSync(realpathSync(cable.gatewayPath), path);
    await faults.until((all) => all.at(-1)?.code === "port_busy");
    await waits.until((all) => all.length >= 60);
    expect(new Set(waits.all.slice(10, 60))).toEqual(new Set([25]));
  });

  it("is missed within a second, opened within a second, and never left locked, 12 times", async (context) => {
    context.skip(NEEDS_SOCAT, "install socat");
    const cable = await plugged();
    const { ports, faults } = keep(cable.gatewayPath);
    await ports.until((all) => all.length === 1);
    for (let round = 0; round < 12; round++) {
      const missed = one(faults);
      await cable.pull();
      expect(await missed).toBeLessThan(DEADLINE_MS);
      const opened = one(ports);
      await cable.plug();
      expect(await opened).toBeLessThan(DEADLINE_MS);
    }
    expect(faults.all.map(({ code }) => code)).not.toContain("port_busy");
  });

  it("is missed also when nothing is said on it, and no link leads to it", async (context) => {
    context.skip(NEEDS_SOCAT, "install socat");
    for (let round = 0; round < 3; round++) {
      const cable = await plugged();
      // Opened once: the name may be another test's afterwards.
      const path = realpathSync(cable.gatewayPath);
      const open = deviceOpener({ path, baud: 115_200, clock: systemClock, statistics: emptyStatistics() });
      const lost = Promise.withResolvers<unknown>();
      const port = await open(lost.resolve, new AbortController().signal);
      port.onBytes(() => {});
      const pulledAt = performance.now();
      await cable.pull();
      await lost.promise;
      expect(performance.now() - pulledAt).toBeLessThan(DEADLINE_MS);
      await port.close();
    }
  });

  it("is let go of when its link leads to another device, which is opened in its place", async (context) => {
    context.skip(NEEDS_SOCAT, "install socat");
    const [first, second] = [await plugged(), await plugged()];
    const folder = temporary();
    const path = join(folder, "usb-board");
    symlinkSync(first.gatewayPath, path);
    const { ports, faults } = keep(path);
    await ports.until((all) => all.length === 1);
    symlinkSync(second.gatewayPath, `${path}.new`);
    const missed = one(faults);
    const opened = one(ports);
    renameSync(`${path}.new`, path);
    expect(await missed).toBeLessThan(DEADLINE_MS);
    expect(await opened).toBeLessThan(DEADLINE_MS);
    // Nobody holds the first one now, and somebody the second.
    const freed = keep(first.gatewayPath);
    await freed.ports.until((all) => all.length === 1);
    const held = keep(second.gatewayPath);
    await held.faults.until((all) => all.length > 0);
    expect(held.faults.all[0]).toMatchObject({ code: "port_busy" });
  });

  it("is no serial device when it is /dev/null", async () => {
    const { faults } = keep("/dev/null");
    await faults.until((all) => all.length > 0);
    expect(faults.all[0]).toMatchObject({ code: "usage", message: "/dev/null is not a serial device" });
  });

  it("is opened only as one of the USB devices that are named", async (context) => {
    context.skip(NEEDS_SOCAT, "install socat");
    const cable = await plugged();
    const ttyFolder = temporary();
    const none = keep(cable.gatewayPath, { usb: ["2e8a:000a"], ttyFolder });
    await none.faults.until((all) => all.length > 0);
    expect(none.faults.all[0]?.code).toBe("config_syntax");
    expect(none.faults.all[0]?.message).toMatch(
      /is no USB device, but \[\[serial\]\] has it as usb = 2e8a:000a/,
    );
    expect(none.ports.all).toEqual([]);
    expect(existsSync(cable.gatewayPath)).toBe(true);
  });
});

describe("what is written", () => {
  it("is counted as sent, or as dropped where the port is stuck or gone", async (context) => {
    context.skip(NEEDS_SOCAT, "install socat");
    const cable = await plugged();
    const { ports, faults, statistics, close } = keep(cable.gatewayPath);
    await ports.until((all) => all.length === 1);
    const chunk = Buffer.alloc(4_096, 7);
    let written = 0;
    const write = () => {
      ports.all.at(-1)?.write(chunk);
      written += chunk.length;
    };
    // Nobody reads the other end.
    while (statistics.dropped.stuck < 3 * chunk.length) write();
    expect(statistics.bytesSent).toBeGreaterThanOrEqual(MAX_PENDING_BYTES);
    expect(statistics.bytesSent + statistics.dropped.stuck).toBe(written);
    const missed = faults.until((all) => all.length > 0);
    await cable.pull();
    await missed;
    await close();
    write();
    const { bytesSent, dropped } = statistics;
    // What waited in the port is lost with it.
    expect(dropped.closed).toBeGreaterThan(chunk.length);
    expect(bytesSent + dropped.stuck + dropped.closed).toBe(written);
  });
});
