/**
 * A serial line to one board: a path that is kept open, and on it the reliable link. Each reconnection of the
 * device and each restart of the other end yields a fresh stream for plain MQTT.
 *
 * Give a broker these streams, never the port itself: a broker destroys what it is done with, and a destroyed
 * port stays locked.
 */
import type { Duplex } from "node:stream";
import type { Clock } from "../../base/clock.ts";
import type { Fault, FaultCode } from "../../base/fault.ts";
import { keepPortOpen } from "./port.ts";
import { SerialLink } from "./reliable.ts";
import { emptyStatistics, type LinkStatistics } from "./statistics.ts";

/** `absent`: the path is not open, and why; `open`: it is, without a session; `session`: a stream is live. */
export type LineState =
  | { readonly state: "absent"; readonly fault: Fault }
  | { readonly state: "open" }
  | { readonly state: "session" };

export interface SerialLineOptions {
  /** `/dev/...`, or `tcp://host:port` for a serial server such as ser2net. */
  path: string;
  /** Bits per second; 115200 by default. */
  baud?: number;
  /** The board begins sessions, the gateway answers. */
  role: "gateway" | "board";
  clock: Clock;
  /** Largest data payload to receive and to send, 1..240 bytes; 64 by default. */
  mtu?: number;
  /** Called with the stream of each new session. The stream before it is destroyed by then. */
  onSession(stream: Duplex): void;
  /** Called at each change. `absent` comes again only for another reason than before. */
  onState?(state: LineState): void;
}

export interface SerialLine {
  /** Counters since the line was opened, live. */
  readonly stats: Readonly<LinkStatistics>;
  /** Ends the session and resolves when the port is released. */
  close(): Promise<void>;
}

/**
 * Opens the line now and again whenever it is lost, until closed.
 *
 * @throws {@link Fault} `usage` for a TCP path without host or port; a missing device is a state, not an error
 */
export function openSerialLine(options: SerialLineOptions): SerialLine {
  const { path, role, clock, mtu, onSession, onState } = options;
  const baud = options.baud ?? 115_200;
  const stats = emptyStatistics();
  let link: SerialLink | undefined;
  let live: Duplex | undefined;
  let absence: FaultCode | undefined;

  const close = keepPortOpen({
    path,
    baud,
    clock,
    onOpen: (port) => {
      absence = undefined;
      onState?.({ state: "open" });
      link = new SerialLink({
        port,
        role,
        clock,
        baud,
        statistics: stats,
        ...(mtu === undefined ? {} : { mtu }),
        onSession: (stream) => {
          onState?.({ state: "session" });
          live = stream;
          stream.once("close", () => {
            // The stream of a newer session may be live already, or the device gone.
            if (live === stream) onState?.({ state: "open" });
          });
          onSession(stream);
        },
      });
      link.start();
    },
    onLost: (fault) => {
      live = undefined;
      link?.close(fault);
      link = undefined;
      if (fault.code !== absence) onState?.({ state: "absent", fault });
      absence = fault.code;
    },
  });
  return { stats, close };
}
