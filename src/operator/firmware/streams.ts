/** Standard input and output as bytes: what `firmware run` reads and writes beside its report. */
import { collect } from "./source.ts";

export interface Streams {
  /**
   * All of standard input.
   *
   * @throws {@link Fault} `usage` beyond 64 MiB, `disk_failed` when it cannot be read
   */
  read(): Promise<Uint8Array>;
  /** Bytes to standard output, as they are. */
  write(bytes: Uint8Array): void;
}

/** Those of this process. */
export function standardStreams(): Streams {
  return {
    read: () => collect(process.stdin, "standard input"),
    write: (bytes) => void process.stdout.write(bytes),
  };
}
