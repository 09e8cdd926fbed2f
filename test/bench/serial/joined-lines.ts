/** A gateway's and a board's serial line of the product, each on a real pty, with a bad cable between them. */
import type { Duplex } from "node:stream";
import { systemClock } from "../../../src/base/clock.ts";
import { openSerialLine, type SerialLine } from "../../../src/link/serial/line.ts";
import { type CableOptions, SerialCable } from "../../serial-cable/serial-cable.ts";

export type JoinedLines = {
  readonly cable: SerialCable;
  /** The first session's streams. */
  readonly gateway: Duplex;
  readonly board: Duplex;
  readonly lines: Readonly<Record<"gateway" | "board", SerialLine>>;
  close(): Promise<void>;
};

/** @param mtu - of both ends; what the product takes unless told */
export async function joinLines(options: CableOptions, mtu?: number): Promise<JoinedLines> {
  const cable = await SerialCable.open(options);
  await cable.plug();
  const open = (role: "gateway" | "board", path: string) => {
    const { promise, resolve } = Promise.withResolvers<Duplex>();
    const common = { path, role, clock: systemClock, baud: options.baud ?? 921_600, onSession: resolve };
    return { line: openSerialLine({ ...common, ...(mtu === undefined ? {} : { mtu }) }), session: promise };
  };
  const gateway = open("gateway", cable.gatewayPath);
  const board = open("board", cable.boardPath);
  const lines = { gateway: gateway.line, board: board.line };
  return {
    ...{ cable, lines, gateway: await gateway.session, board: await board.session },
    close: async () => {
      await Promise.all([gateway.line.close(), board.line.close()]);
      await cable.dispose();
    },
  };
}
