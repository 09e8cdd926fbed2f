/** A cable that is pulled out of the gateway alone: the board has a supply of its own, and does not notice. */
import type { Duplex } from "node:stream";
import { expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import { FrameReader } from "../../../src/link/serial/frame-reader.ts";
import { openSerialLine } from "../../../src/link/serial/line.ts";
import { emptyStatistics } from "../../../src/link/serial/statistics.ts";
import { hasSocat, SerialCable } from "../../serial-cable/serial-cable.ts";
import { Feed } from "./feed.ts";

const BAUD = 921_600;

it("says reset to the session that it had before anything else, and the board begins anew", async (context) => {
  context.skip(!hasSocat, "install socat");
  const cable = await SerialCable.open({ baud: BAUD, seed: 1 });
  onTestFinished(() => cable.dispose());
  const open = (role: "gateway" | "board", path: string) => {
    const streams = new Feed<Duplex>();
    const onSession = (stream: Duplex) => streams.push(stream);
    const line = openSerialLine({ path, role, baud: BAUD, clock: systemClock, onSession });
    onTestFinished(() => line.close());
    return streams;
  };
  await cable.plug();
  const gateway = open("gateway", cable.gatewayPath);
  const board = open("board", cable.boardPath);
  for (let session = 1; session <= 4; session++) {
    await gateway.until((all) => all.length === session);
    await board.until((all) => all.length === session);
    await cable.pull();
    // What it says is no answer: nothing of the board's arrives before.
    cable.up.noise = { dropRate: 1 };
    const reader = new FrameReader(240, emptyStatistics());
    const said: (string | undefined)[] = [];
    cable.down.watcher = (bytes) => {
      said.push(...reader.push(bytes).map((frame) => frame?.type));
      if (said.length > 0) cable.up.noise = {};
    };
    await cable.plug();
    await board.until((all) => all.length === session + 1);
    expect(said[0]).toBe("reset");
  }
});
