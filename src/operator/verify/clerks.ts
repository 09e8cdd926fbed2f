/** What the API says of the journal as such: one record, and whether all of them hold. */
import { Fault } from "../../base/fault.ts";
import type { Journal } from "../../journal/journal.ts";
import type { Viewer } from "../api/access.ts";
import type { Desk } from "../api/desk.ts";
import type { Verification } from "../api/settlement.ts";
import type { Walks } from "./walk.ts";

export type VerifyParts = { readonly walks: Walks; readonly journal: Pick<Journal, "entry"> };

/**
 * Clerks of the routes `verify`, which answers at once while the walk goes on, `verification` and `entry`.
 */
export function verifyClerks({
  walks,
  journal,
}: VerifyParts): Pick<Desk, "verify" | "verification" | "entry"> {
  return {
    verify: (_, viewer) => Promise.try(() => inScope(walks.begin(), viewer)),
    verification: (_, viewer) => Promise.try(() => inScope(walks.newest(), viewer)),
    entry: ({ params: { index } }) =>
      Promise.try(() => {
        const entry = journal.entry(index);
        if (!entry) throw new Fault("not_found", `the journal has no entry ${index}`);
        const { at, hash, previous, facts, text } = entry;
        return { index, at, hash, previous, kinds: facts.map(({ kind }) => kind), text };
      }),
  };
}

/** Reasons name devices, tasks, sums and counts of everybody: one owner hears that something is wrong, not what. */
function inScope(verification: Verification, { owner }: Viewer): Verification {
  if (owner === null) return verification;
  const { broken, chain } = verification;
  const why = "ask whoever runs this gateway";
  return {
    ...verification,
    broken: broken && { ...broken, why },
    chain: chain && { ...chain, why: chain.agrees ? "all lanes are what the journal says" : why },
  };
}
