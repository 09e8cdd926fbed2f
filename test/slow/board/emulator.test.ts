import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Assets } from "../../../devices/board/assets.ts";
import { Emulator } from "../../../devices/board/emulator/emulator.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { ZERO } from "../../../src/base/money.ts";
import { openSerialLine } from "../../../src/link/serial/line.ts";
import { Child, programPath } from "../../../src/operator/demo/crew.ts";
import { buildFirmware, EmulatedBoard, isEmulatorAbsent, whyAbsent } from "../../board/emulator.ts";

const IDLE: Assets = {
  board: { manufacturer: "acme", serialNumber: "m3", model: "M3 kit", slot: "0", exposureLimit: ZERO },
  firmware: new Uint8Array(0),
  manifest: null,
  jobs: [],
};

async function powerOn(options: Partial<Parameters<typeof EmulatedBoard.start>[0]> = {}) {
  const board = await EmulatedBoard.start({ image: await buildFirmware("kept"), assets: IDLE, ...options });
  onTestFinished(() => board.stop());
  return board;
}

/** How often the board has started: `boots` of `hw_boot`, behind its head. */
function bootsOf({ store }: EmulatedBoard): number {
  return readFileSync(join(store, "slot-2")).readUInt32LE(8);
}

/** A port that one peer connects to. */
async function listen(): Promise<{ url: string; peer: Promise<Socket> }> {
  const connected = Promise.withResolvers<Socket>();
  const server = createServer((socket) => connected.resolve(socket.on("error", () => undefined).resume()));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
  });
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("it does not listen");
  return { url: `tcp://127.0.0.1:${address.port}`, peer: connected.promise };
}

describe.skipIf(isEmulatorAbsent)(`the emulated board${whyAbsent}`, { timeout: 30_000 }, () => {
  it("speaks the reliable link on its pty, and again at once after its button is pressed", async () => {
    const board = await powerOn();
    const sessions: unknown[] = [];
    const heard = Promise.withResolvers<void>();
    const again = Promise.withResolvers<void>();
    const line = openSerialLine({
      path: board.path,
      baud: 115_200,
      role: "gateway",
      clock: systemClock,
      onSession: (stream) => {
        sessions.push(stream);
        stream.on("error", () => undefined).resume();
        (sessions.length === 1 ? heard : again).resolve();
      },
    });
    onTestFinished(() => line.close());
    await heard.promise;
    expect(bootsOf(board)).toBe(1);
    await board.reset();
    await again.promise;
    expect(bootsOf(board)).toBe(2);
    expect(line.stats.badFrames).toBe(0);
  });

  it("remembers its store when its power is cut, and nothing else", async () => {
    const board = await powerOn();
    const started = ({ kind }: { kind: string }) => kind === "started";
    await board.heard(started);
    for (let boots = 1; boots <= 3; boots++) {
      expect(bootsOf(board)).toBe(boots);
      await board.cutPower();
      await board.powerOn();
      await board.heard(started, board.lines.findLastIndex(started) + 1);
    }
  });

  it("ends with whoever started it, even when that is killed", async () => {
    const { url, peer } = await listen();
    const folder = mkdtempSync(join(tmpdir(), "hirewire-board-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const image = await buildFirmware("kept");
    const files = ["--image", image, "--store", folder, "--firmware", "build/firmware/path-plan.wasm"];
    const where = ["--path", url, "--serial-number", "m3"];
    const parent = new Child(
      "board",
      [programPath("devices/board/emulated.ts"), ...files, ...where],
      () => {},
    );
    const line = await peer;
    const closed = new Promise((resolve) => line.once("close", resolve));
    await new Promise((resolve) => line.once("data", resolve));
    parent.process.kill("SIGKILL");
    await closed;
    expect(await parent.ended).toBeNull();
  });

  it("that cannot start says what the emulator said", async () => {
    const common = { assets: "/dev/null", store: tmpdir(), serial: null, hear: () => {} };
    const missing = Emulator.start({ ...common, image: "/nowhere/kept.elf" });
    await expect(missing).rejects.toMatchObject({ code: "usage" });
    await expect(missing).rejects.toThrow("/nowhere/kept.elf");
  });
});
