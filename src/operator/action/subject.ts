/** What an action is about: a device of whoever asks. What belongs to others is not there for them. */
import type { Hex } from "../../base/bytes.ts";
import { Fault } from "../../base/fault.ts";
import { type Device, isOperator, type Roster } from "../../market/roster.ts";
import type { Viewer } from "../api/access.ts";
import { type RosterEntry, readRoster } from "../roster-folder.ts";

/**
 * The device of this name or address, in any case, that the viewer may act on.
 *
 * @throws {@link Fault} `not_found`, in the same words for one that is not there and for one of another owner
 */
export function deviceFor(viewer: Viewer, roster: Roster, typed: string): Device {
  const wanted = typed.toLowerCase();
  const isMeant = ({ address, name }: Device) => address === wanted || name.toLowerCase() === wanted;
  const isTheirs = ({ owner }: Device) => viewer.owner === null || owner === viewer.owner;
  // a name may have been given anew: the newest device that has it is meant
  const found = [...roster.values()].findLast((one) => isMeant(one) && isTheirs(one));
  if (found && !isOperator(found)) return found;
  throw new Fault("not_found", `there is no device ${typed}`);
}

/**
 * The roster's entry of a device.
 *
 * @throws {@link Fault} `usage` for a guest, whom nobody has enrolled
 */
export function entryOf(dataFolder: string, { address, name }: Device): RosterEntry {
  const entry = readRoster(dataFolder).entries.find(({ device }) => device === address);
  if (entry) return entry;
  throw new Fault("usage", `${name} is not enrolled: nothing about it is kept in the roster`);
}

/** The device in the name of one of the gateway's own lanes, which ends in `-out`; null for a lane to the gateway. */
export function payeeIn(lane: string): Hex | null {
  const [address = "", direction] = lane.split("-");
  return direction === "out" ? (address as Hex) : null;
}
