/** Standard input and output as bytes: what `firmware run` reads and writes beside its report. */
import { buffer } from "node:stream/consumers";

export interface Streams {
  /** All of standard input. */
  read(): Promise<Uint8Array>;
  /** Bytes to standard output, as they are. */
  write(bytes: Uint8Array): void;
}

/** Those of this process. */
export function standardStreams(): Streams {
  return {
    read: () => buffer(process.stdin),
    write: (bytes) => void process.stdout.write(bytes),
  };
}
