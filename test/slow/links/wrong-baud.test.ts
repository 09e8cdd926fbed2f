/** A board at another rate than the gateway's, on a real terminal: only the bits between the two are simulated. */
import { spawnSync } from "node:child_process";
import { readdirSync, readlinkSync, realpathSync } from "node:fs";
import { SerialPort } from "serialport";
import { expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import { type LineState, openSerialLine } from "../../../src/link/serial/line.ts";
import { SerialLink } from "../../../src/link/serial/reliable.ts";
import { ptyCable } from "../../link/serial/cable.ts";
import { Feed } from "../../link/serial/feed.ts";
import { sampleAt } from "../../link/serial/uart.ts";

const NEEDS_SOCAT = spawnSync("socat", ["-V"]).error !== undefined && process.env["CI"] !== "true";

/** The rate of a terminal that this process has open; what is open exclusively cannot be opened to ask. */
function rateOf(path: string): number {
  const target = realpathSync(path);
  const fd = readdirSync("/proc/self/fd").find((one) => {
    try {
      return readlinkSync(`/proc/self/fd/${one}`) === target;
    } catch {
      return false;
    }
  });
  if (fd === undefined) throw new Error(`${path} is not open`);
  return Number(spawnSync("stty", ["speed"], { stdio: [Number(fd), "pipe", "inherit"] }).stdout.toString());
}

it.skipIf(NEEDS_SOCAT)("the rate that the board speaks is named, and set, it brings a session", async () => {
  const cable = await ptyCable();
  onTestFinished(() => cable.dispose());
  await cable.plug();
  const states = new Feed<LineState>();
  const line = openSerialLine({
    ...{ path: cable.gatewayPath, baud: 115_200, role: "gateway", clock: systemClock },
    onSession: () => {},
    onState: (state) => states.push(state),
  });
  onTestFinished(() => line.close());
  await states.until((all) => all.length > 0);
  const opened = Promise.withResolvers<void>();
  const wire = new SerialPort({ path: cable.boardPath, baudRate: 115_200 }, () => opened.resolve());
  onTestFinished(() => new Promise<void>((resolve) => wire.close(() => resolve())));
  await opened.promise;
  const board = { baud: 57_600 };
  const link = new SerialLink({
    port: {
      write: (bytes) => void wire.write(sampleAt(bytes, board.baud, rateOf(cable.gatewayPath))),
      onBytes: (listener) => void wire.on("data", listener),
    },
    ...{ role: "board", clock: systemClock, baud: 57_600, onSession: () => {} },
  });
  onTestFinished(() => link.close());
  link.start();
  await states.until(
    (all) => all.filter((one) => one.state === "open" && one.fault !== undefined).length === 2,
  );
  expect(states.all.at(-1)).toMatchObject({
    state: "open",
    fault: {
      code: "wrong_baud",
      message: `the board on ${cable.gatewayPath} speaks 57600 baud, not 115200: set baud = 57600`,
    },
  });
  expect(rateOf(cable.gatewayPath)).toBe(115_200);
  board.baud = 115_200;
  await states.until((all) => all.at(-1)?.state === "session");
  expect(line.stats.discarded.probing).toBeGreaterThan(0);
});
