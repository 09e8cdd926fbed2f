/** The world as the command line has it. */
import type { Clock } from "./base/clock.ts";
import type { Config } from "./config.ts";
import type { CommandIo } from "./operator/io.ts";
import type { Keys } from "./operator/settings.ts";

/** What the command line hands to its commands. */
export type Terminal = {
  readonly io: CommandIo;
  readonly keys: Keys;
  /** The text of a file that is nobody else's. */
  readonly readSecret: (path: string) => string;
  readonly readConfig: (path: string) => Config;
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The folder that is meant when none is named: the gateway's of this directory, or the newest demo's. */
  readonly defaultData: () => string | null;
  /** Aborts at SIGTERM or Ctrl-C, and when whoever read our output has gone. */
  readonly stopSignal: () => AbortSignal;
  readonly version: () => string;
  /** Says on standard error why the process cannot go on. */
  readonly complain: (fault: unknown) => void;
};
