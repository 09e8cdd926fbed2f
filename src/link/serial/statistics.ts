/**
 * What a serial line has done since it was opened: counters only, so two readings subtract.
 *
 * Of every byte it is known what became of it: `bytesReceived` is `delimiterBytes`, `frameBytes` and all of
 * `discarded` together, except for the frame that is coming in at the moment; what was written is `bytesSent` and all
 * of `dropped`.
 */
import { type Frame, stuffedFrameBytes } from "./frame.ts";

/** Bytes that came over the line and went no further, by what was wrong with them. Zeros are not among them. */
export type DiscardedBytes = {
  /** Before the first whole frame since the path was opened: boot logs, half a frame, another rate. */
  beforeSync: number;
  /** More than a frame's worth between two zeros. */
  tooLong: number;
  /** Not COBS, or too short for a frame. */
  badStuffing: number;
  /** The CRC does not match: noise, or text between frames. */
  badCheck: number;
  /** The CRC matches, but it is no kind of frame that is known here. */
  unknownType: number;
  /** Whole frames of another session, or that make no sense in this one. */
  refused: number;
  /** Whole data frames that were here already. */
  duplicate: number;
  /** The beginning of a frame, when the path was lost or closed. */
  unfinished: number;
  /** While other rates than the configured one were listened to. */
  probing: number;
  /** Came when the line was closed already. */
  closed: number;
};

/** Bytes that were to be sent and never reached the line. */
export type DroppedBytes = {
  /** The port did not take what was written before. */
  stuck: number;
  /** The port was lost or closed. */
  closed: number;
};

export interface LinkStatistics {
  /** All bytes off the line, zeros included. */
  bytesReceived: number;
  /** Zeros: they end frames. */
  delimiterBytes: number;
  /** Bytes of the frames that were taken in, without their zero. */
  frameBytes: number;
  readonly discarded: DiscardedBytes;
  /** All bytes that the port took. */
  bytesSent: number;
  readonly dropped: DroppedBytes;
  /** Frames written, of every type, repetitions included. */
  framesSent: number;
  /** Data frames written again. */
  framesResent: number;
  /** Whole frames received. */
  framesReceived: number;
  /** Byte runs between two zeros that were not a frame. */
  badFrames: number;
  /** Data frames that were here already. */
  duplicateFrames: number;
  /** Whole frames of another session, or that make no sense in this one. */
  refusedFrames: number;
  /** Sessions begun. */
  sessions: number;
}

/** All counters at zero, as a line has them when it opens; its owner counts in place. */
export function emptyStatistics(): LinkStatistics {
  return {
    bytesReceived: 0,
    delimiterBytes: 0,
    frameBytes: 0,
    discarded: {
      beforeSync: 0,
      tooLong: 0,
      badStuffing: 0,
      badCheck: 0,
      unknownType: 0,
      refused: 0,
      duplicate: 0,
      unfinished: 0,
      probing: 0,
      closed: 0,
    },
    bytesSent: 0,
    dropped: { stuck: 0, closed: 0 },
    framesSent: 0,
    framesResent: 0,
    framesReceived: 0,
    badFrames: 0,
    duplicateFrames: 0,
    refusedFrames: 0,
    sessions: 0,
  };
}

/** Counts a whole frame as of no use here: its bytes were a taken frame's until now. */
export function countRefused(statistics: LinkStatistics, frame: Frame): void {
  statistics.refusedFrames++;
  discardFrame(statistics, "refused", frame);
}

/** Counts a whole data frame as here already: its bytes were a taken frame's until now. */
export function countDuplicate(statistics: LinkStatistics, frame: Frame): void {
  statistics.duplicateFrames++;
  discardFrame(statistics, "duplicate", frame);
}

function discardFrame(statistics: LinkStatistics, cause: "refused" | "duplicate", { payload }: Frame): void {
  const byteCount = stuffedFrameBytes(payload.length);
  statistics.frameBytes -= byteCount;
  statistics.discarded[cause] += byteCount;
}

/** Counts bytes off the line that nothing looks at. */
export function countDiscarded(
  statistics: LinkStatistics,
  cause: keyof DiscardedBytes,
  bytes: Uint8Array,
): void {
  let zeros = 0;
  for (const byte of bytes) if (byte === 0) zeros++;
  statistics.bytesReceived += bytes.length;
  statistics.delimiterBytes += zeros;
  statistics.discarded[cause] += bytes.length - zeros;
}

/** Bytes that a port was given: sent, unless it is lost or closed before they have gone out. */
export class SentBytes {
  readonly #counts: Pick<LinkStatistics, "bytesSent" | "dropped">;
  #pending = 0;
  #isOver: boolean = false;

  constructor(counts: Pick<LinkStatistics, "bytesSent" | "dropped">) {
    this.#counts = counts;
  }

  /** Counts so many bytes as sent. The function that it gives is to be called when they are, or never will be. */
  begin(byteCount: number): (error?: Error | null) => void {
    this.#counts.bytesSent += byteCount;
    this.#pending += byteCount;
    return (error) => {
      if (this.#isOver) return;
      this.#pending -= byteCount;
      if (error) this.#drop(byteCount);
    };
  }

  /** The port is closed: what has not gone out never will. */
  end(): void {
    if (!this.#isOver) this.#drop(this.#pending);
    this.#isOver = true;
  }

  #drop(byteCount: number): void {
    this.#counts.bytesSent -= byteCount;
    this.#counts.dropped.closed += byteCount;
  }
}
