/** A serial path that is open: what a link writes to and hears from. */
import type { Duplex } from "node:stream";
import type { BytePort } from "./reliable.ts";
import type { DroppedBytes, SentBytes } from "./statistics.ts";

export interface OpenPort extends BytePort {
  /**
   * Writes all of it, however long that takes; `done` is called once, with an error when the port is lost or closed
   * before. For those who cannot bear a lost byte, as `write` drops what a stuck port has no room for.
   */
  send(bytes: Uint8Array, done: (error?: Error | null) => void): void;
  /** Leaves what comes where it is until `resume`. */
  pause(): void;
  resume(): void;
  /** Changes the rate, in bits per second; null where a server decides it. Rejects when the port does not take it. */
  readonly setBaud: ((baud: number) => Promise<void>) | null;
}

/** An open path that has to be given back. */
export interface HeldPort extends OpenPort {
  /** Lets go of it; resolves when nothing is held any more. Once only. */
  close(): Promise<void>;
}

/**
 * Opens once; `onLost` is called at least once when the path has gone by itself. Rejects with a fault, or with
 * what the system said.
 */
export type Opener = (onLost: (cause?: unknown) => void, signal: AbortSignal) => Promise<HeldPort>;

/** How long closing waits for bytes already written, milliseconds. */
export const FLUSH_MS = 200;

/** Bytes that may wait in a stuck port; more are dropped, as a line may. */
export const MAX_PENDING_BYTES = 65_536;

/** What a link needs of an open path that is a stream, but for its rate. `isOpen` tells whether bytes may go out. */
export function portOnStream(
  stream: Duplex,
  counts: { readonly sent: SentBytes; readonly dropped: DroppedBytes },
  isOpen: () => boolean,
): Omit<OpenPort, "setBaud"> {
  const { sent, dropped } = counts;
  return {
    write: (bytes) => {
      if (!isOpen()) dropped.closed += bytes.length;
      else if (stream.writableLength > MAX_PENDING_BYTES) dropped.stuck += bytes.length;
      else stream.write(bytes, sent.begin(bytes.length));
    },
    send: (bytes, done) => {
      const count = sent.begin(bytes.length);
      stream.write(bytes, (error) => {
        count(error);
        done(error);
      });
    },
    onBytes: (listener) => {
      stream.on("data", listener);
    },
    pause: () => void stream.pause(),
    resume: () => void stream.resume(),
  };
}
