/** A journal record as it is shown: its place in the chain, and its text where that is nobody else's business. */
import type { Hex } from "../../base/bytes.ts";
import type { Entry } from "../../journal/journal.ts";
import type { Fact } from "../../protocol/facts.ts";
import type { StoryEntry } from "../api/task.ts";
import type { Presenter } from "./present.ts";

/** @param hasText - whether the viewer may have the text, see {@link isOwnBusiness} */
export function storyEntryOf(entry: Entry, hasText: boolean): StoryEntry {
  const { index, at, hash, previous, text, facts } = entry;
  const kinds = facts.map(({ kind }) => kind);
  return { index, at, hash, previous, kinds, text: hasText ? text : null };
}

/** Whether a record tells of nobody but the viewer's own devices, and of the gateway. */
export function isOwnBusiness(presenter: Presenter, gateway: Hex | null, entry: Entry): boolean {
  const others = [entry.cause.by, ...entry.facts.flatMap(partiesIn)];
  return others.every((one) => one === null || one === gateway || presenter.isOwnAddress(one));
}

/** Every account whose business a fact is. */
function partiesIn(fact: Fact): readonly (Hex | null)[] {
  const found: (Hex | null)[] = [];
  if ("device" in fact) found.push(fact.device);
  if ("requester" in fact) found.push(fact.requester);
  if ("provider" in fact) found.push(fact.provider);
  if ("payer" in fact) found.push(fact.payer);
  if ("payee" in fact) found.push(fact.payee);
  if ("legs" in fact) for (const leg of fact.legs) found.push(leg.payee);
  if ("postings" in fact) for (const { account } of fact.postings) found.push(accountIn(account));
  if (fact.kind === "claimed") for (const lane of fact.lanes) found.push(lane.payer, lane.payee);
  // whose vouchers a transaction claims is packed in its bytes
  if (fact.kind === "transactionPrepared") found.push("0x");
  return found;
}

function accountIn(account: string): Hex | null {
  const at = account.indexOf(":");
  return at < 0 ? null : (account.slice(at + 1) as Hex);
}
