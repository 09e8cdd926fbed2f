/** A board's and a gateway's end of the reliable link, joined by a line in memory. */
import type { Duplex } from "node:stream";
import { expect } from "vitest";
import { type LinkOptions, SerialLink } from "../../../src/link/serial/reliable.ts";
import type { Noise } from "../../serial-cable/noise.ts";
import { noisyLine } from "./noisy-line.ts";
import { VirtualClock } from "./virtual-clock.ts";

export const QUIET: Noise = {};
export const BAUD = 921_600;

interface Setting {
  noise?: Noise;
  baud?: number;
  seed?: number;
  board?: Partial<LinkOptions>;
  gateway?: Partial<LinkOptions>;
}

/** A board and a gateway on one line; each side's streams and their errors in the order they came. */
export function pair(setting: Setting = {}) {
  const clock = new VirtualClock();
  const baud = setting.baud ?? BAUD;
  const noise = { ...(setting.noise ?? QUIET) };
  const [boardEnd, gatewayEnd] = noisyLine(clock, { baud, seed: setting.seed ?? 1, noise });
  let lastId = 0x1000;
  const side = (role: "board" | "gateway", port: typeof boardEnd, extra: Partial<LinkOptions> = {}) => {
    const streams: Duplex[] = [];
    const errors: unknown[] = [];
    const onSession = (stream: Duplex) => {
      streams.push(stream);
      stream.on("error", (error) => errors.push(error));
    };
    const options: LinkOptions = {
      port,
      role,
      clock,
      baud,
      onSession,
      nextSessionId: () => ++lastId,
      ...extra,
    };
    const link = new SerialLink(options);
    return { link, streams, errors, port, live: () => streams.at(-1) as Duplex, options };
  };
  const board = side("board", boardEnd, setting.board);
  const gateway = side("gateway", gatewayEnd, setting.gateway);
  const connect = async () => {
    gateway.link.start();
    board.link.start();
    await clock.runUntil(() => board.streams.length > 0 && gateway.streams.length > 0);
  };
  return { clock, noise, board, gateway, connect };
}

export function collect(stream: Duplex) {
  const chunks: Buffer[] = [];
  let length = 0;
  stream.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    length += chunk.length;
  });
  return { bytes: () => Buffer.concat(chunks), length: () => length };
}

/** Power off and on: the same end of the line, nothing remembered, nothing said about it. */
export function restart(side: {
  link: SerialLink;
  options: LinkOptions;
  port: { write(bytes: Uint8Array): void };
}): void {
  const { write } = side.port;
  side.port.write = () => {};
  side.link.close();
  side.port.write = write;
  side.link = new SerialLink(side.options);
  side.link.start();
}

export const lost = (reason: string) => expect.objectContaining({ code: "link_lost", facts: { reason } });

/** Writes `bytes` in pieces of changing size, as fast as the stream takes them. */
export function pour(stream: Duplex, bytes: Buffer): void {
  let at = 0;
  let size = 1;
  const more = () => {
    while (at < bytes.length) {
      size = (size * 7 + 3) % 701;
      const piece = bytes.subarray(at, at + size + 1);
      at += piece.length;
      if (!stream.write(piece)) return;
    }
  };
  stream.on("drain", more);
  more();
}
