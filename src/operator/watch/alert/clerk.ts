/** Answers what needs somebody. */
import type { Clock } from "../../../base/clock.ts";
import type { Desk } from "../../api/desk.ts";
import type { AlertBoard } from "./board.ts";

export type AlertParts = { readonly board: Pick<AlertBoard, "alerts">; readonly clock: Pick<Clock, "now"> };

/** The clerk of `alerts`: to an owner only what is its business. */
export function alertClerks({ board, clock }: AlertParts): Pick<Desk, "alerts"> {
  return {
    alerts: (_asked, viewer) => Promise.resolve({ at: clock.now(), alerts: [...board.alerts(viewer)] }),
  };
}
