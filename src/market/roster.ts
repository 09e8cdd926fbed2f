/** Who may trade: the devices an operator has enrolled, and guests. */
import type { Hex } from "../base/bytes.ts";
import type { Fact } from "../protocol/facts.ts";
import type { TopicName } from "../protocol/topic.ts";

export type Device = TopicName & {
  readonly address: Hex;
  readonly name: string;
  /** Who owns the device's money; null when the device's own key does. */
  readonly owner: Hex | null;
};

/** The manufacturer in the topics of a device that nobody has enrolled; its serial number is its address. */
export const GUEST = "guest";

/** The manufacturer in the topics of the gateway's own requester, with which an operator tries devices out. */
export const OPERATOR = "operator";

/** Whether this is the gateway's own requester: it is nobody's device, and never logs in. */
export function isOperator({ manufacturer }: Pick<Device, "manufacturer">): boolean {
  return manufacturer === OPERATOR;
}

export type Roster = Map<Hex, Device>;

/** Applies one fact in place. */
export function applyToRoster(roster: Roster, fact: Fact): void {
  if (fact.kind !== "deviceEnrolled") return;
  const { device, name, owner, manufacturer, serialNumber } = fact;
  roster.set(device, { address: device, name, owner, manufacturer, serialNumber });
}
