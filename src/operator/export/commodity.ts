/** What an amount is counted in. */
import type { SettlementRow } from "../api/settlement.ts";

/** `USDT`, or `GAS` for the chain's own coin, whatever that is called. */
export function commodityOf({ kind }: Pick<SettlementRow, "kind">): "USDT" | "GAS" {
  return kind === "gas" ? "GAS" : "USDT";
}
