/** What stands beside a label of a story: each kind of value is shown, copied and read out in its own way. */
import type { Story } from "../../api/task.ts";

type Party = Story["requester"];

export type Value =
  | { readonly as: "money"; readonly amount: string }
  /** Native coins, decimal text. */
  | { readonly as: "coins"; readonly amount: string }
  /** Native units of the smallest kind, decimal text. */
  | { readonly as: "wei"; readonly count: string }
  | { readonly as: "time"; readonly at: number }
  | { readonly as: "hash"; readonly hash: string }
  | { readonly as: "signature"; readonly signature: string }
  | { readonly as: "party"; readonly party: Party }
  | { readonly as: "firmware"; readonly firmware: Story["offer"]["firmware"] }
  | { readonly as: "count"; readonly count: number }
  | { readonly as: "bytes"; readonly count: number }
  | { readonly as: "fuel"; readonly fuel: number }
  /** One of the market's own words, said in the viewer's language where it is known. */
  | { readonly as: "word"; readonly word: string }
  /** Such a word that says nothing good or bad. */
  | { readonly as: "name"; readonly word: string }
  /** Kinds of facts. */
  | { readonly as: "kinds"; readonly kinds: readonly string[] }
  | { readonly as: "text"; readonly text: string }
  /** How a verdict was reached: the gateway's sentence, and what it is made of. */
  | {
      readonly as: "ruling";
      readonly how: string;
      readonly verdict: string;
      readonly checks: Story["checks"];
    }
  | { readonly as: "confirmations"; readonly count: number | null; readonly of: number | null }
  | { readonly as: "link"; readonly hash: string; readonly url: string | null }
  | { readonly as: "entry"; readonly index: number }
  | { readonly as: "task"; readonly task: string }
  | { readonly as: "none" };

const NONE: Value = { as: "none" };

export const money = (amount: string): Value => ({ as: "money", amount });
export const at = (time: number): Value => ({ as: "time", at: time });
export const word = (text: string): Value => ({ as: "word", word: text });
export const text = (sentence: string): Value => (sentence === "" ? NONE : { as: "text", text: sentence });
export const count = (number: number): Value => ({ as: "count", count: number });
export const bytes = (number: number): Value => ({ as: "bytes", count: number });
export const fuel = (burnt: number): Value => ({ as: "fuel", fuel: burnt });
export const entry = (index: number): Value => ({ as: "entry", index });
export const party = (who: Party | null): Value => (who ? { as: "party", party: who } : NONE);
export const hash = (digest: string | null): Value => (digest ? { as: "hash", hash: digest } : NONE);
export const signature = (over: string | null): Value => (over ? { as: "signature", signature: over } : NONE);
