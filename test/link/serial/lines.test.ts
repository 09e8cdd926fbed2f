import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import type { Fault } from "../../../src/base/fault.ts";
import { openSerialLine } from "../../../src/link/serial/line.ts";
import { findDevices, isPattern, type SerialEntry, SerialLines } from "../../../src/link/serial/lines.ts";
import { usbIdOf } from "../../../src/link/serial/usb.ts";
import { type Cable, ptyCable } from "./cable.ts";
import { Feed } from "./feed.ts";
import { usbTree } from "./usb-tree.ts";

const NEEDS_SOCAT = spawnSync("socat", ["-V"]).error !== undefined && process.env["CI"] !== "true";

const closers: (() => Promise<unknown>)[] = [];
const cables: Cable[] = [];

// Lines first: the terminal that a link leads to may be another test's once its cable is gone.
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  for (const cable of cables.splice(0)) await cable.dispose();
});

/** A folder of names as /dev/serial/by-id is one, which is not there yet. */
function byId() {
  const root = mkdtempSync(join(tmpdir(), "hirewire-lines-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const folder = join(root, "serial", "by-id");
  return {
    folder,
    pattern: join(folder, "*"),
    plug: (name: string, cable: Cable) => {
      mkdirSync(folder, { recursive: true });
      symlinkSync(realpathSync(cable.gatewayPath), join(folder, name));
    },
    unplug: (name: string) => rmSync(join(folder, name)),
    /** As udev does when the last name goes. */
    clear: () => rmSync(join(root, "serial"), { recursive: true }),
  };
}

async function pluggedCable(): Promise<Cable> {
  const cable = await ptyCable();
  cables.push(cable);
  await cable.plug();
  return cable;
}

/** A board on the other end of a cable, which asks for sessions. */
function board(cable: Cable): void {
  const line = openSerialLine({
    ...{ path: cable.boardPath, role: "board", clock: systemClock, onSession: () => {} },
  });
  closers.push(() => line.close());
}

function open(entries: readonly (Partial<SerialEntry> & { path: string })[], ttyFolder?: string) {
  const sessions = new Feed<{ path: string; stream: Duplex }>();
  const faults = new Feed<Fault>();
  const lines = new SerialLines({
    entries: entries.map((entry) => ({ baud: 115_200, profile: "reliable", usb: [], ...entry })),
    clock: systemClock,
    ttyFolder,
    onSession: (stream, path) => sessions.push({ path, stream }),
    onFault: (fault) => faults.push(fault),
  });
  closers.push(() => lines.close());
  return { lines, sessions, faults, paths: () => lines.reports.map(({ path }) => path) };
}

/** Waits for what the figures of lines show, as nothing tells of it. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}

describe("patterns of serial lines", () => {
  it.each([
    ["/dev/serial/by-id/*", true],
    ["/dev/serial/by-id/usb-Arduino_*", true],
    ["/dev/ttyUSB?", true],
    ["/dev/ttyUSB0", false],
    ["tcp://host:4000", false],
    ["/dev/*/one", false],
  ])("%s: %s", (path, is) => expect(isPattern(path)).toBe(is));

  it("find names as a shell does, in order, and take other signs as they are", () => {
    const folder = mkdtempSync(join(tmpdir(), "hirewire-names-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    for (const name of ["usb-b_1-if00", "usb-a.1-if00", "usb-aX1-if00", "pci-a.1"])
      mkdirSync(join(folder, name));
    const names = (pattern: string) =>
      findDevices(join(folder, pattern)).map((path) => path.slice(folder.length + 1));
    expect(names("usb-*")).toEqual(["usb-a.1-if00", "usb-aX1-if00", "usb-b_1-if00"]);
    expect(names("usb-a.1*")).toEqual(["usb-a.1-if00"]);
    expect(names("usb-?_1-if00")).toEqual(["usb-b_1-if00"]);
    expect(names("*a.1")).toEqual(["pci-a.1"]);
    expect(findDevices("/nowhere/at/all/*")).toEqual([]);
  });
});

