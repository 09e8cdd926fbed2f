/** The market's own words, in the viewer's language. */
import { useWords } from "../language.ts";
import { StateMark } from "../parts/state-mark.tsx";
import { stateWords } from "../words/state.words.ts";
import { marketWords } from "./market.words.ts";
import { toneOf } from "./market-state.ts";

/** A word in the page's language; one that is not known is said as it came. */
export function useMarketWord(): (word: string) => string {
  const own: Readonly<Record<string, string>> = useWords(marketWords).words;
  const { task, kind, settlement, lane, device } = useWords(stateWords);
  const lists: readonly Readonly<Record<string, string>>[] = [own, settlement, kind, task, lane, device];
  return (word) => lists.find((list) => Object.hasOwn(list, word))?.[word] ?? word;
}

/** A state with its mark. */
export function MarketState({ state }: { readonly state: string }) {
  const say = useMarketWord();
  return <StateMark tone={toneOf(state)} word={say(state)} />;
}
