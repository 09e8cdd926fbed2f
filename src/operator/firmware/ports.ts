/** What the commands of `hirewire firmware` have of the world. */
import type { Clock } from "../../base/clock.ts";
import type { Executor } from "../../firmware/executor.ts";
import type { Keys } from "../settings.ts";
import type { Streams } from "./streams.ts";

export type FirmwarePorts = {
  readonly keys: Pick<Keys, "read">;
  readonly clock: Clock;
  readonly streams: Streams;
  /** One that runs already and goes on; without it a command starts its own, which is gone when it ends. */
  readonly executor?: Executor;
};
