/** What a watchtower tells, as lines for people and as JSON for programs. */
import type { Instant } from "../../base/clock.ts";
import { isFault } from "../../base/fault.ts";
import type { LaneKey } from "../../settlement/chain.ts";
import type { TowerEvent } from "../../settlement/tower-event.ts";

/** One line. Amounts are atomic units: of which token it is, the lane says. */
export function eventLine(event: TowerEvent, at: Instant): string {
  return `${time(at)}  ${words(event)}\n`;
}

/** One line. */
export function faultLine(fault: unknown, at: Instant): string {
  const text = fault instanceof Error ? fault.message : String(fault);
  return `${time(at)}  ${isFault(fault) ? fault.code : "unknown"}: ${text}\n`;
}

/** One line of JSON; amounts and wei as decimal text, blocks as numbers. */
export function eventJson(event: TowerEvent, at: Instant): string {
  return json({ at, ...event });
}

/** One line of JSON. */
export function faultJson(fault: unknown, at: Instant): string {
  const message = fault instanceof Error ? fault.message : String(fault);
  const { code, facts } = isFault(fault) ? fault : { code: "unknown", facts: {} };
  return json({ at, kind: "fault", code, message, facts });
}

function words(event: TowerEvent): string {
  switch (event.kind) {
    case "laneClosing":
      return `closing    ${lane(event)}: ${event.unclaimed} units unclaimed, until ${seconds(event.closeAt)}`;
    case "alarm":
      return `ALARM      ${lane(event)}: ${event.unclaimed} units unclaimed, ${event.quarters}/4 of the window over, until ${seconds(event.closeAt)}`;
    case "laneSaved":
      return `saved      ${lane(event)}: ${event.settled} units settled`;
    case "laneClosed":
      return `${event.short > 0n ? "LOST   " : "closed "}    ${lane(event)}: ${event.settled} units settled, ${event.short} units short`;
    case "laneUnguarded":
      return `unguarded  ${lane(event)} is closing, and no voucher of it is here; until ${seconds(event.closeAt)}`;
    case "blind":
      return `BLIND      the chain was last read ${time(event.since)}`;
    case "claimSent":
      return `claim      ${event.transaction}: ${event.rows} lanes, nonce ${event.nonce}${event.replaces === null ? "" : `, replaces ${event.replaces}`}`;
    case "claimMined":
      return `${event.succeeded ? "mined   " : "REVERTED"}   ${event.transaction}: block ${event.block}, gas ${event.gasUsed}, ${event.gasCost} wei`;
    case "claimDropped":
      return `dropped    ${event.transaction}: ${event.reason}`;
  }
}

function lane({ payer, payee }: LaneKey): string {
  return `${payer} -> ${payee}`;
}

function time(at: Instant): string {
  return new Date(at).toISOString();
}

function seconds(at: number): string {
  return new Date(at * 1_000).toISOString();
}

function json(value: object): string {
  const plain = (key: string, inner: unknown) => {
    if (typeof inner !== "bigint") return inner;
    return key === "block" ? Number(inner) : String(inner);
  };
  return `${JSON.stringify(value, plain)}\n`;
}
