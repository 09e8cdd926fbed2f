/** Lanes as bars on one scale: what is ours of a deposit, and what is still theirs. */
import type { LaneRow } from "../../api/lane.ts";

/** A piece of a bar, in parts of the longest deposit of all, 0 to 1. */
export type BarPart = {
  /** `settled`: claimed on chain; `unsettled`: promised and not claimed; `room`: can still be promised. */
  readonly part: "settled" | "unsettled" | "room";
  /** Whose it is by now: of whoever looks, or the other party's. */
  readonly side: "ours" | "theirs";
  readonly share: number;
  readonly amount: string;
};

export type LaneBar = {
  readonly lane: LaneRow;
  readonly parts: readonly BarPart[];
};

/** The lanes between the gateway and one device. */
export type DeviceLanes = { readonly device: LaneRow["device"]; readonly bars: readonly LaneBar[] };

/**
 * Gathers lanes by device, in the order in which the devices come, and scales them all alike. A device whose lane has
 * no deposit has an empty bar.
 *
 * @param isOwner - whether an owner of devices looks, to whom the device's side is ours
 */
export function laneBars(lanes: readonly LaneRow[], isOwner: boolean): readonly DeviceLanes[] {
  const longest = lanes.reduce((most, lane) => Math.max(most, Number(lane.deposit)), 0);
  const devices = new Map<string, { device: LaneRow["device"]; bars: LaneBar[] }>();
  for (const lane of lanes) {
    const { address } = lane.device;
    const known = devices.get(address) ?? { device: lane.device, bars: [] };
    known.bars.push({ lane, parts: partsOf(lane, longest, isOwner) });
    devices.set(address, known);
  }
  for (const { bars } of devices.values()) {
    bars.sort((a, b) => a.lane.direction.localeCompare(b.lane.direction));
  }
  return [...devices.values()];
}

function partsOf(lane: LaneRow, longest: number, isOwner: boolean): readonly BarPart[] {
  // What is signed on an incoming lane is the gateway's; on an outgoing one, the device's.
  const isSignedOurs = (lane.direction === "incoming") !== isOwner;
  const share = (amount: string) => (longest > 0 ? Math.max(0, Number(amount)) / longest : 0);
  const signed = isSignedOurs ? "ours" : "theirs";
  const rest = isSignedOurs ? "theirs" : "ours";
  return [
    { part: "settled", side: signed, share: share(lane.settled), amount: lane.settled },
    { part: "unsettled", side: signed, share: share(lane.unsettled), amount: lane.unsettled },
    { part: "room", side: rest, share: share(lane.room), amount: lane.room },
  ];
}

/** A bar in words; parts of nothing are left out. */
export function partsText(bar: LaneBar, say: (part: BarPart) => string): string {
  return bar.parts
    .filter(({ share }) => share > 0)
    .map(say)
    .join(", ");
}
