/** What the chain shows of lanes: facts as they are, the books squared with them, and the work they put an end to. */
import { CANCELLABLE, openTasks } from "../market/market.ts";
import { closesBefore, incomingLane, withLanesSeen } from "../payment/payment.ts";
import { reconcile } from "../payment/reconcile.ts";
import type { Fact, FactNamed } from "../protocol/facts.ts";
import { endCancelled } from "./charge.ts";
import type { Context, State } from "./state.ts";

/**
 * Observations stand as they are; a lane that the books do not agree with is squared in the same record. One record
 * shows a lane once.
 */
export function decideObserved(state: State, facts: readonly Fact[], context: Context): readonly Fact[] {
  const squared = facts.flatMap((fact) => {
    const lanes = fact.kind === "laneObserved" ? [fact] : fact.kind === "claimed" ? fact.lanes : [];
    const isHalted = state.halted !== null;
    const found = lanes.map((lane) => reconcile(state.payment, context.market, lane, isHalted));
    return [...found.filter((one) => one !== null), fact];
  });
  return [...squared, ...cancelDoomed(state, context, facts)];
}

/** On-result work for a payer that is leaving is cancelled, unless it will be over while the payer can still sign. */
function cancelDoomed(state: State, context: Context, facts: readonly Fact[]): Fact[] {
  const { market, limits } = context;
  const isLeaving = facts.some(
    (fact) => fact.kind === "laneObserved" && fact.payee === market.gateway && fact.closeAt !== 0,
  );
  if (!isLeaving) return [];
  // the same record may show the lanes on which the cancelled work is paid
  const seen = { ...state, payment: withLanesSeen(state.payment, market, facts) };
  const ended: FactNamed<"ended">[] = [];
  for (const task of openTasks(state.market)) {
    if (task.payment !== "result" || !CANCELLABLE.has(task.state)) continue;
    const last = closesBefore(incomingLane(seen.payment, market, task.requester), limits.closeMarginMs);
    const isSafe = task.run !== null && task.run.stage !== "awarded" && task.run.runBy <= last;
    if (isSafe || last === Number.POSITIVE_INFINITY) continue;
    const signed = ended.flatMap(({ legs }) => legs);
    ended.push(endCancelled(seen, context, task, "its requester's lane is closing", signed));
  }
  return ended;
}
