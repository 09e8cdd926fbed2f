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
import { BAUD, BaudWatch } from "./baud-watch.ts";
import type { OpenPort } from "./open-port.ts";
import { keepPortOpen } from "./port.ts";
import { RawLink } from "./raw.ts";
import { SerialLink } from "./reliable.ts";
import { emptyStatistics, type LinkStatistics } from "./statistics.ts";

/**
 * `absent`: the path is not open, and why; `open`: it is, without a session, and what is wrong where that can be told;
 * `session`: a stream is live.
 */
export type LineState =
  | { readonly state: "absent"; readonly fault: Fault }
  | { readonly state: "open"; readonly fault?: Fault }
  | { readonly state: "session" };

/** `reliable`: the link of `reliable.ts`; `raw`: MQTT without it, see `raw.ts`, for certain USB devices. */
export type LineProfile = "reliable" | "raw";

export interface SerialLineOptions {
  /** `/dev/...`, or `tcp://host:port` for a serial server such as ser2net. */
  path: string;
  /** Bits per second; 115200 by default. */
  baud?: number;
  /** `reliable` by default. */
  profile?: LineProfile;
  /** Only these USB devices, `vendor:product`; any device by default. */
  usb?: readonly string[];
  /** Where the kernel lists its terminals: /sys/class/tty by default. */
  ttyFolder?: string;
  /** The board begins sessions, the gateway answers. */
  role: "gateway" | "board";
  clock: Clock;
  /** Largest data payload to receive and to send, 1..240 bytes; 240 by default. */
  mtu?: number;
  /** Called with the stream of each new session. The stream before it is destroyed by then. */
  onSession(stream: Duplex): void;
  /** Called at each change. `absent` comes again only for another reason than before. */
  onState?(state: LineState): void;
}

export interface SerialLine {
  /** Counters since the line was opened, live. */
  readonly stats: Readonly<LinkStatistics>;
  /** From sending to the acknowledgement in this session, milliseconds, smoothed; null where it is not measured. */
  readonly roundTripMs: number | null;
  /** Ends the session and resolves when the port is released. */
  close(): Promise<void>;
}

/** What speaks on an open port. */
type Link = { readonly roundTripMs?: number | null; start(): void; close(fault?: Fault): void };

/**
 * Opens the line now and again whenever it is lost, until closed.
 *
 * @throws {@link Fault} `usage` for a TCP path without host or port; a missing device is a state, not an error
 */
export function openSerialLine(options: SerialLineOptions): SerialLine {
  const { path, clock, usb, ttyFolder, onSession, onState } = options;
  const baud = options.baud ?? BAUD.usual;
  const stats = emptyStatistics();
  let link: Link | undefined;
  let live: Duplex | undefined;
  let absence: FaultCode | undefined;
  let lastTag: number | undefined;

  const begin = (stream: Duplex) => {
    onState?.({ state: "session" });
    live = stream;
    stream.once("close", () => {
      // The stream of a newer session may be live already, or the device gone.
      if (live !== stream) return;
      live = undefined;
      onState?.({ state: "open" });
    });
    onSession(stream);
  };
  const linkOn = (port: OpenPort): Link => {
    const onFound = (fault: Fault) => onState?.({ state: "open", fault });
    const common = { path, clock, statistics: stats, onFound };
    if (options.profile === "raw") return new RawLink({ ...common, port, onSession: begin });
    const hasSession = () => live !== undefined;
    const watch = new BaudWatch({ ...common, port, baud, hasSession });
    const { role, mtu } = options;
    const reliable = new SerialLink({
      ...{ port: role === "gateway" ? watch : port, role, clock, baud, statistics: stats, onSession: begin },
      ...(mtu === undefined ? {} : { mtu }),
      ...(lastTag === undefined ? {} : { resetTag: lastTag }),
    });
    return {
      get roundTripMs() {
        return reliable.roundTripMs;
      },
      start: () => reliable.start(),
      close: (fault) => {
        lastTag = reliable.tag ?? lastTag;
        watch.close();
        reliable.close(fault);
      },
    };
  };

  const close = keepPortOpen({
    ...{ path, baud, clock, statistics: stats },
    ...(usb === undefined ? {} : { usb }),
    ...(ttyFolder === undefined ? {} : { ttyFolder }),
    onOpen: (port) => {
      absence = undefined;
      onState?.({ state: "open" });
      link = linkOn(port);
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
  return {
    stats,
    get roundTripMs() {
      return link?.roundTripMs ?? null;
    },
    close,
  };
}
