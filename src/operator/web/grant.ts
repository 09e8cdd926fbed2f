/** `--role` and `--owner`, which say how much a login may do and see. */
import type { ParseArgsConfig } from "node:util";
import { Fault } from "../../base/fault.ts";
import { ROLES } from "../api/scalar.ts";
import { parseAddress } from "../arguments.ts";
import type { Grant } from "./access.ts";

export const GRANT_OPTIONS = {
  role: { type: "string" },
  owner: { type: "string" },
} as const satisfies ParseArgsConfig["options"];

/**
 * What the options grant.
 *
 * @param fallback - the role when none is named
 * @throws {@link Fault} `usage`
 */
export function grantOf(
  { role, owner }: { readonly role?: string | undefined; readonly owner?: string | undefined },
  fallback: Grant["role"],
): Grant {
  const known = role === undefined ? fallback : ROLES.find((one) => one === role);
  if (!known) throw new Fault("usage", `--role takes ${ROLES.join(" or ")}, not "${role}"`);
  return { role: known, owner: owner === undefined ? null : parseAddress(owner, "--owner") };
}

/** A grant in words. */
export function scopeOf({ owner }: Grant): string {
  return owner === null ? "the whole gateway" : `what ${owner} owns`;
}