describe.skipIf(NEEDS_SOCAT)("discovery", () => {
  it("opens a line for each name that appears, by that name, and closes it when the name goes", async () => {
    const { pattern, folder, plug, unplug, clear } = byId();
    const { sessions, faults, paths } = open([{ path: pattern }]);
    expect(paths()).toEqual([]);
    const [one, two] = [await pluggedCable(), await pluggedCable()];
    for (const cable of [one, two]) board(cable);
    plug("usb-one", one);
    await sessions.until((all) => all.length === 1);
    plug("usb-two", two);
    await sessions.until((all) => all.length === 2);
    expect(sessions.all.map(({ path }) => path)).toEqual([join(folder, "usb-one"), join(folder, "usb-two")]);
    expect(faults.all).toEqual([]);
    unplug("usb-one");
    await until(() => sessions.all[0]?.stream.destroyed === true);
    expect(paths()).toEqual([join(folder, "usb-two")]);
    expect(faults.all).toMatchObject([
      { code: "link_lost", message: `${join(folder, "usb-one")} is not there` },
    ]);
    // The folder goes with the last name, and comes back with the next one.
    clear();
    await until(() => paths().length === 0);
    plug("usb-three", one);
    await sessions.until((all) => all.length === 3);
    expect(sessions.all[2]?.path).toBe(join(folder, "usb-three"));
  });

  it("takes a name that leads to another device for another device", async () => {
    const { pattern, folder, plug } = byId();
    const [one, two] = [await pluggedCable(), await pluggedCable()];
    for (const cable of [one, two]) board(cable);
    plug("usb-board", one);
    const { sessions } = open([{ path: pattern }]);
    await sessions.until((all) => all.length === 1);
    symlinkSync(realpathSync(two.gatewayPath), join(folder, "new"));
    renameSync(join(folder, "new"), join(folder, "usb-board"));
    await sessions.until((all) => all.at(-1)?.path === join(folder, "usb-board") && all.length >= 2);
    expect(sessions.all[0]?.stream.destroyed).toBe(true);
  });

  it("stays with the name that it has found first, where a device has several", async () => {
    const { pattern, folder, plug, unplug } = byId();
    const cable = await pluggedCable();
    board(cable);
    plug("usbv2-board", cable);
    const { lines, sessions, paths } = open([{ path: pattern }]);
    await sessions.until((all) => all.length === 1);
    plug("usb-board", cable);
    // Whoever looks has seen both names by the time that this one has a line.
    plug("usb-other", await pluggedCable());
    await until(() => paths().includes(join(folder, "usb-other")));
    expect(paths()).toEqual([join(folder, "usbv2-board"), join(folder, "usb-other")]);
    expect(sessions.all[0]?.stream.destroyed).toBe(false);
    unplug("usbv2-board");
    await until(() => lines.reports.some(({ path }) => path === join(folder, "usb-board")));
  });

  it("keeps what it has found while the folder cannot be read", async () => {
    const { pattern, folder, plug } = byId();
    plug("usb-board", await pluggedCable());
    const { lines, faults, paths } = open([{ path: pattern }]);
    await until(() => lines.reports[0]?.state.state === "open");
    const before = paths();
    renameSync(folder, `${folder}.old`);
    symlinkSync(folder, folder);
    // By now the folder has been looked at: whoever has the device looks more often.
    await faults.until((all) => all.length > 0);
    expect(faults.all).toMatchObject([{ code: "link_lost" }]);
    expect(paths()).toEqual(before);
    rmSync(folder);
    renameSync(`${folder}.old`, folder);
    await until(() => lines.reports[0]?.state.state === "open");
  });

  it("leaves alone what another entry names, whichever link leads there", async () => {
    const { pattern, folder, plug } = byId();
    const [named, found] = [await pluggedCable(), await pluggedCable()];
    plug("usb-named", named);
    plug("usb-found", found);
    const { paths } = open([{ path: named.gatewayPath }, { path: pattern }, { path: pattern }]);
    expect(paths()).toEqual([named.gatewayPath, join(folder, "usb-found")]);
  });

  it("opens only the USB devices that are meant, and lets another pattern have the others", async () => {
    const { pattern, folder, plug } = byId();
    const { ttyFolder, add } = usbTree();
    const cables = [await pluggedCable(), await pluggedCable(), await pluggedCable()];
    for (const [index, cable] of cables.entries()) plug(`usb-${index}`, cable);
    const [pico, ftdi] = cables.map(({ gatewayPath }) => gatewayPath);
    add(pico ?? "", "2e8a:000a");
    add(ftdi ?? "", "0403:6001", "converter");
    expect(usbIdOf(realpathSync(pico ?? ""), ttyFolder)).toBe("2e8a:000a");
    const { lines } = open(
      [
        { path: pattern, usb: ["2e8a:000a"], baud: 9_600, profile: "raw" },
        { path: pattern, usb: ["0403:6001", "1111:2222"], baud: 57_600 },
      ],
      ttyFolder,
    );
    expect(lines.reports).toMatchObject([
      { path: join(folder, "usb-0"), usb: "2e8a:000a", baud: 9_600, profile: "raw" },
      { path: join(folder, "usb-1"), usb: "0403:6001", baud: 57_600, profile: "reliable" },
    ]);
  });

  it("reports states and figures, and says nothing when it is closed on purpose", async () => {
    const { pattern, plug } = byId();
    const cable = await pluggedCable();
    plug("usb-board", cable);
    const { lines, sessions, faults } = open([{ path: pattern }]);
    await until(() => lines.reports[0]?.state.state === "open");
    board(cable);
    await sessions.until((all) => all.length === 1);
    expect(lines.reports).toMatchObject([
      { usb: null, state: { state: "session" }, statistics: { sessions: 1 } },
    ]);
    await lines.close();
    expect(faults.all).toEqual([]);
  });
});

describe("what is said of a line", () => {
  it("is said once, however often a server takes us in and drops us", async () => {
    let calls = 0;
    const server = createServer((socket) => {
      calls++;
      socket.on("error", () => {}).end("Port already in use\r\n");
    }).listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const { faults } = open([{ path: `tcp://127.0.0.1:${port}` }]);
    await until(() => calls === 4);
    expect(faults.all).toMatchObject([
      { code: "link_lost", message: `tcp://127.0.0.1:${port} is not there` },
    ]);
  });
});

describe.skipIf(NEEDS_SOCAT)("raw", () => {
  it("is refused, by its setting's name, to a device that is not the USB device", async () => {
    const cable = await pluggedCable();
    const { ttyFolder, add } = usbTree();
    add(cable.gatewayPath, "0403:6001", "converter");
    const path = cable.gatewayPath;
    const { lines, faults } = open([{ path, profile: "raw", usb: ["2e8a:000a"] }], ttyFolder);
    await faults.until((all) => all.length > 0);
    expect(faults.all[0]).toMatchObject({
      code: "config_syntax",
      message: `${path} is USB device 0403:6001, but [[serial]] has it as usb = 2e8a:000a`,
    });
    expect(lines.reports[0]?.state).toMatchObject({ state: "absent", fault: { code: "config_syntax" } });
  });
});
