import { expect, test } from "vitest";
import { marketWords } from "../../../../src/operator/page/pages/market.words.ts";
import { stateWords } from "../../../../src/operator/page/words/state.words.ts";
import { BID_WORDS } from "../../../../src/operator/views/bid-story.ts";
import { END_STATES, FACT_KINDS, PURPOSES } from "../../../../src/protocol/facts.ts";
import { RUN_VERDICTS } from "../../../../src/protocol/fuel.ts";
import { PAYMENTS, ROLES } from "../../../../src/protocol/message.ts";

const languages = ["en", "zh"] as const;

test.each(languages)("every kind of fact has its words in %s", (language) => {
  expect(new Set(Object.keys(marketWords[language].kinds))).toEqual(new Set(FACT_KINDS));
});

test.each(languages)("every word that a story can say is known in %s", (language) => {
  const known = new Set([
    ...Object.keys(marketWords[language].words),
    ...Object.keys(stateWords[language].task),
  ]);
  const answers = ["answer accepted", "answer rejected"];
  const said = [...BID_WORDS, ...END_STATES, ...PURPOSES, ...RUN_VERDICTS, ...PAYMENTS, ...ROLES, ...answers];
  expect(said.filter((word) => !known.has(word))).toEqual([]);
});

test("nothing in Chinese was left in English", () => {
  const same = Object.entries(marketWords.en.words).filter(
    ([key, text]) => new Map(Object.entries(marketWords.zh.words)).get(key) === text,
  );
  expect(same).toEqual([]);
});
