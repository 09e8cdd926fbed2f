/** What a serial line has done since it was opened: counters only, so two readings subtract. */
export interface LinkStatistics {
  /** Frames written, of every type, repetitions included. */
  framesSent: number;
  /** Data frames written again. */
  framesResent: number;
  /** Whole frames received. */
  framesReceived: number;
  /** Byte runs between two zeros that were not a frame. */
  badFrames: number;
  /** Bytes received outside every frame: noise, log text, broken frames. Zeros are not counted. */
  discardedBytes: number;
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
    framesSent: 0,
    framesResent: 0,
    framesReceived: 0,
    badFrames: 0,
    discardedBytes: 0,
    duplicateFrames: 0,
    refusedFrames: 0,
    sessions: 0,
  };
}
