/** The board's link in C and a gateway's in TypeScript on one line in memory, in virtual time. */
import { createHash } from "node:crypto";
import type { Duplex } from "node:stream";
import { type LinkOptions, SerialLink } from "../../src/link/serial/reliable.ts";
import { noisyLine } from "../link/serial/noisy-line.ts";
import { VirtualClock } from "../link/serial/virtual-clock.ts";
import type { Noise } from "../serial-cable/noise.ts";
import { CBoard } from "./c-board.ts";

type Setting = {
  /** The Makefile's program. */
  program?: string;
  noise?: Noise;
  baud?: number;
  seed?: number;
  gateway?: Partial<LinkOptions>;
};

/** Neither has begun: `connect` does. */
export function cPair(setting: Setting = {}) {
  const clock = new VirtualClock();
  const baud = setting.baud ?? 115_200;
  const noise = { ...setting.noise };
  const [boardEnd, gatewayEnd] = noisyLine(clock, { baud, seed: setting.seed ?? 1, noise });
  const board = new CBoard(clock, boardEnd, setting.program);
  const streams: Duplex[] = [];
  const errors: unknown[] = [];
  const newGateway = () =>
    new SerialLink({
      port: gatewayEnd,
      role: "gateway",
      clock,
      baud,
      onSession(stream) {
        streams.push(stream);
        stream.on("error", (error) => errors.push(error));
      },
      ...setting.gateway,
    });
  const pair = {
    ...{ clock, noise, baud, board, boardEnd, gatewayEnd, streams, errors },
    gateway: newGateway(),
    live: () => streams.at(-1) as Duplex,
    /** Resolves when the next session is up on both ends. */
    async session() {
      const before = streams.length;
      await clock.runUntil(() => streams.length > before && board.isUp);
    },
    async connect(firstSessionId = 0x1000) {
      pair.gateway.start();
      board.boot(firstSessionId);
      await pair.session();
    },
    /** Another process takes the line over; the one before has said nothing. */
    replaceGateway() {
      const { write } = gatewayEnd;
      gatewayEnd.write = () => {};
      pair.gateway.close();
      gatewayEnd.write = write;
      pair.gateway = newGateway();
      pair.gateway.start();
    },
  };
  return pair;
}

/** SHA-256 in hex. */
export const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
