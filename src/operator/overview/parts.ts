/** What the first screen and its lists are made from: ports that the root fills in. */
import type { Hex } from "../../base/bytes.ts";
import type { Clock, Instant } from "../../base/clock.ts";
import type { Amount } from "../../base/money.ts";
import type { State } from "../../exchange/state.ts";
import type { Traffic } from "../../link/broker/traffic.ts";
import type { LineReport } from "../../link/serial/lines.ts";
import type { Lane } from "../../payment/lane.ts";
import type { Limits } from "../../payment/standing.ts";
import type { Ask } from "../../protocol/ask.ts";
import type { Market } from "../../protocol/typed-data.ts";
import type { Viewer } from "../api/access.ts";
import type { AlertRow } from "../api/alert.ts";
import type { Views } from "../views/views.ts";
import type { Vitals } from "../watch/vitals.ts";
import type { TaskTimes } from "./task-times.ts";

/** What the first screen needs of the living gateway. */
export type ScreenVitals = Pick<
  Vitals,
  | "version"
  | "startedAt"
  | "symbol"
  | "decimals"
  | "isPlayMoney"
  | "halted"
  | "stopped"
  | "journal"
  | "wallet"
>;

/** Whether a device of the journal's roster may be here: `gone` is nobody's entry any more. */
export type DevicePlace = "enrolled" | "disabled" | "gone";

export type OverviewParts = {
  readonly place: {
    readonly name: string;
    readonly chainName: string;
    /** What the chain's native coin is called. */
    readonly gasSymbol: string;
    readonly market: Market;
    /** When the journal's first record was written. */
    readonly beganAt: Instant;
  };
  readonly clock: Pick<Clock, "now" | "after">;
  /** Told when the settlement log does not answer the first screen. */
  readonly onFault: (fault: unknown) => void;
  readonly state: Pick<State, "market" | "payment" | "roster">;
  readonly devices: Pick<Traffic, "of" | "messages">;
  readonly lines: () => readonly LineReport[];
  /** What connected providers stand by. */
  readonly asks: () => ReadonlyMap<Hex, Ask>;
  readonly views: Pick<Views, "sums" | "slices" | "perDevice" | "prices" | "endedTasks" | "read">;
  readonly vitals: () => ScreenVitals;
  readonly alerts: (viewer: Viewer) => readonly AlertRow[];
  readonly standingOf: (device: Hex) => DevicePlace;
  /** All that may ever be signed for a wallet that is kept here; null for a device with its own key. */
  readonly keptCap: (device: Hex) => Amount | null;
  readonly limits: Pick<Limits, "devicePerDay" | "ownerPerDay">;
  /** When a lane with something to claim is claimed at the latest; null where that is not known. */
  readonly claimBy: (lane: Lane) => Instant | null;
  readonly taskTimes: Pick<TaskTimes, "since">;
  /** Whether a test task can be sent to a device, or why not. */
  readonly testTask: (device: Hex) => { readonly ready: boolean; readonly why: string };
};
