/** Who is logged in. */
import type { z } from "zod";
import type { sessionAnswer } from "../api/access.ts";
import { cell, useCell } from "./cell.ts";

export type Session = z.output<typeof sessionAnswer>;

/** `undefined` before the gateway was asked, null for nobody. */
export const session = cell<Session | null | undefined>(undefined);

export type Rights = {
  /** May act on what is in its scope: devices, budgets. */
  readonly isOperator: boolean;
  /** Sees the whole gateway: logs, settings, wallet. */
  readonly seesGateway: boolean;
  /** May act on the whole gateway: settle, halt, lanes, levels. */
  readonly isKeeper: boolean;
};

/** What whoever is logged in may do: shows or hides buttons; the gateway checks it again. */
export function useRights(): Rights {
  const who = useCell(session);
  const isOperator = who?.role === "operator";
  const seesGateway = who?.owner === null;
  return { isOperator, seesGateway, isKeeper: isOperator && seesGateway };
}
