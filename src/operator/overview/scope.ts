/** What one viewer sees: the whole gateway, or one owner's devices. Everything that is told goes through here. */
import type { Hex } from "../../base/bytes.ts";
import type { Device, Roster } from "../../market/roster.ts";

export type Scope = {
  /** Null: the whole gateway. */
  readonly owner: Hex | null;
  /** Whether a device is in view. */
  has(device: Hex): boolean;
  /** An account, with its name where the viewer may know it. */
  party(address: Hex): { readonly address: Hex; readonly name: string | null };
  /** The devices in view, in the order in which they came to be known. */
  devices(): readonly Device[];
};

/**
 * The scope of a viewer, as the roster is now.
 *
 * @param owner - null for the whole gateway
 */
export function scopeOf(roster: Roster, owner: Hex | null): Scope {
  const own = [...roster.values()].filter((device) => owner === null || device.owner === owner);
  const addresses = new Set(own.map(({ address }) => address));
  const has = owner === null ? () => true : (device: Hex) => addresses.has(device);
  return {
    owner,
    has,
    party: (address) => ({ address, name: (has(address) && roster.get(address)?.name) || null }),
    devices: () => own,
  };
}
