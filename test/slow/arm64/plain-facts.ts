/** Facts of a market without all that differs from run to run: times, keys, whatever was drawn or signed. */
import type { Hex } from "../../../src/base/bytes.ts";
import { encodeFact, type Fact, type FactKind } from "../../../src/protocol/facts.ts";

/** Told by the machine's clock, by a random source, or by what was signed. */
const UNLIKE: ReadonlySet<string> = new Set([
  ...["deadline", "bidBy", "expires", "acceptBy", "runBy", "due"],
  ...["task", "id", "salt", "saltedOutput", "author"],
  ...["signature", "award", "receipt", "transaction", "raw"],
  ...["block", "gasUsed", "gasCost", "maxFeePerGas", "maxPriorityFeePerGas"],
]);
/** When the chain is looked at, and how often a task is announced until somebody bids, is a matter of time. */
const UNTIMELY: ReadonlySet<FactKind> = new Set(["laneObserved", "announced"]);

const ADDRESS = /0x[0-9a-f]{40}(?![0-9a-f])/g;

/**
 * @param names - of the accounts that were made for the run; others stay as they are
 * @returns JSON texts, one for each fact; bids that came one after another sorted
 */
export function plainFacts(facts: readonly Fact[], names: ReadonlyMap<string, string>): readonly string[] {
  const plain = facts
    .filter(({ kind }) => !UNTIMELY.has(kind))
    .map((fact) =>
      JSON.stringify(withoutUnlike(encodeFact(fact))).replaceAll(
        ADDRESS,
        (address) => names.get(address) ?? address,
      ),
    );
  const sorted: string[] = [];
  let bids: string[] = [];
  for (const [at, text] of plain.entries()) {
    if (text.startsWith('{"kind":"bidPlaced"')) bids.push(text);
    else {
      sorted.push(...bids.toSorted(), text);
      bids = [];
    }
    if (at === plain.length - 1) sorted.push(...bids.toSorted());
  }
  return sorted;
}

function withoutUnlike(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUnlike);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([key]) => !UNLIKE.has(key));
  return Object.fromEntries(kept.map(([key, one]) => [key, withoutUnlike(one)]));
}

/** Names for the accounts of a run. */
export function namesOf(
  parties: readonly { readonly name: string; readonly address: Hex }[],
): ReadonlyMap<string, string> {
  return new Map(parties.map(({ name, address }) => [address, name]));
}
